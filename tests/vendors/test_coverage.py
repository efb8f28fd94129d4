"""Which contract speaks of a line, and whether the line's price keeps to it."""

from datetime import date
from decimal import Decimal

import pytest

from tests.vendors.agreements import contract
from vendors.coverage import Bought, agreed

TODAY = date(2026, 3, 2)


def line(org, sku="NB-14", price="1180", **changes):
    given = {
        "vendor": org.vendor.pk,
        "sku": sku,
        "unit": "C62",
        "unit_price": Decimal(price),
        "currency": "EUR",
    }
    return Bought(**{**given, **changes})


def one(*lines, on=TODAY):
    return agreed(lines, on=on)[0]


def test_nothing_is_covered_without_a_contract(org):
    assert agreed([line(org), line(org, vendor=None)], on=TODAY) == [None, None]


@pytest.mark.parametrize("state", ["draft", "expired", "terminated"])
def test_what_is_not_in_force_covers_nothing(org, state):
    contract(org, status=state)
    assert one(line(org)) is None


def test_a_contract_covers_from_its_first_day_to_its_last(org):
    contract(org, status="expiring", valid_from=date(2026, 2, 1), valid_to=date(2026, 3, 31))
    days = [date(2026, 1, 31), date(2026, 2, 1), date(2026, 3, 31), date(2026, 4, 1)]
    covered = [one(line(org), on=day) is not None for day in days]
    assert covered == [False, True, True, False]


@pytest.mark.parametrize(
    ("changes", "covers", "above"),
    [
        ({}, True, False),
        ({"price": "1179.99"}, True, False),
        ({"price": "1180.01"}, False, True),
        ({"currency": "USD"}, False, False),
    ],
)
def test_a_listed_price_is_kept_or_not(org, changes, covers, above):
    contract(org, prices={"NB-14": "1180"})
    found = one(line(org, **changes))
    assert (found.covers, found.is_above) == (covers, above)


def test_another_unit_is_no_comparison(org):
    made = contract(org, prices={"NB-14": "1180"})
    made.prices.update(unit="HUR")
    found = one(line(org))
    assert (found.covers, found.is_comparable, found.is_above) == (False, False, False)


@pytest.mark.parametrize("sku", ["", "DOCK", "nb-14"])
def test_what_is_not_on_the_list_is_not_covered(org, sku):
    contract(org, prices={"NB-14": "1180"})
    assert one(line(org, sku)) is None


def test_a_contract_without_a_list_covers_whatever_its_vendor_sells(org):
    contract(org)
    assert one(line(org, "", "99999")).covers
    assert one(line(org, vendor=org.other_vendor.pk)) is None


def test_the_list_goes_before_no_list_and_what_it_is_bought_under_before_all(org):
    contract(org, "FRAME")
    listed = contract(org, "LIST", prices={"NB-14": "1100"})
    dearer = contract(org, "DEAR", prices={"NB-14": "1200"})
    assert one(line(org)).contract == dearer.pk  # the only one whose price it keeps
    assert one(line(org, price="1100")).contract == listed.pk
    assert one(line(org, prefers=listed.pk)).is_above


@pytest.mark.parametrize("count", [3, 300])
def test_statements_do_not_grow_with_lines(org, count, django_assert_num_queries):
    contract(org, prices={f"S{each}": "10" for each in range(count)})
    contract(org, "OTHER", vendor=org.other_vendor)
    lines = [line(org, f"S{each}", "10") for each in range(count)]
    with django_assert_num_queries(1):
        found = agreed([*lines, line(org, vendor=org.other_vendor.pk)], on=TODAY)
    assert all(each is not None and each.covers for each in found)
