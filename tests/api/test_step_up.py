"""Over the API: an old token decides what a mail could decide, and nothing that matters more."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import step_up
from accounts.models import ApiToken
from approvals.models import ApprovalStep
from core.models import TrailEvent
from requisitions.models import Requisition
from tests.api.conftest import signed_in
from tests.approvals import proving
from tests.approvals.conftest import step_of, submitted  # noqa: F401
from tests.factories import Organisation

Submit = Callable[..., Requisition]
VERBS = ["approve", "reject", "return"]


@pytest.fixture(autouse=True)
def empty_cache(db: None) -> None:
    cache.clear()


@pytest.fixture
def careful(org: Organisation, submitted: Submit) -> ApprovalStep:  # noqa: F811
    """Axel's step about more than a mail may decide."""
    org.entity.email_decision_limit = Decimal(100)
    org.entity.save()
    return step_of(submitted("900"), org.axel)


def aged(person: Any) -> APIClient:
    """A client whose token was made too long ago."""
    client = signed_in(person)
    long_ago = timezone.now() - step_up.TOKEN_FRESH - timedelta(seconds=1)
    ApiToken.objects.filter(user=person).update(created=long_ago)
    return client


def press(client: APIClient, step: ApprovalStep, verb: str) -> Any:
    return client.post(f"/api/v1/approvals/{step.pk}/{verb}/", {"comment": "x"}, format="json")


@pytest.mark.parametrize("verb", VERBS)
def test_an_old_token_is_refused_and_that_is_remembered(
    org: Organisation, careful: ApprovalStep, verb: str
) -> None:
    answer = press(aged(org.axel), careful, verb)
    assert answer.status_code == 403
    assert answer.json()["type"] == "step-up-needed"
    assert "above what may be decided" in answer.json()["detail"]
    careful.refresh_from_db()
    assert (careful.status, careful.decided_at) == ("active", None)
    event = TrailEvent.objects.get(type="approval.refused")
    assert (event.data["why"], event.actor, event.channel) == ("step-up-needed", org.axel, "api")


def test_many_at_once_are_refused_one_by_one(org: Organisation, careful: ApprovalStep) -> None:
    said = {"decision": "approve", "steps": [{"id": str(careful.pk)}]}
    answer = aged(org.axel).post("/api/v1/approvals/decide-many/", said, format="json")
    assert "step-up-needed" in answer.content.decode()
    careful.refresh_from_db()
    assert careful.status == "active"


@pytest.mark.parametrize("verb", VERBS)
def test_a_new_token_decides(org: Organisation, careful: ApprovalStep, verb: str) -> None:
    assert press(signed_in(org.axel), careful, verb).status_code == 200


def test_an_old_token_decides_what_a_mail_could_decide(
    org: Organisation,
    submitted: Submit,  # noqa: F811
) -> None:
    org.entity.email_decision_limit = Decimal(900)
    org.entity.save()
    step = step_of(submitted("900"), org.axel)
    assert press(aged(org.axel), step, "approve").status_code == 200


@pytest.mark.parametrize(("browser", "status"), [("signed_in", 200), ("stale", 403)])
def test_a_browsers_session_needs_its_own_proof(
    org: Organisation, careful: ApprovalStep, browser: str, status: int
) -> None:
    client = getattr(proving, browser)(org.axel, APIClient())
    assert press(client, careful, "approve").status_code == status
