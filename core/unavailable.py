"""When nothing can be written for a while: how that is known, and when to come again."""

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError

LEAST_SECONDS, MOST_SECONDS = 2, 12
# SQLite says this, as of a locked file, of tables and columns that are not there: our own fault
_OURS = "no such "


@dataclass(frozen=True)
class Refused:
    """Why a call cannot be served now, and in how many seconds it may come again."""

    slug: str
    title: str
    detail: str
    retry_after: int
    status: int = 503

    def as_problem(self) -> dict[str, Any]:
        """What `core.api.errors.problem` is called with."""
        facts = {name: getattr(self, name) for name in ("status", "slug", "title", "detail")}
        return {**facts, "headers": self.headers}

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)}


def refusal(fault: BaseException | None) -> Refused | None:
    """What the caller is told where the database did not serve; None for every other fault.

    It was restarted, takes no more connections, or gave up a statement that took too long.
    """
    if not isinstance(fault, OperationalError | InterfaceError) or str(fault).startswith(_OURS):
        return None
    return Refused(
        slug="unavailable",
        title="The database does not answer right now.",
        detail="Nothing may have been saved. Try again in a moment.",
        # Those who were turned away together must not come back together.
        retry_after=random.randint(LEAST_SECONDS, MOST_SECONDS),  # noqa: S311
    )


def read_only(until: datetime, *, now: datetime) -> Refused:
    """What somebody is told who wants to change something while the portal is only read."""
    return Refused(
        slug="read-only",
        title="The portal can only be read for a while.",
        detail=f"It is being worked on until {until:%H:%M} UTC. Nothing was changed.",
        retry_after=max(1, round((until - now).total_seconds())),
    )
