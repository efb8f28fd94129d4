"""The queue is the table: a broker that forgets, two schedulers, a poisoned item lose nothing."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from redis import Redis as RedisClient

from core import outbox, periodic
from core.models import NumberSequence, OutboxItem, PeriodicRun
from invoicing.models import Invoice, MatchRun
from purchase_orders.models import PurchaseOrder
from tests.factories import Organisation
from tests.faults.stand import Stand
from tests.journeys import steps
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.faults, pytest.mark.django_db(transaction=True)]

MANY = 12


def bills(org: Organisation, count: int) -> list[Invoice]:
    """Received and billed orders whose matches wait in the queue."""
    orders = [steps.issued(org) for _ in range(count)]
    for order in orders:
        steps.received(org, order)
    steps.forget_other_work()
    return [steps.captured(org, order, f"INV-{n}") for n, order in enumerate(orders, 1)]


def all_done() -> bool:
    return not OutboxItem.objects.filter(done_at=None, parked_at=None).exists()


def test_a_broker_that_forgets_everything_costs_seconds_and_no_work(
    org: Organisation, stand: Stand, broker: RedisClient, books_hold
):
    invoices = bills(org, MANY)
    assert broker.llen("celery") >= MANY, "the rings should be waiting"
    broker.flushall()
    stand.worker()
    stand.scheduler()
    stand.until(all_done, 60, "the sweep runs what nobody rings for")
    states = Invoice.objects.values_list("status", flat=True)
    assert Counter(states) == {Invoice.Status.CLEARED: MANY}
    runs = Counter(MatchRun.objects.values_list("invoice_id", flat=True))
    assert runs == {invoice.pk: 1 for invoice in invoices}


def test_two_schedulers_and_two_workers_do_each_job_once(
    org: Organisation, stand: Stand, books_hold
):
    began = timezone.now()
    invoices = bills(org, MANY)
    for _ in range(2):
        stand.worker()
        stand.scheduler()
    stand.until(all_done, 60, "everything is done")
    runs = Counter(MatchRun.objects.values_list("invoice_id", flat=True))
    assert runs == {invoice.pk: 1 for invoice in invoices}
    matches = OutboxItem.objects.filter(handler="invoicing.match")
    assert set(matches.values_list("attempts", flat=True)) == {1}
    stand.until(PeriodicRun.objects.exists, 30, "a tick")
    ran = Counter(PeriodicRun.objects.filter(started_at__gte=began).values_list("job", "period"))
    assert set(ran.values()) == {1}


def test_ticks_at_once_run_each_job_once_a_period(stand: Stand, monkeypatch):
    def count(*, at: object) -> None:
        NumberSequence.objects.create(stream="tick", kind="T", fiscal_year=count.next_year())

    years = iter(range(3000, 4000))
    count.next_year = lambda: next(years)
    job = periodic.Job("tests.count", timedelta(minutes=10), count)
    monkeypatch.setattr(periodic, "_jobs", {job.name: job})
    now = timezone.now().replace(minute=5)
    outcomes = race([lambda: periodic.tick(now=now) for _ in range(20)])
    assert sorted(map(len, outcomes)) == [0] * 19 + [1]
    assert NumberSequence.objects.filter(stream="tick").count() == 1
    assert periodic.tick(now=now + timedelta(minutes=10)) == ["tests.count"]


def test_a_poisoned_item_is_parked_alone(org: Organisation, stand: Stand, books_hold):
    invoices = bills(org, 3)
    now = timezone.now()
    poison = OutboxItem.objects.create(
        handler="invoicing.match",
        arguments={"event_id": str(org.rita.pk), "document_id": str(org.rita.pk)},  # of nothing
        key="poison",
        run_at=now - timedelta(hours=1),  # always the first in the queue
        attempts=outbox.MOST_ATTEMPTS - 1,
        created_at=now,
    )
    stand.worker()
    stand.scheduler()
    stand.until(all_done, 60, "the others are done, the poisoned one is parked")
    poison.refresh_from_db()
    assert poison.parked_at is not None and poison.attempts == outbox.MOST_ATTEMPTS
    assert "DoesNotExist" in poison.error
    assert outbox.waiting(now=timezone.now()) == {"due": 0, "parked": 1, "lag_seconds": 0.0}
    assert Invoice.objects.filter(status=Invoice.Status.CLEARED).count() == len(invoices)


def test_a_failed_item_waits_longer_each_time_and_never_blocks(org: Organisation, stand: Stand):
    now = timezone.now()
    outbox.enqueue("invoicing.match", {"event_id": "x", "document_id": str(org.rita.pk)},
                   key="poison", at=now)  # fmt: skip
    waits = []
    for attempt in range(1, 4):
        OutboxItem.objects.update(run_at=timezone.now())
        item = outbox.claim(now=timezone.now())
        assert item.attempts == attempt and not outbox.run(item)
        item.refresh_from_db()
        waits.append((item.run_at - timezone.now()).total_seconds())
        assert outbox.claim(now=timezone.now()) is None
    assert waits == sorted(waits) and waits[0] > 5


def test_a_late_worker_whose_lease_lapsed_cannot_overwrite(org: Organisation, stand: Stand):
    invoice = steps.billed(org)
    now = timezone.now()
    late = outbox.claim(now=now)
    assert outbox.claim(now=now) is None, "somebody else has it"
    after = now + outbox.LEASE + timedelta(seconds=1)
    other = outbox.claim(now=after)
    assert (late.pk, other.attempts) == (other.pk, 2)
    assert outbox.run(other)
    done_at = OutboxItem.objects.get(pk=other.pk).done_at
    outbox._put_back(late, TimeoutError("woke up at last"))
    assert outbox.run(late), "what is done is done: the handler finds nothing to do"
    row = OutboxItem.objects.get(pk=other.pk)
    assert (row.done_at, row.error, row.attempts) == (done_at, "", 2)
    assert MatchRun.objects.filter(invoice=invoice).count() == 1


def test_work_of_a_rolled_back_unit_is_never_done(org: Organisation, stand: Stand):
    before = set(OutboxItem.objects.values_list("pk", flat=True))
    order = steps.issued(org)
    steps.received(org, order)
    with pytest.raises(ZeroDivisionError):
        refused(org, order)
    left = OutboxItem.objects.exclude(pk__in=before).filter(handler="invoicing.match")
    assert not left.exists() and not Invoice.objects.exists()


def refused(org: Organisation, order: PurchaseOrder) -> None:
    with transaction.atomic():
        steps.captured(org, order)
        raise ZeroDivisionError
