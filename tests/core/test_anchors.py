"""A chain that was rewritten as a whole still misses its anchors."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from core import anchors, events, trail
from core.models import TrailEvent, TrailHead
from core.transactions import atomic
from tests.factories import NOW, Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.ANCHOR_DIR = tmp_path / "anchors"
    return settings.ANCHOR_DIR


def publish(org: Organisation, times: int = 1) -> None:
    for _ in range(times):
        with atomic():
            events.publish("vendor.approved", org.vendor, actor=org.vera, at=NOW)


def problems() -> list[str]:
    return [fault.problem for fault in anchors.verify()]


def without_triggers(statement: str, *values: Any) -> None:
    """As somebody with every right in the database would."""
    table = TrailEvent._meta.db_table
    with connection.cursor() as cursor:
        for verb in ("update", "delete"):
            if connection.vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_{verb}")
            else:
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_rows ON {table}")
        cursor.execute(statement, values)


def rewrite_from(sequence: int, reason: str) -> None:
    """Change an event and make the whole chain hold again."""
    previous = TrailEvent.objects.get(sequence=sequence).previous_hash
    for event in TrailEvent.objects.filter(sequence__gte=sequence).order_by("sequence"):
        event.reason = reason if event.sequence == sequence else event.reason
        digest = trail.digest(event, previous)
        without_triggers(
            f"UPDATE {TrailEvent._meta.db_table} SET reason = %s, previous_hash = %s, hash = %s "
            "WHERE sequence = %s",
            *(event.reason, previous, digest, event.sequence),
        )
        previous = digest
    TrailHead.objects.update(hash=previous)


def test_a_chain_that_goes_on_passes_through_its_anchors(org: Organisation) -> None:
    anchors.anchor(at=NOW)
    for hour in range(1, 4):
        publish(org, times=2)
        anchors.anchor(at=NOW + timedelta(hours=hour))
    publish(org)
    assert problems() == []
    assert anchors.count() == 4


def test_months_continue_each_other(org: Organisation, folder: Path) -> None:
    for day in (0, 20, 40):
        publish(org)
        anchors.anchor(at=NOW + timedelta(days=day))
    assert [each.name for each in sorted(folder.glob("*.jsonl"))] == [
        "2026-03.jsonl",
        "2026-04.jsonl",
    ]
    assert problems() == []


def test_a_chain_that_was_rewritten_so_that_it_holds_is_found(org: Organisation) -> None:
    publish(org, times=5)
    anchors.anchor(at=NOW)
    rewrite_from(3, "never happened")
    assert list(trail.verify_all()) == []
    assert problems() == [f"trail {org.entity.pk} had another event 5"]


def test_an_older_copy_is_found(org: Organisation) -> None:
    publish(org, times=5)
    anchors.anchor(at=NOW)
    without_triggers(f"DELETE FROM {TrailEvent._meta.db_table} WHERE sequence > 3")
    TrailHead.objects.update(sequence=3, hash=TrailEvent.objects.get(sequence=3).hash)
    assert list(trail.verify_all()) == []
    assert problems() == [f"trail {org.entity.pk} had an event 5, which is gone"]


@pytest.mark.parametrize("act", ["drop", "change", "garble", "swap"])
def test_lines_cannot_be_touched_unnoticed(org: Organisation, folder: Path, act: str) -> None:
    for hour in range(4):
        publish(org)
        anchors.anchor(at=NOW + timedelta(hours=hour))
    file = folder / "2026-03.jsonl"
    lines = file.read_text().splitlines()
    if act == "drop":
        del lines[1]
    elif act == "change":
        lines[1] = lines[1].replace(NOW.strftime("T%H"), "T03")
        lines[1] = lines[1].replace('"at"', '"at" ')
    elif act == "garble":
        lines[1] = lines[1][:-5]
    else:
        lines[1], lines[2] = lines[2], lines[1]
    file.write_text("\n".join(lines) + "\n")
    assert problems()
