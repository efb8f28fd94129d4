"""The catalog: what can be found, and what a CSV file may change."""

from decimal import Decimal

import pytest

from core.errors import Invalid, NotAllowed, TooLarge
from core.models import TrailEvent
from tests.factories import NOW
from tests.vendors.agreements import contract
from vendors import catalog, queries
from vendors.models import CatalogItem, Vendor

HEADER = "vendor_code,sku,name,unit,unit_price,currency"


def load(org, *rows, header=HEADER, actor=None):
    data = "\n".join([header, *rows]).encode()
    return catalog.import_catalog(entity=org.entity, data=data, actor=actor or org.vera, at=NOW)


# --- search -------------------------------------------------------------------------------------


def skus(user, search, **how):
    return [item.sku for item in queries.search_catalog(user, search, **how)]


def test_every_word_must_occur_somewhere(org, rita):
    assert skus(rita, "notebook") == ["NB-14"]
    assert skus(rita, "14 note elbe") == ["NB-14"]
    assert skus(rita, "notebook banana") == []


def test_an_equal_sku_comes_first_then_names_that_begin_so(org, rita):
    CatalogItem.objects.create(
        vendor=org.vendor,
        sku="X1",
        name="A case for DOCK",
        unit="C62",
        unit_price=1,
        currency="EUR",
    )
    assert skus(rita, "dock") == ["DOCK", "X1"]
    assert skus(rita, "virtual")[0] == "VM-M"


def test_nothing_of_another_entity_is_found(org, rita, nils):
    assert [item.vendor for item in queries.search_catalog(nils, "notebook")] == [org.uk_vendor]
    assert org.uk_item not in queries.search_catalog(rita, "")


def test_retired_items_and_those_of_suspended_vendors_are_not_offered(org, rita):
    CatalogItem.objects.filter(sku="DOCK").update(is_active=False)
    assert "DOCK" not in skus(rita, "")
    assert "DOCK" in [item.sku for item in queries.catalog(rita)]
    Vendor.objects.filter(pk=org.vendor.pk).update(status="suspended")
    assert skus(rita, "") == []


def test_filters_narrow(org, rita):
    assert skus(rita, "", service_type="iaas") == ["VM-M"]
    assert skus(rita, "", vendor=org.other_vendor.pk) == []
    assert skus(rita, "", currency="USD") == []


def test_search_costs_one_statement_however_many(org, rita, django_assert_num_queries):
    with django_assert_num_queries(1):
        [item.vendor.name for item in queries.search_catalog(rita, "o")]


# --- import -------------------------------------------------------------------------------------


def test_rows_create_change_and_leave_alone(org, vera):
    report = load(
        org,
        "V-1000,NEW-1,New thing,C62,9.90,EUR",
        "V-1000,DOCK,USB-C dock,C62,139.90,EUR",
    )
    assert (report.created, report.updated, report.unchanged) == (1, 1, 0)
    dock = CatalogItem.objects.get(vendor=org.vendor, sku="DOCK")
    assert [row.unit_price for row in dock.history.all()] == [Decimal("139.90"), Decimal("149.90")]
    assert dock.history.first().history_user == vera
    again = load(org, "V-1000,NEW-1,New thing,C62,9.9,EUR")
    assert (again.created, again.updated, again.unchanged) == (0, 0, 1)
    events = TrailEvent.objects.filter(type="vendor.catalog_imported")
    assert [event.data for event in events] == [{"items": 2}]


