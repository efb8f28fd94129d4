"""What the books said on a day: by posting date and by the day on which it was written down."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from budgets import ledger
from budgets.models import BudgetAdjustment
from core.errors import Invalid
from purchase_orders.models import Receipt
from reports import queries
from reports.drill_down import accruals_behind, adjustments_behind
from reports.figures import Scope
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, TODAY, Organisation
from tests.reports.test_accruals import Order

pytestmark = pytest.mark.django_db

MARCH, APRIL = date(2026, 3, 31), date(2026, 4, 30)


@pytest.fixture
def late(org: Organisation) -> Organisation:
    """500 posted in March and written down in March; 70 posted in March, written down in April;
    a budget raised by 5 from 30 March on, and by 2 more, both written down in April."""
    desk = Desk(org, org.cells["CC100", "6600", None])
    desk.order("5", "100")
    paper = Paper(desk.cell)
    ledger.encumber(
        source=paper.source,
        shares=[paper.share(D(70))],
        on=date(2026, 3, 30),
        actor=None,
        at=NOW + timedelta(days=40),
    )
    cell = org.cell("CC100", "6600")
    cell.amount += 7
    cell.save()
    for amount, day in ((5, date(2026, 3, 30)), (2, TODAY + timedelta(days=40))):
        BudgetAdjustment.objects.create(
            cell=cell,
            amount=D(amount),
            control="stop",
            reason="More",
            actor=None,
            effective_on=day,
            recorded_at=NOW + timedelta(days=40),
        )
    return org


def told(org: Organisation, **days) -> tuple[Decimal, Decimal, bool]:
    found = queries.commitments(
        entity=org.entity, fiscal_year=2026, cost_center="CC100", gl_account="6600", **days
    )
    return found.totals.budget, found.totals.encumbered, found.ties


@pytest.mark.parametrize(
    ("days", "budget", "committed"),
    [
        ({"as_of": MARCH}, 100_005, 570),
        ({"as_of": MARCH, "known_on": MARCH}, 100_000, 500),
        ({"as_of": MARCH, "known_on": APRIL}, 100_005, 570),
        ({"as_of": APRIL}, 100_007, 570),
        ({"as_of": APRIL, "known_on": MARCH}, 100_000, 500),
        ({"known_on": MARCH}, 100_000, 500),
        ({"known_on": APRIL}, 100_007, 570),
        ({"known_on": TODAY - timedelta(days=1)}, 0, 0),
    ],
)
def test_late_entries_count_from_the_day_they_were_written_down(
    late: Organisation, days: dict, budget: int, committed: int
):
    assert told(late, **days) == (D(budget), D(committed), True)


def test_what_the_books_said_never_changes(late: Organisation):
    before = told(late, as_of=MARCH, known_on=MARCH)
    desk = Desk(late, late.cells["CC100", "6600", None])
    paper = Paper(desk.cell)
    ledger.encumber(
        source=paper.source,
        shares=[paper.share(D(9))],
        on=date(2026, 3, 5),
        actor=None,
        at=NOW + timedelta(days=90),
    )
    assert told(late, as_of=MARCH, known_on=MARCH) == before
    assert told(late, as_of=MARCH)[1] == D(579)


def test_the_entries_behind_are_those_that_were_known(late: Organisation):
    scope = {"entity": late.entity, "fiscal_year": 2026, "as_of": MARCH}
    known = queries.entries_behind(**scope, known_on=MARCH, stage="ENC")
    assert [entry.amount for entry in known] == [D(500)]
    assert queries.entries_behind(**scope, stage="ENC").count() == 2
    cells = Scope(late.entity, 2026, None, "CC100", "6600", None, MARCH)
    assert [each.amount for each in adjustments_behind(cells)] == [D(100_000)]


def test_the_burn_down_is_what_was_known(late: Organisation):
    facts = {"entity": late.entity, "fiscal_year": 2026, "as_of": MARCH, "cost_center": "CC100"}
    assert queries.burn_down(**facts).points[-1].figures.encumbered == D(570)
    assert queries.burn_down(**facts, known_on=MARCH).points[-1].figures.encumbered == D(500)


def test_a_delivery_counts_from_the_day_it_was_written_down(org: Organisation):
    order = Order(org, "10", "10")
    order.receive("4", on=TODAY)
    order.receive("3", on=TODAY)
    late_one = Receipt.objects.order_by("-id")[0]
    late_one.posted_at = NOW + timedelta(days=30)
    late_one.save()

    def accrued(**days) -> Decimal:
        return sum(row.base for row in queries.received_not_invoiced(entity=org.entity, **days))

    assert accrued(as_of=MARCH) == D(70)
    assert accrued(as_of=MARCH, known_on=TODAY) == D(40)
    assert accrued(known_on=APRIL) == accrued() == D(70)
    found = queries.commitments(entity=org.entity, fiscal_year=2026, as_of=MARCH, known_on=TODAY)
    assert found.totals.received_not_invoiced == D(40)
    scope = Scope(org.entity, 2026, MARCH, None, None, None, TODAY)
    assert sum(row.base for row in accruals_behind(scope)) == D(40)


@pytest.mark.parametrize("known_on", [None, MARCH])
def test_an_unknown_group_is_refused_however_far_back(org: Organisation, known_on):
    with pytest.raises(Invalid):
        queries.commitments(
            entity=org.entity, fiscal_year=2026, group_by="colour", known_on=known_on
        )
