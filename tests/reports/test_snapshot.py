"""A report belongs to one moment, whatever is written while it is read."""

import threading

import pytest
from django.db import InternalError, connection
from django.db.models import Sum

from budgets import ledger
from budgets.models import BudgetCell, LedgerEntry
from core.snapshot import snapshot
from reports import queries
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, TODAY, Organisation

WRITERS, ORDERS_EACH, LINES = 4, 25, 10


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_m18_a_report_during_a_thousand_writes_is_the_sum_of_one_moments_entries(
    org: Organisation,
):
    """As of now and as of a day; each total against the entries read beside it."""
    cell = org.cells["CC100", "6600", None]

    def post() -> None:
        try:
            for _ in range(ORDERS_EACH):
                paper, lines = Paper(cell), [Paper(cell) for _ in range(LINES)]
                shares = [
                    paper.share(D(1), line_id=each.line, distribution_id=each.distribution)
                    for each in lines
                ]
                ledger.encumber(source=paper.source, shares=shares, on=TODAY, actor=None, at=NOW)
        finally:
            connection.close()

    writers = [threading.Thread(target=post) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        for as_of in (None, TODAY):
            with snapshot():
                found = queries.commitments(entity=org.entity, fiscal_year=2026, as_of=as_of)
                entries = LedgerEntry.objects.aggregate(total=Sum("amount"))["total"] or 0
            assert (found.ties, found.totals.encumbered) == (True, entries), found.difference
            assert entries % LINES == 0, "part of an order"
            seen.add(entries)
    for writer in writers:
        writer.join(timeout=60)
    assert len(seen) > 2, "nothing was written meanwhile"
    assert LedgerEntry.objects.count() == WRITERS * ORDERS_EACH * LINES == 1000
    assert queries.commitments(entity=org.entity, fiscal_year=2026).totals.encumbered == 1000


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_inside_another_belongs_to_the_same_moment(org: Organisation):
    with snapshot():
        with snapshot():
            inside = BudgetCell.objects.count()
        assert BudgetCell.objects.count() == inside
    BudgetCell.objects.update(overdraft=D(1))  # and neither is left open


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_nothing_can_be_written_while_reading(org: Organisation):
    with pytest.raises(InternalError, match="read-only"), snapshot():
        BudgetCell.objects.update(overdraft=D(1))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_what_is_read_twice_is_read_alike(org: Organisation):
    desk = Desk(org, org.cells["CC100", "6600", None])
    with snapshot():
        before = desk.now.encumbered
        writer = threading.Thread(target=lambda: (desk.order("1", "7"), connection.close()))
        writer.start()
        writer.join(timeout=60)
        assert desk.now.encumbered == before
    assert desk.now.encumbered == before + 7


@pytest.mark.django_db
def test_inside_a_transaction_its_own_writes_are_seen(org: Organisation):
    desk = Desk(org, org.cells["CC100", "6600", None])
    with snapshot():
        desk.order("1", "7")
        assert queries.commitments(entity=org.entity, fiscal_year=2026).totals.encumbered == 7


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_leaves_no_transaction_behind(org: Organisation):
    with pytest.raises(ZeroDivisionError), snapshot():
        BudgetCell.objects.count()
        raise ZeroDivisionError
    with snapshot():
        assert BudgetCell.objects.count() == 8
    Desk(org, org.cells["CC100", "6600", None]).order("1", "7")
    assert queries.commitments(entity=org.entity, fiscal_year=2026).ties
