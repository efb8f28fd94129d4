"""What happened to a budget, in the audit trail of its entity."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, cast
from uuid import UUID

from budgets.models import BudgetCell
from core import events
from core.documents import Document


@dataclass
class _Told:
    """A budget as the trail names it: a cell has a plain number where documents have an id."""

    document_type: ClassVar[str] = "budget"
    version: ClassVar[int] = 1

    pk: UUID
    stream: str
    reference: str


def told(
    event_type: str,
    cell: BudgetCell,
    *,
    actor: Any,
    at: datetime,
    reason: str = "",
    changes: list[dict[str, Any]] | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Record that something happened to a budget. Its number stands in the event's `budget`."""
    record = _Told(UUID(int=cell.pk), str(cell.entity_id), str(cell))
    events.publish(
        event_type,
        cast(Document, record),
        actor=actor,
        at=at,
        reason=reason,
        changes=changes,
        data={"budget": str(cell.pk), **(data or {})},
    )
