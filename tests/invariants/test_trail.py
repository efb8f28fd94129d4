"""The hash chain holds for whatever a service may publish, read back from either database."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from core import events, trail
from core.models import TrailEvent
from core.transactions import atomic
from tests.factories import NOW, Organisation

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
