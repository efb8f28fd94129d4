"""Open orders by age, how one was used up, and accruals against the stored sums."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from budgets import ledger
from budgets.models import AccruedSum, BudgetCell, Commitment
from purchase_orders.models import PurchaseOrder
from reports import accruals
from reports.orders import DrawDown, aging, burn_down, draw_downs
from tests.budgets.postings import D, Desk
from tests.factories import NOW, TODAY, Organisation
from tests.reports.test_accruals import Order

pytestmark = pytest.mark.django_db

LATER = TODAY + timedelta(days=45)


def moved_back(order: Order, days: int) -> Order:
    order.order.issued_at = NOW - timedelta(days=days)
    order.order.save()
    return order


def test_orders_by_age_with_what_they_hold(org: Organisation):
    young, old = Order(org, "10", "10"), moved_back(Order(org, "2", "50"), 200)
    found = aging(entity=org.entity, today=TODAY + timedelta(days=10))
    assert [(row.number, row.age, row.held) for row in found.rows] == [
        (old.order.number, 210, D(100)),
        (young.order.number, 10, D(100)),
    ]
    assert [row for row in found.buckets if row[1]] == [
        ("0–30", 1, D(100)),
        ("over 180", 1, D(100)),
    ]
    assert (found.median_age, found.over, found.total) == (Decimal(110), 1, D(200))
    assert (found.ties, found.difference) == (True, 0)


@pytest.mark.parametrize(("age", "words"), [(30, "0–30"), (31, "31–60"), (180, "91–180")])
def test_ages_fall_into_buckets_with_their_upper_ends(org: Organisation, age: int, words: str):
    moved_back(Order(org, "1", "10"), age)
    [row] = aging(entity=org.entity, today=TODAY).rows
    assert row.bucket == words


def test_closed_orders_and_drafts_stay_out(org: Organisation):
    Order(org, "1", "10", status="closed", closed_at=NOW)
    PurchaseOrder.objects.create(
        entity=org.entity, vendor=org.vendor, currency="EUR", created_at=NOW
    )
    assert aging(entity=org.entity, today=TODAY).rows == []


def test_as_of_a_past_day_it_shows_what_ran_and_what_it_held(org: Organisation):
    order = Order(org, "10", "10")
    order.bill("4", on=TODAY + timedelta(days=20))
    PurchaseOrder.objects.filter(pk=order.order.pk).update(
        status="closed", closed_at=NOW + timedelta(days=30)
    )
    then = aging(entity=org.entity, today=TODAY, as_of=TODAY)
    assert [(row.held, row.age) for row in then.rows] == [(D(100), 0)]
    assert then.ties
    on_day = TODAY + timedelta(days=25)
    later = aging(entity=org.entity, today=on_day, as_of=on_day)
    assert [row.held for row in later.rows] == [D(60)]
    assert later.ties
    over = aging(entity=org.entity, today=LATER, as_of=LATER)
    assert over.rows == []


def test_how_late_follows_from_what_is_still_to_come(org: Organisation):
    order = Order(org, "10", "10", line={"need_by": TODAY - timedelta(days=5)})
    assert aging(entity=org.entity, today=TODAY).rows[0].late == 5
    assert aging(entity=org.entity, today=TODAY - timedelta(days=9)).rows[0].late == 0
    order.receive("10")
    assert aging(entity=org.entity, today=TODAY).rows[0].late == 0


def test_aging_that_does_not_tie_says_by_how_much(org: Organisation):
    Order(org, "1", "10")
    Desk(org, org.cells["CC100", "6300", None]).order("1", "7")  # committed by no order
    found = aging(entity=org.entity, today=TODAY)
    assert (found.ties, found.difference) == (False, D(7))


def test_another_entity_sees_its_own_orders(org: Organisation):
    Order(org, "1", "10")
    there = aging(entity=org.uk, today=TODAY)
    assert (there.rows, there.ties) == ([], True)


@pytest.mark.parametrize("as_of", [None, TODAY])
def test_aging_takes_as_many_statements_with_more_orders(org: Organisation, as_of):
    def statements() -> int:
        with CaptureQueriesContext(connection) as sent:
            aging(entity=org.entity, today=TODAY, as_of=as_of)
        return len(sent)

    Order(org, "1", "10")
    before = statements()
    for _ in range(4):
        Order(org, "1", "10")
    assert statements() == before


def test_an_order_is_drawn_down_day_by_day(org: Organisation):
    order = Order(org, "10", "10")
    first, second = TODAY + timedelta(days=10), TODAY + timedelta(days=20)
    order.bill("4", on=first)
    order.bill("1", on=second)
    ledger.release(
        source=order.source(order.order.pk, "order"), on=second, actor=None, at=NOW, reason="Done"
    )
    Order(org, "3", "3")  # another one
    assert draw_downs(order.order) == [
        DrawDown(TODAY, D(100), D(0), D(100)),
        DrawDown(first, D(-40), D(40), D(60)),
        DrawDown(second, D(-60), D(10), D(0)),
    ]
    assert draw_downs(order.order, as_of=first)[-1].left == D(60)
    assert draw_downs(order.order, known_on=TODAY - timedelta(days=1)) == []
    for days in ({}, {"as_of": first}, {"as_of": first, "known_on": TODAY}):
        found = burn_down(order.order, **days)
        assert (found.days, found.ties) == (draw_downs(order.order, **days), True)


def test_an_order_that_holds_something_else_says_by_how_much(org: Organisation):
    order = Order(org, "10", "10")
    held = Commitment.objects.filter(document_id=order.order.pk).first()
    Commitment.objects.filter(pk=held.pk).update(released=D(7))
    for as_of in (None, TODAY):
        found = burn_down(order.order, as_of=as_of)
        assert (found.left, found.ties, found.difference) == (D(100), False, D(7))


@pytest.mark.parametrize("as_of", [None, TODAY, LATER])
def test_accruals_tie_to_the_stored_sums(org: Organisation, as_of: date | None):
    order = Order(org, "10", "12.34")
    order.receive("4")
    order.bill("1", on=TODAY + timedelta(days=3))
    found = accruals.report(entity=org.entity, as_of=as_of)
    assert found.total == (D("49.36") if as_of == TODAY else D("37.02"))
    assert (found.ties, found.difference) == (True, 0)


def test_accruals_that_do_not_tie_say_by_how_much(org: Organisation):
    Order(org, "10", "10").receive("4")
    cell = BudgetCell.objects.get(pk=org.cells["CC100", "6600", None].pk)
    AccruedSum.objects.filter(cell=cell, day=None).update(amount=D(20))
    found = accruals.report(entity=org.entity)
    assert (found.ties, found.difference) == (False, D(4))


def test_what_was_known_of_accruals_is_compared_with_nothing(org: Organisation):
    Order(org, "10", "10").receive("4")
    found = accruals.report(entity=org.entity, known_on=TODAY)
    assert (found.total, found.ties, found.difference) == (D(40), None, None)


@pytest.mark.parametrize("days", [-3, -2, -1, 0, 1, 2, 3])
def test_receipts_around_a_month_end_accrue_in_their_month(org: Organisation, days: int):
    end = date(2026, 3, 31)
    order = Order(org, "10", "10")
    order.receive("4", on=end + timedelta(days=days))
    found = accruals.report(entity=org.entity, as_of=end)
    assert found.total == (D(40) if days <= 0 else D(0))
    assert found.ties
