"""A year end while others work: every cent is once in one year, whoever comes first."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F, Sum

from budgeting.models import YearEnd
from budgeting.services import year_ends
from budgets import invariants, ledger
from budgets.models import BudgetCell, Commitment
from tests.budgets.postings import D, Desk, Paper
from tests.factories import Organisation
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
JANUARY = datetime(2027, 1, 5, 9, 0, tzinfo=UTC)


def clear(order: Paper, amount: str) -> Any:
    paper = Paper(order.cell, "paper invoice")
    settlement = ledger.Settlement(
        paper.line, 1, order.distribution, D(1), D(amount), D(0), D(amount)
    )
    return lambda: ledger.liquidate(
        source=paper.source, settlements=[settlement], on=JANUARY.date(), actor=None, at=JANUARY
    )


@pytest.mark.usefixtures("vouched")
def test_c22_a_year_end_while_invoices_clear_counts_nothing_twice(org: Organisation) -> None:
    desk = Desk(org, org.cells["CC100", "6600", None])
    orders = [desk.order("10", "10") for _ in range(20)]
    year_end = year_ends.request(
        entity=org.entity,
        fiscal_year=2026,
        policy=YearEnd.Policy.WITH_BUDGET,
        reason="Books of 2026",
        actor=org.cora,
        at=JANUARY,
    )
    jobs = [clear(order, "70") for order in orders]
    results = race([*jobs, *[lambda: year_ends.run(year_end=year_end, at=JANUARY)] * 2])
    assert [each for each in results if isinstance(each, Exception)] == []
    year_ends.run(year_end=year_end, at=JANUARY)
    year_end.refresh_from_db()
    assert year_end.status == "run"
    cells = BudgetCell.objects.filter(cost_center=desk.cell.cost_center, gl_account__code="6600")
    sums = cells.aggregate(enc=Sum("encumbered"), act=Sum("spent"))
    assert (sums["enc"], sums["act"]) == (600, 1400)
    held = Commitment.objects.annotate(left=F("amount") - F("liquidated") - F("released"))
    assert set(held.values_list("left", flat=True)) == {Decimal(30)}
    assert set(held.values_list("cell__fiscal_year__year", flat=True)) == {2027}
    for name in ("Stored balances", "Budget amounts", "Commitments of cells", "Every moment"):
        assert invariants.check(name).faults == []


def test_m16_a_year_is_closed_between_postings_never_beside_them(org: Organisation) -> None:
    desk = Desk(org, org.cells["CC100", "6600", None])
    year_end = year_ends.request(
        entity=org.entity,
        fiscal_year=2026,
        policy=YearEnd.Policy.WITH_BUDGET,
        reason="Books of 2026",
        actor=org.cora,
        at=JANUARY,
    )
    year_end = year_ends.run(year_end=year_end, at=JANUARY)
    papers = [Paper(desk.cell, "paper requisition") for _ in range(10)]
    orders = [
        lambda paper=paper: Desk(org, desk.cell).order("1", "1", uses=paper) for paper in papers
    ]
    race([*orders, lambda: year_ends.close(year_end=year_end, actor=org.cora, at=JANUARY)])
    open_ = Commitment.objects.filter(cell__fiscal_year__is_open=False).annotate(
        left=F("amount") - F("liquidated") - F("released")
    )
    assert not open_.filter(left__gt=0).exists()