def test_bad_rows_are_reported_by_number_and_the_rest_goes_in(org):
    report = load(
        org,
        "V-1000,GOOD-1,Good,C62,1.00,EUR",
        "V-404,BAD-1,Unknown vendor,C62,1.00,EUR",
        "V-1000,BAD-2,Price in words,C62,cheap,EUR",
        "V-1000,BAD-3,Free,C62,0,EUR",
        "V-1000,BAD-4,Unit,ZORK,1.00,EUR",
        "V-1000,BAD-5,Currency,C62,1.00,USD",
        "V-1000,,No SKU,C62,1.00,EUR",
        "V-1000,BAD-7,Hidden\u202e,C62,1.00,EUR",
        "V-1000,BAD-8,Too few",
        "V-1000,BAD-9,Too many,C62,1.00,EUR,and more",
        "V-1000,GOOD-2,Good,C62,1.00,EUR",
    )
    assert report.created == 2
    assert {bad.row: [error.pointer for error in bad.errors] for bad in report.bad_rows} == {
        3: ["/vendor_code"],
        4: ["/unit_price"],
        5: ["/unit_price"],
        6: ["/unit"],
        7: ["/currency"],
        8: ["/sku"],
        9: ["/name"],
        10: [""],
        11: [""],
    }
    assert not CatalogItem.objects.filter(sku__startswith="BAD").exists()


def test_items_are_retired_and_brought_back(org):
    header = f"{HEADER},active"
    load(org, "V-1000,DOCK,USB-C dock,C62,149.90,EUR,no", header=header)
    assert not CatalogItem.objects.get(vendor=org.vendor, sku="DOCK").is_active
    load(org, "V-1000,DOCK,USB-C dock,C62,149.90,EUR,yes", header=header)
    assert CatalogItem.objects.get(vendor=org.vendor, sku="DOCK").is_active


def test_a_vendor_of_another_entity_is_unknown(org):
    Vendor.objects.filter(pk=org.uk_vendor.pk).update(code="V-77")
    assert load(org, "V-77,A,Thing,C62,1.00,GBP").bad_rows


def test_semicolons_and_a_byte_order_mark_are_read(org):
    data = "\ufeffvendor_code;sku;name;unit;unit_price;currency\nV-1000;S;Semi;C62;1.5;EUR"
    report = catalog.import_catalog(entity=org.entity, data=data.encode(), actor=org.bea, at=NOW)
    assert report.created == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00",
        b"sku,name\nA,B",
        HEADER.encode() + b",surprise\n",
        HEADER.encode() + b'\n"V-1000,A,B',
    ],
)
def test_what_is_no_such_file_is_refused_whole(org, data):
    items = CatalogItem.objects.count()
    with pytest.raises(Invalid):
        catalog.import_catalog(entity=org.entity, data=data, actor=org.vera, at=NOW)
    assert CatalogItem.objects.count() == items


def test_a_huge_file_is_refused(org):
    with pytest.raises(TooLarge):
        catalog.import_catalog(
            entity=org.entity, data=b"x" * (catalog.MAX_BYTES + 1), actor=org.vera, at=NOW
        )


@pytest.mark.parametrize("persona", ["rita", "axel", "cora", "olga", "ada", "nils"])
def test_only_those_who_maintain_the_catalog(org, persona):
    with pytest.raises(NotAllowed):
        load(org, "V-1000,A,Thing,C62,1.00,EUR", actor=org.people[persona])
    assert not CatalogItem.objects.filter(sku="A").exists()


# --- the contract that an item is sold under ----------------------------------------------------


def contract_of(org):
    return CatalogItem.objects.get(pk=org.items["NB-14"].pk).contract


def test_a_file_says_under_which_contract_an_item_is_sold(org):
    frame = contract(org, "MSA-7")
    row = "V-1000,NB-14,Notebook 14 inch,C62,1180,EUR"
    assert load(org, f"{row},MSA-7", header=f"{HEADER},contract").updated == 1
    assert contract_of(org) == frame
    load(org, row)  # a file without that column leaves contracts as they are
    assert contract_of(org) == frame
    load(org, f"{row},", header=f"{HEADER},contract")
    assert contract_of(org) is None


@pytest.mark.parametrize("number", ["MSA-9", "OTHER"])
def test_a_contract_that_is_unknown_or_another_vendor_s_is_a_bad_row(org, number):
    contract(org, "OTHER", vendor=org.other_vendor)
    row = f"V-1000,NB-14,Notebook 14 inch,C62,1180,EUR,{number}"
    report = load(org, row, header=f"{HEADER},contract")
    assert [error.pointer for bad in report.bad_rows for error in bad.errors] == ["/contract"]
    assert contract_of(org) is None
