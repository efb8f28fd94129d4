"""The queue: rows written with the business change, claimed with a lease, done at least once.

Handlers are idempotent: a worker may die after the effect and before the row is marked done.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Min, Q
from django.utils import timezone

from core import rows
from core.models import OutboxItem

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=settings.OUTBOX_LEASE_SECONDS)  # longer than the hard time limit
MOST_ATTEMPTS = 8

_handlers: dict[str, Callable[..., None]] = {}
_bells: list[Callable[[], None]] = []


def handler(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as the handler of outbox items of this name."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        if _handlers.setdefault(name, function) is not function:
            raise ValueError(f"two handlers are named {name}")
        return function

    return register


def ring_with(bell: Callable[[], None]) -> None:
    """Register what wakes a worker. A bell that fails costs seconds: the sweep rings again."""
    if bell not in _bells:
        _bells.append(bell)


def enqueue(
    name: str, arguments: dict[str, Any], *, key: str, at: datetime, run_at: datetime | None = None
) -> None:
    """Promise work within the running transaction; a key that is already there promises nothing."""
    add(
        [OutboxItem(handler=name, arguments=arguments, key=key, run_at=run_at or at, created_at=at)]
    )


def add(items: list[OutboxItem]) -> None:
    """Store items once per key and ring after commit."""
    if items:
        rows.insert(items, ignore_conflicts=True)
        transaction.on_commit(ring)


def ring() -> None:
    for bell in _bells:
        bell()


def claim(*, now: datetime, lease: timedelta = LEASE) -> OutboxItem | None:
    """Take the next due item for `lease`, or None. Workers never wait for each other.

    An item whose workers died every time, before any could say why, is parked on the way.
    """
    due = (
        OutboxItem.objects.filter(done_at__isnull=True, parked_at__isnull=True, run_at__lte=now)
        .filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now))
        .order_by("run_at", "id")
    )
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, no_key=True)
        item = due.first()
        while item is not None and item.attempts >= MOST_ATTEMPTS:
            item.parked_at, item.error = now, item.error or f"No worker survived it: {item.key}"
            item.save(update_fields=["parked_at", "error"])
            logger.error("outbox item parked", extra={"handler": item.handler, "item": item.pk})
            item = due.first()
        if item is None:
            return None
        item.lease_until = now + lease
        item.attempts += 1
        item.save(update_fields=["lease_until", "attempts"])
    return item


def run(item: OutboxItem) -> bool:
    """Run a claimed item; True when it is done. A failure is kept, retried later, then parked."""
    try:
        _handlers[item.handler](**item.arguments)
    except Exception as error:
        logger.exception("outbox item failed", extra={"handler": item.handler, "item": item.pk})
        _put_back(item, error)
        return False
    _claimed(item).update(done_at=timezone.now(), lease_until=None, error="")
    return True


def _put_back(item: OutboxItem, error: Exception) -> None:
    now = timezone.now()
    tired = item.attempts >= MOST_ATTEMPTS
    _claimed(item).update(
        lease_until=None,
        run_at=now + timedelta(seconds=5 * 2**item.attempts),
        parked_at=now if tired else None,
        error=f"{type(error).__name__}: {error}"[:2000],
    )


def _claimed(item: OutboxItem) -> Any:
    """The item as long as this claim is the newest: a late worker cannot overwrite another's."""
    return OutboxItem.objects.filter(pk=item.pk, attempts=item.attempts)


def drain(*, until: Callable[[], bool] = lambda: False) -> int:
    """Run due items one by one until none is left or `until()` holds; returns the count done."""
    done = 0
    while not until():
        item = claim(now=timezone.now())
        if item is None:
            break
        done += run(item)
    return done


def promised(document_id: Any, *handlers: str) -> datetime | None:
    """Since when work of these handlers waits for a document; None where none does.

    Statements: 1, over what is queued now. What was parked is promised no more.
    """
    open_items = OutboxItem.objects.filter(done_at__isnull=True, parked_at__isnull=True)
    mine = open_items.filter(handler__in=handlers, arguments__document_id=str(document_id))
    since: datetime | None = mine.aggregate(since=Min("created_at"))["since"]
    return since


def waiting(*, now: datetime) -> dict[str, Any]:
    """Queue figures for health pages: items due, parked, and the age of the oldest in seconds."""
    open_items = OutboxItem.objects.filter(done_at__isnull=True)
    due = open_items.filter(parked_at__isnull=True, run_at__lte=now)
    oldest = due.order_by("run_at").values_list("run_at", flat=True).first()
    return {
        "due": due.count(),
        "parked": open_items.filter(parked_at__isnull=False).count(),
        "lag_seconds": (now - oldest).total_seconds() if oldest else 0.0,
    }


def replay(item: OutboxItem, *, now: datetime) -> None:
    """Give a parked item its attempts back."""
    OutboxItem.objects.filter(pk=item.pk, parked_at__isnull=False).update(
        parked_at=None, attempts=F("attempts") * 0, run_at=now, error=""
    )
