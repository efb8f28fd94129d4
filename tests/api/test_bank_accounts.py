"""Where vendors are paid, over the API."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import step_up
from accounts.models import ApiToken
from administration.models import ChangeRequest
from core.models import IdempotencyKey, TrailEvent
from tests.api.conftest import Client
from tests.api.lives import get, post
from tests.api.test_problems import problem
from tests.vendors.accounts_of import NEW, OLD, known
from vendors.models import BankAccount

pytestmark = pytest.mark.django_db
URL = "/api/v1/bank-accounts/"
ASKED = {
    "vendor": "V-1000",
    "holder": "Elbe IT Handel GmbH",
    "number": "DE02 1203 0000 0000 2020 51",
    "reason": "Their letter of 27 February",
}


@pytest.mark.parametrize("persona", ["rita", "bea", "finn", "fay", "cora", "olga", "ada"])
def test_nobody_else_asks_for_one(org: Any, api: Client, persona: str) -> None:
    answer = api(org.people[persona]).post(URL, ASKED, format="json")
    problem(answer, 403, "not-allowed")
    assert not BankAccount.objects.exists()


def test_a_number_with_wrong_check_digits_is_refused_and_not_repeated(
    org: Any, api: Client
) -> None:
    said = {**ASKED, "number": NEW[:-1] + "2"}
    answer = api(org.vera).post(URL, said, format="json")
    fault = problem(answer, 422, "invalid")["errors"][0]
    assert (fault["pointer"], fault["code"]) == ("/number", "check_digits")
    assert NEW[:-1] not in answer.content.decode()
    assert not BankAccount.objects.exists()


def test_an_old_token_asks_for_nothing_and_sees_nothing(org: Any, api: Client) -> None:
    account, vera = known(org.vendor), api(org.vera)
    ApiToken.objects.filter(user=org.vera).update(
        created=timezone.now() - step_up.TOKEN_FRESH - timedelta(seconds=1)
    )
    problem(vera.post(URL, ASKED, format="json"), 403, "step-up-needed")
    problem(vera.post(f"{URL}{account.pk}/reveal/"), 403, "step-up-needed")
    assert not ChangeRequest.objects.exists()
    assert not TrailEvent.objects.filter(type="vendor.bank_revealed").exists()


def test_it_waits_for_somebody_else_and_shows_the_last_four(org: Any, api: Client) -> None:
    old, vera = known(org.vendor), api(org.vera)
    answer = vera.post(URL, {**ASKED, "replaces": str(old.pk)}, format="json")
    assert answer.status_code == 202, answer.content
    change = get(vera, f"setting-changes/{answer.json()['setting_change']}/")
    assert (change["kind"], change["status"]) == ("bank", "proposed")
    assert {"field": "Paid to", "old": "DE ••••3000", "new": "DE ••••2051"} in change["changes"]
    rows = get(vera, "bank-accounts/?vendor=V-1000&status=pending")["results"]
    assert [(row["iban"], row["in_force"], row["replaces"]) for row in rows] == [
        ("DE ••••2051", False, str(old.pk))
    ]
    vendor = get(vera, f"vendors/{org.vendor.pk}/")
    assert [(each["iban"], each["status"]) for each in vendor["bank_accounts"]] == [
        ("DE ••••3000", "verified"),
        ("DE ••••2051", "pending"),
    ]
    problem(vera.post(URL, ASKED, format="json"), 409, "conflict")


def test_it_is_not_asked_for_as_a_setting_change(org: Any, api: Client) -> None:
    said = {"kind": "bank", "vendor": "V-1000", "after": {"number": NEW}, "reason": "x"}
    answer = api(org.vera).post("/api/v1/setting-changes/", said, format="json")
    assert answer.status_code == 422
    assert not ChangeRequest.objects.exists()


def test_an_account_of_the_other_entity_is_404(org: Any, api: Client) -> None:
    theirs, vera = known(org.uk_vendor), api(org.vera)
    problem(vera.get(f"{URL}{theirs.pk}/"), 404, "not-found")
    problem(vera.post(f"{URL}{theirs.pk}/reveal/"), 404, "not-found")
    assert get(vera, "bank-accounts/")["results"] == []
    other = vera.post(URL, {**ASKED, "vendor": str(org.uk_vendor.pk)}, format="json")
    assert problem(other, 422, "invalid")["errors"][0]["pointer"] == "/vendor"


@pytest.mark.parametrize("persona", ["bea", "finn", "olga", "ada"])
def test_who_reads_them_does_not_see_them_in_full(org: Any, api: Client, persona: str) -> None:
    account, client = known(org.vendor), api(org.people[persona])
    assert get(client, f"bank-accounts/{account.pk}/")["iban"] == "DE ••••3000"
    problem(client.post(f"{URL}{account.pk}/reveal/"), 403, "not-allowed")


def test_requesters_read_none(org: Any, api: Client) -> None:
    problem(api(org.rita).get(URL), 403, "not-allowed")


def test_in_full_it_is_kept_nowhere(org: Any, api: Client) -> None:
    """Also not as the answer that belongs to an idempotency key."""
    account = known(org.vendor)
    answer = api(org.fay).post(
        f"{URL}{account.pk}/reveal/", headers={"Idempotency-Key": "one-of-mine"}
    )
    assert answer.json() == {"number": "DE89 3704 0044 0532 0130 00"}
    assert "no-store" in answer["Cache-Control"]
    assert not IdempotencyKey.objects.exists()
    event = TrailEvent.objects.get(type="vendor.bank_revealed")
    assert (event.actor, event.data["shown"]) == (org.fay, "DE ••••3000")


def test_an_invoice_names_where_to_pay(org: Any, api: Client) -> None:
    said = {
        "number": "R-1", "vendor": "V-1000", "issue_date": "2026-03-02", "payee_account": OLD,
        "lines": [{"quantity": "1", "unit_price": "10"}],
    }  # fmt: skip
    finn = api(org.finn)
    made = post(finn, "invoices/", said, status=201)
    assert made["payee_accounts"] == ["DE ••••3000"]
    assert OLD not in str(get(finn, f"invoices/{made['id']}/"))
    wrong = finn.post(
        "/api/v1/invoices/", {**said, "number": "R-2", "payee_account": OLD[:-1] + "1"},
        format="json",
    )  # fmt: skip
    assert problem(wrong, 422, "invalid")["errors"][0]["pointer"] == "/payee_account"
