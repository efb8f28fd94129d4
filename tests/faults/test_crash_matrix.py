"""Killed between ledger and trail: nothing happened, and the next one does it once.

Every act writes its events last, under the lock of the trail's head. Whoever holds that lock stops
each act right there: documents and ledger are written, and nothing of it is said yet.
"""

import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Count

from accounts.models import Control
from budgeting.models import YearEnd
from budgeting.services import year_ends
from budgets.models import AccruedSum, BudgetCell, Commitment, LedgerEntry, MonthSum
from core.models import OutboxItem, TrailEvent, TrailHead
from purchase_orders import services
from purchase_orders.inputs import OrderInput, OrderLineInput
from purchase_orders.models import PurchaseOrder, ReleaseProposal
from tests.factories import NOW, Organisation, budget_cell, coded
from tests.faults.acts import ACTS
from tests.faults.stand import Stand, held, waiters

pytestmark = [pytest.mark.postgres, pytest.mark.faults, pytest.mark.django_db(transaction=True)]

LAST_YEAR = datetime(2025, 12, 1, 10, 0, tzinfo=UTC)
MANY = 6
ALONE = """
import sys, uuid, django
django.setup()
from tests.faults.acts import ACTS
ACTS[sys.argv[1]].run(uuid.UUID(sys.argv[2]))
"""


def everything() -> list[Any]:
    """What the books hold, and how much was told of it."""
    return [
        list(model.objects.order_by("pk").values_list()) for model in (BudgetCell, Commitment)
    ] + [model.objects.count() for model in (LedgerEntry, AccruedSum, TrailEvent, OutboxItem)]


def others_at_work() -> int:
    """Sessions that are inside a transaction, but for this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
        return cursor.fetchone()[0]


def statement_that_waits() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT query FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock'"
        )
        ((statement,),) = cursor.fetchall()
    return str(statement)


@pytest.mark.parametrize("name", list(ACTS))
def test_killed_before_it_is_told_it_never_was_and_is_done_once_later(
    org: Organisation, stand: Stand, books_hold, name: str
) -> None:
    act = ACTS[name]
    subject = act.prepare(org)
    before = everything()
    with held(TrailHead.objects.order_by("pk")):
        process = stand.start(sys.executable, "-c", ALONE, name, str(subject))
        stand.until(waiters, 60, "it wrote all but its events")
        stand.kill(process)
    stand.until(lambda: not others_at_work(), 30, "the database took it back")
    assert everything() == before
    act.run(subject)
    assert everything() != before
    books_hold()


@pytest.mark.parametrize("name", ["issue an order", "clear an invoice"])
def test_m2_killed_between_balance_and_entry_neither_moved(
    org: Organisation, stand: Stand, books_hold, name: str
) -> None:
    """The entries' own sums of months keep them waiting; the balance of the budget moved before."""
    subject = ACTS[name].prepare(org)
    before = everything()
    with held(MonthSum.objects.order_by("pk")):
        process = stand.start(sys.executable, "-c", ALONE, name, str(subject))
        stand.until(waiters, 60, "it moved the balance, and is about to store the entries")
        assert statement_that_waits().startswith(f'INSERT INTO "{LedgerEntry._meta.db_table}"')
        stand.kill(process)
    stand.until(lambda: not others_at_work(), 30, "the database took it back")
    assert everything() == before
    ACTS[name].run(subject)
    assert everything() != before
    books_hold()


def orders(org: Organisation, at: datetime) -> list[PurchaseOrder]:
    """Buyer's orders of 10 × 10.00 of one budget."""
    org.bea.approval_limit = Decimal(1_000_000)
    org.bea.save()
    line = OrderLineInput(
        description="Cable",
        quantity=Decimal(10),
        unit_price=Decimal(10),
        distributions=[coded(org)],
    )
    data = OrderInput(vendor=org.vendor, currency="EUR", lines=[line])
    drafts = [
        services.create(entity=org.entity, data=data, actor=org.bea, at=at) for _ in range(MANY)
    ]
    return [services.issue(order=draft, actor=org.bea, at=at) for draft in drafts]


def forget_other_work() -> None:
    OutboxItem.objects.all().delete()


def killed_at(stand: Stand, order: PurchaseOrder) -> None:
    """A worker that waits for this order, in the middle of all, and is killed there."""
    worker = stand.worker()
    with held(PurchaseOrder.objects.filter(pk=order.pk)):
        stand.until(waiters, 60, "the worker waits for the order")
        stand.kill(worker)
    stand.until(lambda: not others_at_work(), 30, "the database took it back")


def entries_by(event: str) -> dict[UUID, int]:
    rows = LedgerEntry.objects.filter(event=event).order_by().values_list("document_id")
    return dict(rows.annotate(Count("pk")))


def test_a_year_end_killed_in_the_middle_goes_on_where_it_ended(
    org: Organisation, stand: Stand, books_hold
) -> None:
    budget_cell(
        org.entity, org.cost_centers["CC100"], org.gl_accounts["6600"], amount=5_000, year=2025
    )
    made = orders(org, LAST_YEAR)
    forget_other_work()
    year_end = year_ends.request(
        entity=org.entity,
        fiscal_year=2025,
        policy=YearEnd.Policy.WITH_BUDGET,
        reason="Books of 2025",
        actor=org.cora,
        at=NOW,
    )
    killed_at(stand, made[3])
    assert entries_by("year_end.rolled") == {order.pk: 2 for order in made[:3]}
    assert YearEnd.objects.get().status == YearEnd.Status.REQUESTED
    stand.worker()
    stand.scheduler()
    done = YearEnd.objects.filter(status=YearEnd.Status.RUN)
    stand.until(done.exists, 60, "the year end is done")
    assert entries_by("year_end.rolled") == {order.pk: 2 for order in made}
    lines = year_end.lines.values_list("state", "amount", "budget")
    assert list(lines) == [("rolled", Decimal(100), Decimal(100))] * MANY
    old, new = (
        BudgetCell.objects.get(fiscal_year__year=year, gl_account__code="6600", entity=org.entity,
                               cost_center__code="CC100")
        for year in (2025, 2026)
    )  # fmt: skip
    assert (old.amount, old.encumbered) == (5_000 - MANY * 100, 0)
    assert (new.amount, new.encumbered, new.control) == (100_600, MANY * 100, Control.STOP)


def test_releases_in_bulk_killed_in_the_middle_are_each_done_once(
    org: Organisation, stand: Stand, books_hold
) -> None:
    made = orders(org, LAST_YEAR.replace(year=2026, month=1))
    forget_other_work()
    later = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
    assert services.propose(entity=org.entity, at=later) == MANY
    services.accept(proposals=ReleaseProposal.objects.all(), actor=org.bea, at=later)
    killed_at(stand, made[3])
    assert entries_by("order.closed") == {order.pk: 1 for order in made[:3]}
    stand.worker()
    stand.scheduler()
    stand.until(lambda: len(entries_by("order.closed")) == MANY, 60, "all is given back")
    stand.until(
        lambda: not OutboxItem.objects.filter(done_at=None).exists(), 30, "nothing is left to do"
    )
    assert entries_by("order.closed") == {order.pk: 1 for order in made}
    assert org.cell("CC100", "6600").encumbered == 0
