"""Celery's share of the queue: it wakes workers, the outbox decides what is done."""

import time

from celery import shared_task
from django.utils import timezone

from core import maintenance, outbox, periodic, provenance

DRAIN_SECONDS = 10  # then ring again: a drain ends well inside the task's time limit


def is_only_read() -> bool:
    return maintenance.ends_at(now=timezone.now()) is not None


@shared_task
def drain() -> None:
    """Run due outbox items for a while; ring again when time ended before the work did."""
    if is_only_read():
        return
    stop_at = time.monotonic() + DRAIN_SECONDS
    with provenance.coming_from("task"):
        outbox.drain(until=lambda: time.monotonic() > stop_at or is_only_read())
    if time.monotonic() > stop_at:
        outbox.ring()


@shared_task
def sweep() -> None:
    """Ring for whatever nobody rang for: lost bells, lapsed leases, items whose time has come."""
    if outbox.waiting(now=timezone.now())["due"]:
        drain()


@shared_task
def tick() -> None:
    """Run the periodic jobs that are due."""
    if is_only_read():
        return  # jobs that are due then run at the first tick afterwards
    with provenance.coming_from("task"):
        periodic.tick(now=timezone.now())


def ring() -> None:
    """Wake a worker. A broker that is down must not fail a request: the sweep rings again."""
    try:
        drain.apply_async(retry=False)
    except drain.OperationalError:
        outbox.logger.warning("the broker did not take the bell; the sweep will ring again")
