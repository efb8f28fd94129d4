"""What happened to a budget, or to the mail about budgets, in the audit trail of its entity."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, cast
from uuid import UUID

from budgets.models import AlertSetting, BudgetCell, QuietWindow
from core import events
from core.documents import Document


@dataclass
class _Told:
    """What is no document, as the trail names it: it has no number and no versions."""

    version: ClassVar[int] = 1

    document_type: str
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
    """Record that something happened to a budget. Its number stands in the event's `budget`.

    A cell has a plain number where documents have an id.
    """
    record = _Told("budget", UUID(int=cell.pk), str(cell.entity_id), str(cell))
    events.publish(
        event_type,
        cast(Document, record),
        actor=actor,
        at=at,
        reason=reason,
        changes=changes,
        data={"budget": str(cell.pk), **(data or {})},
    )


def told_of_mail(
    event_type: str,
    about: QuietWindow | AlertSetting,
    *,
    actor: Any,
    at: datetime,
    reason: str = "",
    **more: Any,
) -> None:
    """Record that an entity wants its mail about budgets otherwise."""
    name = "quiet_window" if isinstance(about, QuietWindow) else "alert_setting"
    record = _Told(name, about.pk, str(about.entity_id), str(about))
    events.publish(event_type, cast(Document, record), actor=actor, at=at, reason=reason, **more)
