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
    world.end_year("reverse")
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
