"""The documents that a step may take: which there are is asked often, one of them is read whole."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from core.composed import Composed

EXACT = 3  # of four picks take what the step may act on, the fourth takes any
NEWEST = -4


class Documents:
    """Rows with a `status`. Statements: 2, however many there are."""

    def __init__(self, rows: Callable[[], QuerySet[Any]]) -> None:
        self._standing = Composed[tuple[UUID, str]](
            lambda: rows().order_by("pk").values_list("pk", "status")
        )
        self._whole = Composed[Any](lambda pk: rows().filter(pk=pk))

    def pick(self, pick: int, *states: str) -> Any:
        """One of them, the oldest first; mostly one in a state from which the step may go on.

        `pick` −4 is the newest of those.
        """
        found = [pk for pk, status in self._standing() if pick % 4 == EXACT or status in states]
        return self._whole.one(found[pick // 4 % len(found)]) if found else None
