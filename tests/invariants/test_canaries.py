"""T7: what is secret is typed, sent and shown once, and then stands in no output of the portal."""

import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from approvals import links
from approvals.models import ApprovalStep
from core.models import TrailEvent
from po_portal import logs
from tests.accounts import factors
from tests.api.conftest import signed_in as by_token
from tests.approvals.proving import signed_in as proven
from tests.factories import PASSWORD, Organisation, submitted
from tests.invoicing.billing import drain
from tests.invoicing.test_accounts_at_rest import dump
from tests.vendors.accounts_of import NEW
from tests.vendors.test_bank_pages import page_of, typed

pytestmark = pytest.mark.django_db
WRONG, FRESH = "canary-wrong-7731", "canary-fresh-8842!"


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """All that anybody logs from now on, to the last detail, as production writes it."""
    made = logs.configuration(level="DEBUG", as_json=True)["formatters"]["lines"]
    listener = logging.StreamHandler(StringIO())
    listener.setFormatter(made.pop("()")(**made))
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    yield listener.stream
    root.setLevel(before)
    root.removeHandler(listener)


def signing_in(org: Organisation) -> tuple[list[str], list[Any]]:
    """A wrong password, the right one, a wrong and a right code, a new password."""
    client, finn = Client(), factors.enrolled(org.finn)
    codes = factors.recovery_codes(finn)
    said = {"oldpassword": PASSWORD, "password1": FRESH, "password2": FRESH}
    answers = [
        factors.password(client, finn, words=WRONG),
        factors.password(client, finn),
        factors.show(client, "87654321"),
        factors.show(client, codes[0]),
        client.post(reverse("account_change_password"), {**said, "oldpassword": WRONG}),
        client.post(reverse("account_change_password"), said),
    ]
    org.finn.refresh_from_db()
    assert org.finn.check_password(FRESH)
    return [WRONG, FRESH, factors.SECRET, *codes], answers


def using_tokens(org: Organisation) -> tuple[list[str], list[Any]]:
    """One that works, one that is over, one in the address where it does not belong."""
    client = by_token(org.rita)
    token = client._credentials["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    wrong = f"{token[:-6]}canary"
    answers = [client.get("/api/v1/requisitions/"), client.get("/api/v1/requisitions/none/")]
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {wrong}")
    answers.append(client.get("/api/v1/requisitions/"))
    assert [each.status_code for each in answers] == [200, 404, 401]
    return [token, wrong], answers


def following_links(org: Organisation) -> tuple[list[str], list[Any]]:
    """One that works, a guessed one."""
    step = ApprovalStep.objects.get(request__subject_id=submitted(org).pk, status="active")
    raw, guessed = links.issue(step=step, at=timezone.now()), "canary-guessed-link-of-nobody-x"
    client = Client()
    first = client.get(reverse("approvals:link", args=[raw]))
    answers = [first, client.get(first["Location"])]
    answers.append(Client().get(reverse("approvals:link", args=[guessed])))
    assert [each.status_code for each in answers] == [302, 200, 404]
    return [raw, guessed], answers


def naming_accounts(org: Organisation) -> tuple[list[str], list[Any]]:
    """A bank account with a typing error, and the right one; only its own form shows it again."""
    client, url = proven(org.vera), f"{page_of(org.vendor)}bank/new/"
    assert client.post(url, typed(number=NEW[:-1] + "2")).status_code == 422
    answers = [client.post(url, typed()), client.get(page_of(org.vendor))]
    assert [each.status_code for each in answers] == [302, 200]
    return [NEW, NEW[4:], NEW[:-1] + "2"], answers


def rows() -> dict[str, str]:
    """Each table's rows as text."""
    found: dict[str, str] = {}
    for table, text in dump():
        found[table] = found.get(table, "") + text
    return found


@pytest.mark.parametrize(
    "act",
    [signing_in, using_tokens, following_links, naming_accounts],
    ids=lambda act: act.__name__,
)
def test_t7_no_secret_is_in_logs_events_rows_addresses_or_pages(
    org: Organisation, logged: StringIO, act: Any
) -> None:
    canaries, answers = act(org)
    drain()
    told = [str(row) for row in TrailEvent.objects.values_list("changes", "data", "reason")]
    outputs = {
        "log": logged.getvalue(),
        "trail": "\n".join(told),
        **{f"table {table}": text for table, text in rows().items()},
        "addresses": "\n".join(each.get("Location", "") for each in answers),
        "pages": "\n".join(each.content.decode() for each in answers),
    }
    assert outputs["log"], "nothing was listened to"
    flat = {name: "".join(text.split()) for name, text in outputs.items()}
    assert [
        (name, canary) for name, text in flat.items() for canary in canaries if canary in text
    ] == []
