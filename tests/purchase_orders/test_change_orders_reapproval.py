"""When a change of an order needs to be approved again: each limit, at it and beyond it."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Entity, User
from purchase_orders import services
from purchase_orders.models import ChangeOrder
from tests.purchase_orders.making import LATER, Maker, line_of
from tests.purchase_orders.test_change_orders import approve, changed, draft, issue, made, submit

pytestmark = pytest.mark.django_db


def settings(make: Maker, **values: Any) -> None:
    """Limits of the entity; nobody's own limit stands between the totals of these tests."""
    Entity.objects.filter(pk=make.org.entity.pk).update(**values)
    User.objects.filter(entity=make.org.entity).update(approval_limit=1_000_000)


def asked(make: Maker, order: Any, *lines: Any, **header: Any) -> list[str]:
    change = submit(make, draft(make, order, *lines, **header))
    services.withdraw_change(change=change, actor=make.org.bea, at=LATER, reason="Next")
    return list(change.needs)


@pytest.mark.parametrize(
    ("quantity", "needed"),
    [("1050", False), ("1050.01", True), ("990", False)],
)
def test_a_rise_up_to_five_percent_needs_nobody(make: Maker, quantity: str, needed: bool) -> None:
    settings(make)
    order = make.issued(("1000", "1"))
    assert bool(asked(make, order, changed(order, quantity=quantity))) is needed


def test_a_small_order_may_rise_by_the_amount(make: Maker) -> None:
    settings(make, change_order_amount=Decimal(20), change_order_cumulative_percent=Decimal(50))
    order = make.issued(("10", "10"))
    assert asked(make, order, changed(order, quantity="12")) == []
    assert "The total rises by 20.10 EUR" in asked(make, order, changed(order, quantity="12.01"))[0]


def test_many_small_rises_add_up(make: Maker) -> None:
    settings(make)
    order = make.issued(("1000", "1"))
    made(make, order, changed(order, quantity="1040"))
    made(make, order, changed(order, quantity="1080"))
    needs = asked(make, order, changed(order, quantity="1110"))
    assert needs == [
        "With all changes the order costs 110.00 EUR more than first approved; up to 10 % needs "
        "no approval."
    ]


def test_a_new_line_is_a_rise_even_where_another_goes(make: Maker) -> None:
    settings(make)
    order = make.issued(("10", "10"), ("10", "10"))
    needs = asked(make, order, changed(order, 2, is_cancelled=True), make.line("10", "10"))
    assert needs == ["It adds 100.00 EUR; up to 10.00 EUR needs no approval."]


def test_a_higher_tier_is_asked_for_whatever_the_percent(make: Maker) -> None:
    settings(make)
    order = make.issued(("990", "1"))
    User.objects.filter(pk=make.org.axel.pk).update(approval_limit=1000)
    assert "reaches 1,000.00 EUR" in asked(make, order, changed(order, quantity="1010"))[0]


@pytest.mark.parametrize(
    ("terms", "needed"),
    [
        ({"payment_terms_days": 14}, True),
        ({"delivery_terms": "EXW"}, True),
        ({"ship_to": "Elsewhere"}, True),
        ({"note": "Ring twice"}, False),
        ({"valid_to": date(2026, 12, 31)}, True),
    ],
)
def test_terms_need_approval_and_text_does_not(
    make: Maker, terms: dict[str, Any], needed: bool
) -> None:
    settings(make)
    order = make.issued(("10", "10"))
    assert bool(asked(make, order, terms=terms)) is needed


def test_who_pays_is_approved_again(make: Maker) -> None:
    settings(make)
    order = make.issued(("10", "10"))
    parts = make.coding(("CC100", "6300", "100"))
    assert asked(make, order, changed(order, distributions=parts)) == [
        "Line 1 is paid by somebody else."
    ]


@pytest.mark.parametrize(("day", "needed"), [(date(2026, 4, 14), False), (date(2026, 4, 16), True)])
def test_a_day_may_move_by_two_weeks(make: Maker, day: date, needed: bool) -> None:
    settings(make)
    order = make.issued(("10", "10"), need_by=date(2026, 4, 1))
    assert line_of(order).need_by == date(2026, 4, 1)
    assert bool(asked(make, order, changed(order, need_by=day))) is needed


def test_delivery_that_leaves_the_fiscal_year_is_approved_again(make: Maker) -> None:
    settings(make, change_order_days=400)
    order = make.issued(("10", "10"), need_by=date(2026, 12, 20))
    assert asked(make, order, changed(order, need_by=date(2027, 1, 3))) == [
        "Line 1 is delivered in another fiscal year."
    ]


def test_a_change_that_was_approved_by_people_is_the_next_one_in_force(make: Maker) -> None:
    settings(make, change_order_cumulative_percent=Decimal(100))
    order = make.issued(("1000", "1"))
    change = submit(make, draft(make, order, changed(order, quantity="1500")))
    assert change.status == ChangeOrder.Status.IN_APPROVAL
    issue(make, approve(change))
    assert asked(make, order, changed(order, quantity="1575")) == []
