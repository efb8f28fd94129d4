"""Proof from a moment ago: who has it, with what, and for how long."""

import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.account.internal.flows import login
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from accounts import step_up
from tests.accounts import factors
from tests.factories import Organisation

SECONDS = step_up.FRESH.total_seconds()


def request(
    user: Any,
    *records: tuple[str, float],
    token_age: timedelta | None = None,
    shown: bool = False,
) -> Any:
    """A call of somebody who signed in by these methods, so many seconds ago, or by a token."""
    session = {
        login.AUTHENTICATION_METHODS_SESSION_KEY: [
            {"method": method, "at": time.time() - ago} for method, ago in records
        ],
        login._AUTHENTICATION_METHODS_USER_SESSION_KEY: str(getattr(user, "pk", "")),
    }
    token = None
    if token_age is not None:
        token = SimpleNamespace(created=timezone.now() - token_age, second_factor=shown)
    return SimpleNamespace(user=user, session=session, auth=token)


def is_proven(found: Any) -> bool:
    return step_up.is_proven(found, at=timezone.now())


def test_nobody_signed_in_has_proven_nothing(db: None) -> None:
    assert not is_proven(request(AnonymousUser()))


@pytest.mark.parametrize(
    ("records", "proven"),
    [
        ([], False),
        ([("password", 0)], True),
        ([("password", SECONDS - 5)], True),
        ([("password", SECONDS + 1)], False),
        ([("password", SECONDS * 9), ("password", 10)], True),
    ],
)
def test_a_browser_proves_it_for_five_minutes(
    org: Organisation, records: list[tuple[str, float]], proven: bool
) -> None:
    assert SECONDS == 300
    assert is_proven(request(org.axel, *records)) is proven


def test_the_records_of_somebody_else_prove_nothing(org: Organisation) -> None:
    found = request(org.dora, ("password", 0))
    found.user = org.axel
    assert not is_proven(found)


@pytest.mark.parametrize(("age", "proven"), [(0, True), (11.9, True), (12.1, False)])
def test_a_token_proves_it_for_as_long_as_a_session_lives(
    org: Organisation, age: float, proven: bool
) -> None:
    found = request(org.axel, token_age=timedelta(hours=age))
    assert is_proven(found) is proven


def test_who_has_a_second_factor_proves_it_with_that(org: Organisation) -> None:
    axel = factors.enrolled(org.axel)
    assert not is_proven(request(axel, ("password", 0)))
    assert not is_proven(request(axel, ("password", 0), ("mfa", SECONDS + 1)))
    assert is_proven(request(axel, ("password", SECONDS * 9), ("mfa", 10)))


@pytest.mark.parametrize(
    ("shown", "age", "proven"), [(False, 0, False), (True, 0, True), (True, 12.1, False)]
)
def test_with_a_second_factor_a_token_proves_it_only_if_made_with_that(
    org: Organisation, shown: bool, age: float, proven: bool
) -> None:
    axel = factors.enrolled(org.axel)
    found = request(axel, token_age=timedelta(hours=age), shown=shown)
    assert is_proven(found) is proven
