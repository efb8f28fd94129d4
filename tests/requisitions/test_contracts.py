"""Contracts at submission: the fact that policy asks about, and the price that approvers see."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from requisitions.subjects import describe
from tests.factories import line_input
from tests.requisitions.asking import asked_by, facts_of
from tests.vendors.agreements import contract

pytestmark = pytest.mark.django_db


def notebook(org, price="1180.00", sku="NB-14", **fields):
    return line_input(org, 1, price, sku=sku, unit="C62", **fields)


def under_contract(org, *lines, **fields):
    return facts_of(asked_by(org, org.rita, *lines, **fields))["under_contract"]


def test_nothing_is_under_contract_where_there_is_none(org):
    contract(org, status="draft", prices={"NB-14": "1180"})
    contract(org, "OLD", valid_to=date(2026, 3, 1))
    contract(org, "NEXT", valid_from=date(2026, 3, 3))
    assert not under_contract(org, notebook(org))


def test_every_line_must_be_covered_at_its_price(org):
    contract(org, prices={"NB-14": "1180", "DOCK": "149.90"})
    assert under_contract(org, notebook(org), notebook(org, "149.90", "DOCK"))
    assert not under_contract(org, notebook(org), notebook(org, "10", "CABLE"))
    assert not under_contract(org, notebook(org, "1180.01"))
    assert not under_contract(org, notebook(org), notebook(org, vendor=org.other_vendor))


def test_contracts_of_two_vendors_cover_together(org):
    contract(org)
    contract(org, "MSA-2", vendor=org.other_vendor)
    assert under_contract(org, notebook(org), notebook(org, vendor=org.other_vendor))


def test_a_catalog_item_is_judged_by_its_own_contract(org):
    frame = contract(org, "FRAME", prices={"NB-14": "1000"})
    contract(org, "DEAR", prices={"NB-14": "1180"})
    item = org.items["NB-14"]
    assert under_contract(org, line_input(org, 1, "1180.00", catalog_item=item))
    item.contract = frame
    item.save()
    assert not under_contract(org, line_input(org, 1, "1180.00", catalog_item=item))


def test_approvers_see_the_contract_s_price_beside_the_line_s(org):
    contract(org, "MSA-7", prices={"NB-14": "1000"})
    made = asked_by(org, org.rita, notebook(org, "1050.00"), notebook(org, "1", "CABLE"))
    first, second = describe(made.pk).lines
    (note,) = first.prices
    assert (note.label, note.unit_price) == ("Contract MSA-7", Decimal(1000))
    assert note.difference == Decimal("0.05")
    assert not second.prices


def test_they_see_it_as_it_was_when_it_was_sent(org):
    frame = contract(org, "MSA-7", prices={"NB-14": "1000"}, valid_to=date(2026, 3, 2))
    made = asked_by(org, org.rita, notebook(org))
    assert describe(made.pk).lines[0].prices
    frame.prices.all().delete()
    assert not describe(made.pk).lines[0].prices


def test_another_currency_is_no_comparison(org):
    contract(org, currency="USD", prices={"NB-14": "1000"})
    made = asked_by(org, org.rita, notebook(org))
    assert describe(made.pk).lines[0].prices[0].difference is None
    assert not facts_of(made)["under_contract"]


def test_statements_do_not_grow_with_lines(org):
    contract(org, prices={f"S{each}": "1" for each in range(40)})
    counts = set()
    for lines in (2, 40):
        with CaptureQueriesContext(connection) as seen:
            made = asked_by(org, org.rita, *(notebook(org, "1", f"S{n}") for n in range(lines)))
            describe(made.pk)
        counts.add(len([each for each in seen if '"vendors_contract"' in each["sql"]]))
        assert facts_of(made)["under_contract"]
    assert counts == {2}
