"""Pages of a vendor's bank accounts: masked, asked for with a proof, shown in full to few."""

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from administration.models import ChangeRequest
from core.models import TrailEvent
from tests import pages
from tests.approvals.proving import signed_in
from tests.vendors.accounts_of import NEW, OLD, known
from vendors.models import BankAccount

pytestmark = pytest.mark.django_db


def page_of(vendor):
    return f"/vendors/{vendor.pk}/"


def typed(**fields):
    return {
        "number": "DE02 1203 0000 0000 2020 51",
        "holder": "Elbe IT Handel GmbH",
        "bic": "",
        "routing": "",
        "country": "",
        "currency": "EUR",
        "replaces": "",
        "reason": "Their letter of 27 February",
        **fields,
    }


@pytest.mark.parametrize("who", ["rita", "bea", "finn", "fay", "cora", "olga", "ada"])
def test_nobody_else_asks_for_one(org, who):
    client = signed_in(org.people[who])
    url = f"{page_of(org.vendor)}bank/new/"
    assert client.get(url).status_code == 403
    assert client.post(url, typed()).status_code == 403
    assert not BankAccount.objects.exists()


def test_without_a_fresh_proof_it_leads_there_and_loses_nothing(org):
    client, url = pages.signed_in(org.vera), f"{page_of(org.vendor)}bank/new/"
    answer = client.post(url, typed())
    assert answer.status_code == 302
    assert "reauthenticate" in answer["Location"]
    assert not ChangeRequest.objects.exists()
    kept = " ".join(str(each.get_decoded()) for each in Session.objects.all())
    assert "kept_bank_account" in kept
    assert "2020" not in kept
    assert pages.value_of(client.get(url), "number") == "DE02 1203 0000 0000 2020 51"
    assert pages.value_of(client.get(url), "number") == ""  # once


def test_a_typing_error_is_said_at_its_field(org):
    client = signed_in(org.vera)
    answer = client.post(f"{page_of(org.vendor)}bank/new/", typed(number=NEW[:-1] + "2"))
    assert answer.status_code == 422
    assert "Its check digits are wrong" in pages.text_of(answer)
    assert not BankAccount.objects.exists()


def test_asked_for_it_waits_on_the_vendors_page(org):
    old = known(org.vendor, at=timezone.now())
    client = signed_in(org.vera)
    answer = client.post(
        f"{page_of(org.vendor)}bank/new/", typed(replaces=str(old.pk)), follow=True
    )
    assert "somebody else verified it" in pages.said_by(answer)
    assert "Paid to DE ••••3000 DE ••••2051" in pages.text_of(answer)
    words = pages.text_of(client.get(page_of(org.vendor)))
    assert "DE ••••3000 Elbe IT Handel GmbH · EUR In force" in words
    assert "DE ••••2051 Elbe IT Handel GmbH · EUR Waits for verification not yet" in words
    assert NEW not in words
    assert OLD not in words


def test_the_form_sent_twice_asks_once(org):
    client, url = signed_in(org.vera), f"{page_of(org.vendor)}bank/new/"
    said = typed(form_key=pages.value_of(client.get(url), "form_key"))
    first, second = client.post(url, said), client.post(url, said)
    assert first["Location"] == second["Location"]
    assert BankAccount.objects.count() == 1


def test_in_full_only_after_a_proof_and_with_a_trace(org):
    account = known(org.vendor)
    url = f"{page_of(org.vendor)}bank/{account.pk}/"
    stale = pages.signed_in(org.fay)
    answer = stale.post(url)
    assert answer.status_code == 302
    assert "reauthenticate" in answer["Location"]
    assert not TrailEvent.objects.filter(type="vendor.bank_revealed").exists()
    fresh = signed_in(org.fay)
    assert "DE89 3704" not in pages.text_of(fresh.get(url))
    answer = fresh.post(url)
    assert "DE89 3704 0044 0532 0130 00" in pages.text_of(answer)
    assert "no-store" in answer["Cache-Control"]
    assert TrailEvent.objects.filter(type="vendor.bank_revealed").count() == 1


@pytest.mark.parametrize("who", ["bea", "finn", "olga", "ada"])
def test_who_reads_it_masked_does_not_see_it_in_full(org, who):
    account = known(org.vendor)
    client, url = signed_in(org.people[who]), f"{page_of(org.vendor)}bank/{account.pk}/"
    assert "Show in full" not in pages.text_of(client.get(url))
    assert client.post(url).status_code == 403
    assert not TrailEvent.objects.filter(type="vendor.bank_revealed").exists()


def test_an_account_of_another_vendor_or_entity_is_not_found(org):
    theirs, elsewhere = known(org.other_vendor), known(org.uk_vendor)
    client = signed_in(org.vera)
    for account in (theirs, elsewhere):
        url = f"{page_of(org.vendor)}bank/{account.pk}/"
        assert client.get(url).status_code == client.post(url).status_code == 404
    assert client.get(f"{page_of(org.uk_vendor)}bank/new/").status_code == 404


def test_the_page_takes_as_many_statements_however_many_accounts(org):
    client = pages.signed_in(org.vera)
    known(org.vendor)
    before = pages.statements(client, page_of(org.vendor))
    for number in (NEW, "DE02500105170137075030", "DE02300209000106531065"):
        known(org.vendor, number)
    assert pages.statements(client, page_of(org.vendor)) == before
