"""A while in which the portal is only read: before it moves, or while a fault is looked at.

It stands in a file of DATA_DIR, which web and workers share: the database may be what is being
worked on. Its end stands in it, so that nobody has to remember to open the portal again.
"""

from datetime import datetime
from pathlib import Path

from django.conf import settings


def _file() -> Path:
    return Path(settings.DATA_DIR) / "read-only-until"


def begin(until: datetime) -> None:
    """From now on nothing is changed by web or workers, until then."""
    part = _file().with_suffix(".part")
    part.write_text(until.isoformat())
    part.replace(_file())


def end() -> None:
    _file().unlink(missing_ok=True)


def ends_at(*, now: datetime) -> datetime | None:
    """When the portal may be changed again; None when it may be."""
    try:
        until = datetime.fromisoformat(_file().read_text())
    except FileNotFoundError:
        return None
    return until if until > now else None
