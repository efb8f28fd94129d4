"""The hash chain holds for whatever a service may publish, read back from either database."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from core import events, trail
from core.models import OutboxItem, TrailEvent
from core.transactions import atomic
from tests.factories import NOW, Organisation
from tests.racing import race

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "facts",
    [
        {"at": NOW},
        {"at": datetime(2026, 3, 2, 11, 0, tzinfo=ZoneInfo("Europe/Berlin"))},
        {"at": NOW.replace(microsecond=1)},
        {"reason": 'Größer als 5 < 6 & „gut“ \\ " 😀'},
        {"changes": [{"field": "net", "old": None, "new": "12.50"}]},
        {"data": {"b": [1, 2.5, True, None], "a": {"z": "ä", "y": []}, "n": 12345678901234567890}},
    ],
    ids=["utc", "berlin", "microsecond", "text", "changes", "data"],
)
def test_an_event_verifies_after_it_was_stored(org: Organisation, facts: dict):
    with atomic():
        events.publish("vendor.approved", org.vendor, actor=org.vera, **{"at": NOW, **facts})
    event = TrailEvent.objects.get()
    assert trail.digest(event, event.previous_hash) == event.hash
    assert list(trail.verify(event.stream)) == []


def test_every_stream_is_walked_also_one_without_head(org: Organisation):
    with atomic():
        events.publish("vendor.approved", org.vendor, actor=org.vera, at=NOW)
        events.publish("vendor.approved", org.uk_vendor, actor=org.nils, at=NOW)
    assert list(trail.verify_all()) == []
    event = TrailEvent.objects.get(stream=str(org.uk.pk))
    event.pk, event.stream, event._state.adding = None, "nobody", True
    event.save()
    assert [fault.stream for fault in trail.verify_all()] == ["nobody"]


STATED = [each.attname for each in TrailEvent._meta.concrete_fields]


@pytest.mark.parametrize("column", STATED)
def test_t3_whatever_is_changed_of_an_event_is_named(
    org: Organisation, tampered: Callable[..., None], column: str
):
    """Each single column of the second of three, by raw SQL."""
    for _ in range(3):
        with atomic():
            events.publish("vendor.approved", org.vendor, actor=org.vera, at=NOW)
    kept = TrailEvent.objects.get(sequence=2)
    field: Any = TrailEvent._meta.get_field(column)
    other = org.nils.pk if field.is_relation else another(getattr(kept, column))
    other = field.get_db_prep_save(other, connection)
    tampered(f"UPDATE core_trailevent SET {column} = %s WHERE sequence = 2", other)
    assert (kept.stream, 2) in [(fault.stream, fault.sequence) for fault in trail.verify_all()]


def another(value: Any) -> Any:
    """A value that differs in its last place, or is there where none was."""
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, UUID):
        return UUID(int=value.int ^ 1)
    if isinstance(value, int):
        return value + 7
    if isinstance(value, list):
        return [*value, {}]
    if isinstance(value, dict):
        return {**value, "n": None}
    return f"{value[:-1]}~"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_t3_twenty_writers_at_once_make_one_chain_without_a_gap(org: Organisation):
    """Some of them two events at once, some in two chains; every third takes it back."""

    def write(turn: int) -> None:
        for _ in range(5):
            with suppress(ZeroDivisionError), atomic():
                events.publish("vendor.approved", org.vendor, actor=org.vera, at=NOW)
                events.publish("vendor.approved", org.uk_vendor, actor=org.vera, at=NOW)
                if turn % 2:
                    events.publish("vendor.suspended", org.vendor, actor=org.vera, at=NOW)
                assert turn % 3 or 1 / 0

    outcomes = race([lambda turn=turn: write(turn) for turn in range(20)])
    assert outcomes == [None] * 20
    assert list(trail.verify_all()) == []
    for stream, count in ((org.entity.pk, 13 * 5 + 7 * 5), (org.uk.pk, 13 * 5)):
        chain = TrailEvent.objects.filter(stream=str(stream)).order_by("sequence")
        assert list(chain.values_list("sequence", flat=True)) == list(range(1, count + 1))
        times = list(chain.values_list("recorded_at", flat=True))
        assert times == sorted(times), "no clock runs back along a chain"


def test_t2_an_event_is_recorded_by_the_clock_of_the_database(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    """A host whose own clock is years behind writes no other time; its work is due by its own."""
    before = now_by_the_database()
    monkeypatch.setattr(timezone, "now", lambda: NOW - timedelta(days=1000))
    with atomic():
        events.publish("order.issued", org.vendor, actor=org.vera, at=NOW)
        events.publish("vendor.approved", org.uk_vendor, actor=org.vera, at=NOW)
    for event in TrailEvent.objects.all():
        assert event.at == NOW
        assert before <= event.recorded_at <= now_by_the_database()
        assert event.recorded_at.utcoffset() == timedelta(0)
    assert {each.run_at for each in OutboxItem.objects.all()} == {NOW - timedelta(days=1000)}
    assert list(trail.verify_all()) == []


def now_by_the_database() -> datetime:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT clock_timestamp()")
            return cursor.fetchone()[0]
        cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')")
        return datetime.fromisoformat(cursor.fetchone()[0])
