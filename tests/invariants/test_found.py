"""What the machine found, step by step: each sequence once went wrong."""

from collections.abc import Iterator

import pytest
from django.utils import timezone

from budgets.models import AccruedSum, BudgetCell
from tests.factories import Organisation
from tests.invariants.fixtures import assert_books_hold
from tests.invariants.machine.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(org: Organisation, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(org)
    monkeypatch.setattr(timezone, "now", lambda: made.now)
    yield made
    made.agree()
    assert_books_hold()


OF_A = {"entity__code": "DE01", "cost_center__code": "CC100", "gl_account__code": "6600"}


def issued(world: World, *payers: str) -> None:
    """An order of 6 × 10."""
    world.draft_own(payers, 6, 10, "EUR")
    world.issue(-4)


def year_ended(world: World, policy: str = "with_budget") -> None:
    world.new_year()
    world.year_end(policy)
    world.catch_up()
    assert world.done["year end went"], (world.done, world.refused)
    world.agree()


def year_closed(world: World) -> None:
    world.new_year()
    world.year_end("with_budget")
    world.catch_up()
    world.end_year("close", -1)
    assert world.done["close year"], world.refused


def test_what_awaits_its_invoice_goes_along_into_the_next_year(world: World) -> None:
    issued(world, "A")
    world.receive(0, 4)
    year_ended(world)
    waits = AccruedSum.objects.filter(day=None, amount__gt=0).select_related("cell__fiscal_year")
    assert [(each.cell.fiscal_year.year, each.amount) for each in waits] == [(2027, 40)]
    world.bill(0, 4, 0, "invoice")
    world.catch_up()
    assert world.done["cleared"]


def test_and_comes_back_when_the_year_end_is_undone(world: World) -> None:
    issued(world, "A")
    world.receive(0, 4)
    year_ended(world)
    world.end_year("reverse", -1)
    assert world.done["reverse year"]
    waits = AccruedSum.objects.filter(day=None, amount__gt=0).select_related("cell__fiscal_year")
    assert [(each.cell.fiscal_year.year, each.amount) for each in waits] == [(2026, 40)]


def test_other_books_use_up_what_earlier_months_left_before_they_overdraw(world: World) -> None:
    """Else it could be spent once more, and the year would bear more than it has."""
    world.tick(31)
    world.spend_outside("D", 150)
    world.agree()
    march, april = BudgetCell.objects.filter(cost_center__code="CC500", period__in=(3, 4)).order_by(
        "period"
    )
    assert (march.amount, april.amount, april.overdraft) == (50, 150, 0)
    world.spend_outside("D", 120)
    april.refresh_from_db()
    assert (april.amount, april.overdraft) == (200, 70)


def test_an_order_closed_before_its_year_was_gives_back_though_the_worker_comes_late(
    world: World,
) -> None:
    issued(world, "A")
    world.end_order("close", 0)
    world.new_year()
    world.year_end("with_budget")
    for item in world.work().filter(done_at=None, handler="budgeting.run_year_end"):
        world.run(item, 1)
    world.end_year("close", -1)
    assert world.done["close year"], world.refused
    world.catch_up()
    assert BudgetCell.objects.get(fiscal_year__year=2027, **OF_A).encumbered == 0


def test_a_change_of_what_was_used_up_in_a_closed_year_is_paid_by_this_one(world: World) -> None:
    issued(world, "A")
    world.receive(0, 6)
    world.bill(0, 6, 0, "invoice")
    world.catch_up()
    year_closed(world)
    world.draft_change(0, 2, 0)
    world.submit_change(-4)
    world.agree()
    world.agree_to(0)
    world.issue_change(0)
    assert world.done["issue change"], world.refused
    assert BudgetCell.objects.get(fiscal_year__year=2027, **OF_A).encumbered == 20


def test_what_a_change_holds_stands_where_its_order_does_when_put_up_again(world: World) -> None:
    """It was sent back in the old year; the order went over without it."""
    issued(world, "A")
    world.draft_change(0, 6, 0)
    world.submit_change(-4)
    world.decide("return", 0)
    assert world.done["decide: return"], world.refused
    year_ended(world)
    world.submit_change(-4)
    assert BudgetCell.objects.get(fiscal_year__year=2027, **OF_A).pre_encumbered == 60


def test_what_later_years_pay_is_drawn_and_comes_due(world: World) -> None:
    """Half of 6 × 10 waits for 2027; five are billed in 2026, of which two are paid early."""
    world.draft_own(("A",), 6, 10, "EUR", spans=True)
    world.issue(-4)
    world.receive(0, 5)
    world.bill(0, 5, 0, "invoice")
    world.catch_up()
    assert world.done["drawn"], (world.done, world.refused)
    world.agree()
    world.new_year()
    world.activate()
    assert world.done["activate"]
    assert BudgetCell.objects.get(fiscal_year__year=2027, **OF_A).encumbered == 10
    world.agree()
    world.void(0)
