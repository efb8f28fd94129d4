"""The audit trail: one hash chain per stream, written by `core.events`, proven by `verify`."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models.functions import Now

from core import rows
from core.composed import Composed
from core.models import TrailEvent, TrailHead

GENESIS = "0" * 64
_HASHED = (
    "id",
    "stream",
    "sequence",
    "type",
    "at",
    "recorded_at",
    "actor_id",
    "on_behalf_of_id",
    "channel",
    "request_id",
    "address",
    "document_type",
    "document_id",
    "document_reference",
    "document_version",
    "reason",
    "changes",
    "data",
)


@dataclass(frozen=True)
class TrailFault:
    """The first row of a stream at which the chain does not hold, and why."""

    stream: str
    sequence: int
    problem: str


def digest(event: TrailEvent, previous_hash: str) -> str:
    """SHA-256 over the previous hash and the canonical JSON of everything the event states."""
    stated = {name: _canonical(getattr(event, name)) for name in _HASHED}
    text = json.dumps(stated, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous_hash}{text}".encode()).hexdigest()


def _canonical(value: object) -> object:
    """Moments in UTC: the database gives back the same moment, not the zone it was written in."""
    if value is None or isinstance(value, str | int | list | dict):
        return value
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


class _Clock(Now):
    """The database's own clock, as it is once a lock was waited for; Django's `Now` is from
    before."""

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="CLOCK_TIMESTAMP()", **context)


_locked_head = Composed(
    lambda stream: (
        TrailHead.objects.select_for_update(no_key=True).annotate(now=_Clock()).filter(pk=stream)
    )
)


def append(stream: str, events: list[TrailEvent]) -> None:
    """Chain events to the end of a stream under its head's lock, at the time of the database.

    One clock for however many hosts, read under the lock: along a chain it only goes on.
    Statements: 3, however many events.
    """
    try:
        head: Any = _locked_head.one(stream)
    except TrailHead.DoesNotExist:
        rows.insert([TrailHead(stream=stream)], ignore_conflicts=True)
        head = _locked_head.one(stream)
    for event in events:
        head.sequence += 1
        event.sequence, event.recorded_at = head.sequence, head.now
        event.previous_hash = head.hash
        event.hash = head.hash = digest(event, head.hash)
    rows.insert(events)
    rows.store([head], ["sequence", "hash"])


def verify(stream: str) -> Iterator[TrailFault]:
    """Walk a stream and yield the first fault found: an edited, dropped, inserted or moved row."""
    previous, expected = GENESIS, 0
    events = TrailEvent.objects.filter(stream=stream).order_by("sequence")
    for event in events.iterator(chunk_size=2000):
        expected += 1
        if event.sequence != expected:
            yield TrailFault(stream, expected, f"missing; the next row is {event.sequence}")
            return
        if event.previous_hash != previous:
            yield TrailFault(stream, expected, "does not continue the row before it")
            return
        if event.hash != digest(event, previous):
            yield TrailFault(stream, expected, "was changed after it was written")
            return
        previous = event.hash
    head = TrailHead.objects.filter(pk=stream).first()
    if head is None or (head.sequence, head.hash) != (expected, previous):
        at_head = head.sequence if head else 0
        yield TrailFault(
            stream, expected + 1, f"the chain ends at {expected}, its head at {at_head}"
        )


def verify_all() -> Iterator[TrailFault]:
    """The first fault of every stream that has one, those without a head included."""
    streams = set(TrailHead.objects.values_list("stream", flat=True))
    streams |= set(TrailEvent.objects.order_by().values_list("stream", flat=True).distinct())
    for stream in sorted(streams):
        yield from verify(stream)
