"""The heads of the hash chains, written hourly to a place outside the database.

Whoever can rewrite the database can rewrite a whole chain so that it holds again. An anchor says
how far a chain had come at a moment and with which hash; a chain that does not pass through its
anchors was rewritten, or restored from an older copy. Files grow by lines only, each chained to the
one before it; keep their folder where the portal may append but not rewrite.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import locks

from core import periodic
from core.models import TrailEvent, TrailHead

FIRST = "0" * 64


@dataclass(frozen=True)
class AnchorFault:
    """A line that does not hold, or a head that its chain does not pass through, and why."""

    place: str
    problem: str


@periodic.job("core.anchor", every=timedelta(hours=1))
def anchor(at: datetime) -> None:
    """Append one line with the present head of every chain; one file a month."""
    heads = {
        head.stream: [head.sequence, head.hash] for head in TrailHead.objects.order_by("stream")
    }
    folder = Path(settings.ANCHOR_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as held:
        locks.lock(held, locks.LOCK_EX)  # until it is closed
        line = {"at": at.astimezone(UTC).isoformat(), "heads": heads, "previous": _last(folder)}
        text = json.dumps(line, sort_keys=True, separators=(",", ":"))
        with (folder / f"{at.astimezone(UTC):%Y-%m}.jsonl").open("a", encoding="ascii") as file:
            file.write(f"{text}\n")
            file.flush()


def verify() -> Iterator[AnchorFault]:
    """Every line continues the one before it, and every chain passes through its anchored heads."""
    previous = FIRST
    for place, text in _lines():
        line = _read(text)
        if line is None:
            yield AnchorFault(place, "cannot be read")
        elif line["previous"] != previous:
            yield AnchorFault(place, "does not continue the line before it")
        else:
            yield from _astray(place, line["heads"])
        previous = _digest(text)


def count() -> int:
    """How many lines there are."""
    return sum(1 for _ in _lines())


def _astray(place: str, heads: dict[str, list[Any]]) -> Iterator[AnchorFault]:
    for stream, (sequence, known) in sorted(heads.items()):
        if sequence == 0:
            continue
        found = TrailEvent.objects.filter(stream=stream, sequence=sequence)
        present = found.values_list("hash", flat=True).first()
        if present is None:
            yield AnchorFault(place, f"trail {stream} had an event {sequence}, which is gone")
        elif present != known:
            yield AnchorFault(place, f"trail {stream} had another event {sequence}")


def _lines() -> Iterator[tuple[str, str]]:
    for path in _files(Path(settings.ANCHOR_DIR)):
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield f"{path.name} line {number}", text


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def _last(folder: Path) -> str:
    """The digest of the last line there is."""
    for path in reversed(_files(folder)):
        lines = path.read_text(encoding="utf-8").splitlines()
        if lines:
            return _digest(lines[-1])
    return FIRST


def _read(text: str) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    known = isinstance(line, dict) and {"at", "heads", "previous"} <= line.keys()
    return line if known else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
