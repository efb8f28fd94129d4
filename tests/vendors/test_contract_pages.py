"""Contracts in the browser: find, read, draft, put into force, end."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import TODAY, Organisation
from tests.pages import said_by, signed_in, statements, text_of
from tests.vendors.agreements import contract
from vendors.models import Contract

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
LIST, NEW = reverse("vendors:contracts"), reverse("vendors:contract_new")


@pytest.fixture
def page(org: Organisation) -> Client:
    return signed_in(org.vera)


def page_of(found: Contract, *action: str) -> str:
    name = "vendors:contract_perform" if action else "vendors:contract"
    return reverse(name, args=[found.pk, *action])


def form(org: Organisation, *prices: tuple[str, str], **said: str) -> dict[str, str]:
    """What the form sends; prices are article number and price."""
    rows = {
        f"prices-{index}-{name}": value
        for index, (sku, price) in enumerate(prices)
        for name, value in (("sku", sku), ("unit", sku and "C62"), ("unit_price", price))
    }
    return {
        "vendor": str(org.vendor.pk),
        "title": "Hardware frame",
        "number": "MSA-7",
        "valid_from": "2026-01-01",
        "valid_to": "2026-12-31",
        "notice_days": "90",
        "currency": "EUR",
        "spend_cap": "50,000.00",
        "sla_terms": "Delivery within 5 working days\n\nReplacement next day",
        "prices-TOTAL_FORMS": str(len(prices)),
        "prices-INITIAL_FORMS": "0",
        **rows,
        **said,
    }


def test_tabs_hold_the_contracts_of_a_state_and_a_search_all(org, page):
    for state in Contract.Status.values:
        contract(org, f"M-{state}", status=state, title=f"A {state} one")
    shown = {
        tab: [each.number for each in page.get(f"{LIST}?show={tab}").context["page"].items]
        for tab in ("in_force", "expiring", "draft", "over", "nonsense")
    }
    assert shown == {
        "in_force": ["M-expiring", "M-active"],
        "expiring": ["M-expiring"],
        "draft": ["M-draft"],
        "over": ["M-terminated", "M-expired"],
        "nonsense": ["M-expiring", "M-active"],
    }
    assert "A terminated one" in text_of(page.get(f"{LIST}?q=terminated"))
    assert "No contracts here" in text_of(page.get(f"{LIST}?q=zeppelin"))


@pytest.mark.parametrize("who", ["rita", "axel", "dora", "rob", "sven"])
def test_others_are_refused(org, who):
    found = contract(org)
    client = signed_in(org.people[who])
    for path in (LIST, NEW, page_of(found), reverse("vendors:contract_edit", args=[found.pk])):
        assert client.get(path).status_code == 403
    assert client.post(page_of(found, "terminate"), {"reason": "x"}).status_code == 404
    assert Contract.objects.get(pk=found.pk).status == "active"


@pytest.mark.parametrize("who", ["finn", "cora", "olga", "ada"])
def test_readers_draft_nothing(org, who):
    client = signed_in(org.people[who])
    assert "New contract" not in text_of(client.get(LIST))
    assert client.get(NEW).status_code == 403
    assert client.post(NEW, form(org)).status_code == 403
    assert not Contract.objects.exists()


def test_those_of_another_entity_do_not_exist(org):
    client = signed_in(org.nils)
    found = contract(org)
    assert client.get(page_of(found)).status_code == 404
    assert client.post(page_of(found, "terminate"), {"reason": "x"}).status_code == 404


def test_it_is_drafted_in_the_form_and_put_into_force_by_another(org, page):
    answer = page.post(NEW, form(org, ("NB-14", "1,180.00"), ("", "")), follow=True)
    made = Contract.objects.get()
    assert (made.spend_cap, made.valid_to) == (Decimal(50_000), date(2026, 12, 31))
    assert made.sla_terms == ["Delivery within 5 working days", "Replacement next day"]
    assert [(each.sku, each.unit_price) for each in made.prices.all()] == [("NB-14", Decimal(1180))]
    shown = text_of(answer)
    assert "1,180.00 EUR per piece" in shown
    assert "Somebody else than who drafted it" in shown
    assert "Put into force" not in shown.replace("puts it into force", "")
    refused = page.post(page_of(made, "activate"), follow=True)
    assert "not allowed" in said_by(refused)
    assert Contract.objects.get().status == "draft"
    answer = signed_in(org.cora).post(page_of(made, "activate"), follow=True)
    assert "In force" in said_by(answer)
    assert Contract.objects.get().status == "active"


def test_faults_stand_at_their_fields_and_nothing_typed_is_lost(org, page):
    sent = form(org, ("NB-14", "1"), ("NB-14", "2"), valid_to="2025-01-01", title="Kept words")
    answer = page.post(NEW, sent)
    assert answer.status_code == 422
    shown = text_of(answer)
    assert "It ends before it begins." in shown
    assert "This article number stands above already." in shown
    assert "Kept words" in answer.content.decode()
    assert not Contract.objects.exists()


def test_a_button_asks_for_another_row_without_scripts(org, page):
    answer = page.post(NEW, form(org, ("NB-14", "1"), title="Kept", add_line="1"))
    assert answer.status_code == 200
    assert len(answer.context["prices"].forms) == 2
    assert "Kept" in answer.content.decode()
    assert not Contract.objects.exists()


def test_a_form_sent_twice_makes_one(org, page):
    sent = form(org, form_key="once")
    assert page.post(NEW, sent).url == page.post(NEW, sent).url
    assert Contract.objects.count() == 1


def test_a_draft_is_edited_and_what_holds_is_not(org, page):
    found = contract(org, "MSA-7", status="draft", prices={"NB-14": "1000"}, notice_days=30)
    path = reverse("vendors:contract_edit", args=[found.pk])
    assert 'value="1000"' in page.get(path).content.decode()
    sent = form(org, ("NB-14", "900"), title="Cheaper") | {"prices-INITIAL_FORMS": "1"}
    page.post(path, sent)
    found.refresh_from_db()
    assert (found.title, found.prices.get().unit_price) == ("Cheaper", Decimal(900))
    held = contract(org)
    answer = page.get(reverse("vendors:contract_edit", args=[held.pk]), follow=True)
    assert "Only a draft can be edited" in said_by(answer)


def test_it_says_when_it_ends_and_which_catalog_prices_are_above_it(org, page):
    """The day is 2 March."""
    for last, words in ((date(2026, 3, 31), "It ends in 30 days."), (TODAY, "Today is its last")):
        near = contract(org, f"MSA-{last}", status="expiring", valid_to=last)
        assert words in text_of(page.get(page_of(near)))
    found = contract(org, "MSA-9", prices={"NB-14": "1000"})
    item = org.items["NB-14"]
    for price, is_above in (("1000", False), ("1000.5", True)):
        item.contract, item.unit_price = found, Decimal(price)
        item.save()
        said = text_of(page.get(page_of(found)))
        assert ("0.50 above what was agreed" in said) == is_above


def test_a_price_is_removed_in_the_form(org, page):
    found = contract(org, "MSA-7", status="draft", prices={"NB-14": "1000"})
    path = reverse("vendors:contract_edit", args=[found.pk])
    sent = form(org, ("NB-14", "1000")) | {"prices-INITIAL_FORMS": "1", "prices-0-DELETE": "on"}
    page.post(path, sent)
    assert not found.prices.exists()


def test_a_price_that_stays_as_it_is_stays(org, page):
    found = contract(org, "MSA-7", status="draft", prices={"NB-14": "1000"})
    path = reverse("vendors:contract_edit", args=[found.pk])
    sent = form(org, ("NB-14", "1000")) | {"prices-INITIAL_FORMS": "1", "prices-0-unit": ""}
    page.post(path, sent)
    assert found.prices.get().unit_price == Decimal(1000)


def test_ending_needs_a_reason(org, page):
    found = contract(org)
    refused = page.post(page_of(found, "terminate"), {"reason": " "}, follow=True)
    assert "Reason: This is needed." in said_by(refused)
    assert Contract.objects.get().status == "active"
    answer = page.post(page_of(found, "terminate"), {"reason": "Insolvent"}, follow=True)
    assert "Insolvent" in text_of(answer)


def test_a_vendor_s_page_names_its_contracts(org, page):
    contract(org, "MSA-7", title="Hardware frame")
    contract(org, "MSA-8", title="Consulting", vendor=org.other_vendor)
    shown = text_of(page.get(reverse("vendors:detail", args=[org.vendor.pk])))
    assert "Hardware frame" in shown
    assert "Consulting" not in shown


def test_lists_take_as_many_statements_with_more_rows(org, page):
    contract(org)
    before = statements(page, LIST)
    for number in range(30):
        contract(org, f"M-{number}")
    assert statements(page, LIST) == before
