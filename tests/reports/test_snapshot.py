"""A report belongs to one moment, whatever is written while it is read."""

import threading

import pytest
from django.db import InternalError, connection

from budgets.models import BudgetCell
from core.snapshot import snapshot
from reports import queries
from tests.budgets.postings import D, Desk
from tests.factories import Organisation


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_reports_tie_while_orders_are_posted(org: Organisation):
    desk = Desk(org, org.cells["CC100", "6600", None])
    stop = threading.Event()
    posted: list[int] = []

    def post() -> None:
        try:
            while not stop.is_set():
                desk.order("1", "1")
                posted.append(1)
        finally:
            connection.close()

    writers = [threading.Thread(target=post) for _ in range(4)]
    for writer in writers:
        writer.start()
    try:
        reports = [queries.commitments(entity=org.entity, fiscal_year=2026) for _ in range(40)]
    finally:
        stop.set()
        for writer in writers:
            writer.join(timeout=60)
    assert all(report.ties for report in reports), [report.difference for report in reports]
    seen = {report.totals.encumbered for report in reports}
    assert len(seen) > 1, "nothing was written meanwhile"
    assert desk.now.encumbered == len(posted)


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
