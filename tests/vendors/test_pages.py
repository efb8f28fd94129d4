"""Vendors and the catalog in the browser: find, read, and what may be done with a vendor."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import Organisation, approved_vendor
from tests.pages import said_by, signed_in, statements, text_of
from vendors.models import CatalogItem, Vendor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
LIST, CATALOG = reverse("vendors:list"), reverse("vendors:catalog")


@pytest.fixture
def page(org: Organisation) -> Client:
    return signed_in(org.vera)


def page_of(vendor: Vendor, *action: str) -> str:
    name = "vendors:perform" if action else "vendors:detail"
    return reverse(name, args=[vendor.pk, *action])


def names(answer) -> list[str]:
    return [vendor.name for vendor in answer.context["vendors"]]


def test_tabs_hold_the_vendors_of_a_state_and_a_search_all(org: Organisation, page: Client):
    assert org.vendor.name in names(page.get(LIST))
    assert org.prospect.name not in names(page.get(LIST))
    assert names(page.get(f"{LIST}?show=prospect")) == [org.prospect.name]
    assert names(page.get(f"{LIST}?q={org.prospect.code}")) == [org.prospect.name]
    assert org.prospect.name in names(page.get(f"{LIST}?show=nonsense"))
    assert "No vendors here" in text_of(page.get(f"{LIST}?q=zeppelin"))


def test_a_vendor_shows_its_contacts_prices_and_life(org: Organisation, page: Client):
    shown = text_of(page.get(page_of(org.vendor)))
    assert "Order desk" in shown
    assert "Germany" in shown
    assert "Notebook 14 inch" in shown
    assert "1,180.00 EUR per piece" in shown


def test_steps_are_offered_to_vendor_managers_only(org: Organisation, page: Client):
    assert 'data-dialog="suspend"' in page.get(page_of(org.vendor)).content.decode()
    for name in ("bea", "olga", "cora"):
        html = signed_in(org.people[name]).get(page_of(org.vendor)).content.decode()
        assert 'data-dialog="suspend"' not in html


def test_a_vendor_is_suspended_with_a_reason(org: Organisation, page: Client):
    answer = page.post(page_of(org.vendor, "suspend"), {"reason": "Late twice"}, follow=True)
    assert said_by(answer) == "Suspended: no new orders for now."
    assert "Late twice" in text_of(answer)
    assert "receives no orders" in text_of(answer)
    assert Vendor.objects.get(pk=org.vendor.pk).status == "suspended"


def test_refused_without_a_reason_and_nothing_changes(org: Organisation, page: Client):
    answer = page.post(page_of(org.vendor, "suspend"), {"reason": " "}, follow=True)
    assert "Reason: This is needed." in said_by(answer)
    assert Vendor.objects.get(pk=org.vendor.pk).status == "approved"


def test_refused_to_others_and_nothing_changes(org: Organisation):
    answer = signed_in(org.bea).post(page_of(org.vendor, "block"), {"reason": "x"}, follow=True)
    assert said_by(answer) != "Blocked: no orders any more."
    assert said_by(answer)
    assert Vendor.objects.get(pk=org.vendor.pk).status == "approved"


def test_a_step_needs_a_post(org: Organisation, page: Client):
    assert page.get(page_of(org.vendor, "suspend")).status_code == 405


@pytest.mark.parametrize("who", ["rita", "axel", "dora", "rob"])
def test_others_are_refused(org: Organisation, who: str):
    for path in (LIST, page_of(org.vendor)):
        assert signed_in(org.people[who]).get(path).status_code == 403


def test_vendors_of_another_entity_do_not_exist(org: Organisation, page: Client):
    assert page.get(page_of(org.uk_vendor)).status_code == 404
    assert page.post(page_of(org.uk_vendor, "block"), {"reason": "x"}).status_code == 404
    assert org.uk_vendor.name not in names(page.get(f"{LIST}?show=all"))


def test_the_catalog_is_for_everybody_and_searched_by_words(org: Organisation):
    page = signed_in(org.rob)
    assert "Notebook 14 inch" in text_of(page.get(CATALOG))
    found = page.get(f"{CATALOG}?q=dock").context["items"]
    assert [item.sku for item in found] == ["DOCK"]
    assert "Nothing found" in text_of(page.get(f"{CATALOG}?q=zeppelin"))
    assert org.uk_item not in page.get(CATALOG).context["items"]


def test_retired_items_are_not_in_the_catalog(org: Organisation, page: Client):
    CatalogItem.objects.filter(pk=org.items["DOCK"].pk).update(is_active=False)
    assert "USB-C dock" not in text_of(page.get(CATALOG))


@pytest.mark.parametrize("path", [f"{LIST}?show=all", CATALOG])
def test_lists_take_as_many_statements_with_more_rows(org: Organisation, page: Client, path: str):
    before = statements(page, path)
    for number in range(30):
        vendor = approved_vendor(org.entity, f"V-7{number:03d}", f"Vendor {number}")
        CatalogItem.objects.create(
            vendor=vendor, sku=f"S{number}", name="Thing", unit="C62", unit_price=1,
            currency="EUR", category="Things", service_type="hardware", tax_code="DE19",
        )  # fmt: skip
    assert statements(page, path) == before
