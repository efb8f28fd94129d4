"""Telling what happened: one call writes the trail and promises the follow-up work.

`publish` only notes the event; the outermost `core.transactions.atomic` writes the trail rows and
one outbox item per subscriber just before it commits. A rollback leaves no trace of either.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from core import outbox, provenance, trail, transactions
from core.documents import Document
from core.models import OutboxItem, TrailEvent

_subscribers: dict[str, list[str]] = defaultdict(list)


def subscribe(event_type: str, handler: str) -> None:
    """Have `handler` (a `core.outbox` handler name) run after each event of this type."""
    if handler not in _subscribers[event_type]:
        _subscribers[event_type].append(handler)


def publish(
    event_type: str,
    document: Document,
    *,
    actor: Any,
    at: datetime,
    reason: str = "",
    on_behalf_of: Any = None,
    changes: list[dict[str, Any]] | None = None,
    data: dict[str, Any] | None = None,
) -> TrailEvent:
    """Record that something happened to a document. Names are past tense: `requisition.submitted`.

    `actor` None is the portal itself. `changes` is `[{"field", "old", "new"}]`; a transition made
    by `core.transitions.perform` adds its own status change. `data` must be JSON.
    """
    moved = document.__dict__.pop("last_transition", None)
    status = [{"field": "status", "old": moved[0], "new": moved[1]}] if moved else []
    origin = provenance.current()
    event = TrailEvent(
        stream=document.stream,
        type=event_type,
        at=at,
        actor=actor,
        on_behalf_of=on_behalf_of,
        channel=origin.channel,
        request_id=origin.request_id,
        address=origin.address,
        document_type=document.document_type,
        document_id=document.pk,
        document_reference=_called(document)[:200],
        document_version=document.version,
        reason=reason,
        changes=[*status, *(changes or [])],
        data=data or {},
    )
    transactions.defer(event)
    return event


def _called(document: Any) -> str:
    """What a document is called; nothing where that is the name of somebody: see `core.called`."""
    said = getattr(document, "trail_reference", None)
    return str(document.reference if said is None else said)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Field by field what differs between what a document said and says, as the trail keeps it.

    What only one of the two names is None in the other.
    """
    return [
        {"field": name, "old": before.get(name), "new": after.get(name)}
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    ]


def _write(events: list[TrailEvent]) -> None:
    by_stream: dict[str, list[TrailEvent]] = defaultdict(list)
    for event in events:
        by_stream[event.stream].append(event)
    for stream in sorted(by_stream):
        trail.append(stream, by_stream[stream])
    now = timezone.now()  # not `recorded_at`: work is due by the clock of those who do it
    outbox.add(
        [
            OutboxItem(
                handler=handler,
                arguments={"event_id": str(event.id), "document_id": str(event.document_id)},
                key=f"{event.id}:{handler}",
                run_at=now,
                created_at=now,
            )
            for event in events
            for handler in _subscribers[event.type]
        ]
    )


transactions.write_with(_write)
