"""What is called by the names of people: the trail keeps their keys, pages show their names.

A name in an event could never be taken out again without breaking its chain. So documents that are
called by people have an empty `trail_reference`, and people stand in `changes` by key.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model

from core.documents import document_model
from core.models import TrailEvent

PERSON = "person"
_LENGTH = 36  # of a key as text


def by_name(events: Iterable[TrailEvent]) -> list[TrailEvent]:
    """The events as people read them, by the names of today; never to be saved.

    Statements: one for people, one for each kind of document that is called by them, none without.
    """
    events = list(events)
    unnamed: dict[str, set[UUID]] = defaultdict(set)
    for event in events:
        if not event.document_reference:
            unnamed[event.document_type].add(event.document_id)
    people = unnamed.pop(PERSON, set()) | {key for event in events for key in _keys(event)}
    names: dict[UUID | None, str] = _names(get_user_model(), people)
    for kind, ids in unnamed.items():
        names |= _names(document_model(kind), ids)
    for event in events:
        event.document_reference = event.document_reference or names.get(event.document_id, "")
        event.changes = [_named(change, names) for change in event.changes]
    return events


def _names(model: Any, ids: set[UUID]) -> dict[UUID | None, str]:
    return {pk: row.reference for pk, row in model.objects.in_bulk(ids).items()} if ids else {}


def _keys(event: TrailEvent) -> Iterable[UUID]:
    for change in event.changes:
        yield from filter(None, (_key(change[side]) for side in ("old", "new")))


def _key(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) and len(value) == _LENGTH else None
    except ValueError:
        return None


def _named(change: dict[str, Any], names: dict[UUID, str]) -> dict[str, Any]:
    shown = {side: names.get(_key(change[side])) for side in ("old", "new")}
    return {**change, **{side: name for side, name in shown.items() if name}}
