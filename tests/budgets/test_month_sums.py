"""The sums of budgets and months, which the database keeps by itself beside the ledger."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from django.db import connection

from budgets import invariants, month_sums
from budgets.ledger import BudgetExceeded
from budgets.models import LedgerEntry, MonthSum
from tests.budgets.postings import D, Desk
from tests.factories import TODAY, Organisation

pytestmark = pytest.mark.django_db


@dataclass
class Calendar(Desk):
    """A desk that posts on the day it says."""

    day: date = TODAY

    def _facts(self, **facts: Any) -> dict[str, Any]:
        return super()._facts(**{"on": self.day, **facts})


@pytest.fixture
def desk(org: Organisation) -> Calendar:
    return Calendar(org, org.cells["CC100", "6600", None])


def stored(desk: Calendar):
    names = ("month", "pre_encumbered", "encumbered", "spent")
    found = MonthSum.objects.filter(cell=desk.cell).order_by("month").values_list(*names)
    return {f"{month:%Y-%m}": tuple(sums) for month, *sums in found}


def test_without_entries_there_are_none(desk: Calendar):
    assert stored(desk) == {}


def test_each_posting_adds_to_the_month_of_its_posting_date(desk: Calendar):
    desk.day = date(2026, 2, 27)
    request = desk.reserve(D("100"))
    desk.day = date(2026, 3, 1)
    order = desk.order("10", "10", uses=request, takes=D("100"))
    desk.day = date(2026, 3, 31)
    desk.bill(order, actual="60", liquidate="50", quantity="5")
    assert stored(desk) == {"2026-02": (100, 0, 0), "2026-03": (-100, 50, 60)}


def test_what_is_refused_adds_nothing(tight: Desk):
    with pytest.raises(BudgetExceeded):
        tight.order("1", "600")
    assert stored(tight) == {}


def test_a_changed_sum_is_named_by_its_budget_and_month(desk: Calendar):
    desk.day = date(2026, 3, 1)
    desk.order("10", "10")
    MonthSum.objects.update(encumbered=D("99"))
    (fault,) = invariants.check("Sums of months").faults
    assert f"budget cell {desk.cell.pk}" in fault
    assert "in 2026-03" in fault
    assert "99.00" in fault


def test_a_lost_sum_is_named(desk: Calendar):
    desk.day = date(2026, 3, 1)
    desk.order("10", "10")
    MonthSum.objects.all().delete()
    assert len(invariants.check("Sums of months").faults) == 1


def test_what_stands_in_the_ledger_is_added_once_as_a_migration_does(desk: Calendar):
    for desk.day in (date(2026, 2, 27), date(2026, 3, 1)):
        desk.order("10", "10")
    before = stored(desk)
    MonthSum.objects.all().delete()
    tables = (each._meta.db_table for each in (LedgerEntry, MonthSum))
    with connection.cursor() as cursor:
        cursor.execute(month_sums.added(connection.vendor, *tables))
    assert stored(desk) == before
    assert invariants.check("Sums of months").faults == []
