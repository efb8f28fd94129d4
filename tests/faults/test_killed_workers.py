"""A worker that is killed at any point: its work is done by another, in time, exactly once."""

import os
import signal
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from budgets.models import LedgerEntry, Stage
from core import outbox
from core.models import OutboxItem
from invoicing.models import Invoice, MatchRun
from purchase_orders.models import PurchaseOrderLine
from tests import servers
from tests.factories import Organisation
from tests.faults.stand import USUAL, WORKER, Stand, held, standing, waiters
from tests.faults.test_queue import bills
from tests.journeys import steps

pytestmark = [pytest.mark.postgres, pytest.mark.faults, pytest.mark.django_db(transaction=True)]

MOST_SECONDS = 120


def is_cleared(invoice: Invoice) -> bool:
    return Invoice.objects.filter(pk=invoice.pk, status=Invoice.Status.CLEARED).exists()


def assert_matched_once(invoice: Invoice) -> None:
    assert MatchRun.objects.filter(invoice=invoice).count() == 1
    entries = LedgerEntry.objects.filter(document_id=invoice.pk)
    assert sorted(entries.values_list("stage", flat=True)) == [Stage.ACT, Stage.ENC]
    sums = dict(entries.values_list("stage").annotate(Sum("amount")))
    assert sums == {Stage.ACT: steps.net(invoice), Stage.ENC: -steps.net(invoice)}
    (line,) = PurchaseOrderLine.objects.filter(order=invoice.order)
    assert line.billed_quantity == line.quantity


def children(pid: int) -> list[int]:
    """The processes that a worker works with."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def killed_in_the_middle(stand: Stand, invoice: Invoice, settings_module: str) -> None:
    """Hold the order's line so that the match waits inside its transaction, and kill its worker."""
    worker = stand.worker(settings_module)
    with held(PurchaseOrderLine.objects.filter(order=invoice.order)):
        stand.until(waiters, 30, "the worker waits for the order's line")
        item = OutboxItem.objects.get(handler="invoicing.match")
        assert item.attempts == 1 and item.lease_until is not None and item.done_at is None
        stand.kill(worker)
    assert not MatchRun.objects.exists()


def test_a_match_killed_in_the_middle_is_done_once_within_two_minutes(
    org: Organisation, stand: Stand, books_hold
):
    """With the lease and the sweep of production."""
    invoice = steps.billed(org)
    killed_in_the_middle(stand, invoice, USUAL)
    began = time.monotonic()
    stand.worker(USUAL)
    stand.scheduler(USUAL)
    stand.until(lambda: is_cleared(invoice), MOST_SECONDS, "the match is done")
    assert time.monotonic() - began <= MOST_SECONDS
    assert_matched_once(invoice)
    assert OutboxItem.objects.get(handler="invoicing.match").attempts == 2


def test_lease_and_sweep_of_production_fit_into_two_minutes():
    sweep = settings.CELERY_BEAT_SCHEDULE["sweep"]["schedule"]
    assert settings.OUTBOX_LEASE_SECONDS + 2 * sweep < MOST_SECONDS


def test_a_match_killed_in_the_middle_is_done_once_where_a_folder_is_the_broker(
    org: Organisation, folder_stand: Stand, books_hold
):
    invoice = steps.billed(org)
    assert list((folder_stand.data_dir / "broker" / "queue").iterdir()), "nobody rang"
    killed_in_the_middle(folder_stand, invoice, "tests.faults.settings")
    folder_stand.worker()
    folder_stand.scheduler()
    folder_stand.until(lambda: is_cleared(invoice), 60, "the match is done")
    assert_matched_once(invoice)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param("", id="between claim and run"),
        pytest.param(
            "outbox._handlers[item.handler](**item.arguments)", id="between effect and done"
        ),
    ],
)
def test_a_worker_killed_around_its_work_leaves_it_done_once(
    org: Organisation, stand: Stand, books_hold, after: str
):
    invoice = steps.billed(org)
    stand.claim_and_die(after=after)
    stand.worker()
    stand.scheduler()
    matches = OutboxItem.objects.filter(handler="invoicing.match", done_at__isnull=False)
    stand.until(matches.exists, 60, "the item is done")
    assert is_cleared(invoice)
    assert_matched_once(invoice)
    assert matches.get().attempts == 2


def test_f02_f08_a_killed_child_and_a_cut_session_are_made_good_by_the_same_worker(
    org: Organisation, stand: Stand, books_hold
):
    """The kernel ends the child that takes most memory; a database that restarts ends sessions."""
    invoices = bills(org, 2)
    worker = stand.start(*WORKER, "--concurrency", "2")
    with held(PurchaseOrderLine.objects.filter(order__in=[each.order for each in invoices])):
        stand.until(lambda: waiters() == 2, 30, "both children wait for their order's line")
        one, other = children(worker.pid)
        os.kill(one, signal.SIGKILL)
        stand.until(lambda: waiters() == 1, 10, "its session ended with it")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks "
                "WHERE NOT granted AND pid <> pg_backend_pid()"
            )
        stand.until(lambda: waiters() == 0, 10, "so did the other")
    mine = OutboxItem.objects.filter(handler="invoicing.match")
    stand.until(mine.filter(lease_until=None).exists, 10, "the cut one is put back")
    mine.update(lease_until=None, run_at=timezone.now())  # their time has come
    outbox.ring()
    stand.until(lambda: all(map(is_cleared, invoices)), 60, "the matches are done")
    for invoice in invoices:
        assert_matched_once(invoice)
    assert worker.poll() is None, "nobody started it anew"
    assert one not in children(worker.pid) and other in children(worker.pid)


def test_f05_a_worker_whose_broker_goes_while_it_works_ends_to_be_started_anew(
    org: Organisation, transactional_db: None, books_hold
):
    """All its hands are busy then: it waits for no message, and notices only when it is done."""
    with servers.Redis() as redis, standing(redis.url) as stand:
        invoice = steps.billed(org)
        worker = stand.worker()
        with held(PurchaseOrderLine.objects.filter(order=invoice.order)):
            stand.until(waiters, 30, "the worker waits for the order's line")
            redis.stop()
        stand.until(lambda: worker.poll() is not None, 60, "the worker ends")
        assert worker.returncode == os.EX_TEMPFAIL
        assert_matched_once(invoice)
