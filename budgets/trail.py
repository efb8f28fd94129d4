"""What happened to a budget, or to the mail about budgets, in the audit trail of its entity."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from budgets.ledger.types import Source
from budgets.models import AlertSetting, BudgetCell, QuietWindow
from core import events
from core.documents import Document, document_model


@dataclass
class _Told:
    """What is no document, as the trail names it: it has no number and no versions."""

    document_type: str
    pk: UUID
    stream: str
    reference: str
    version: int = 1


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


def told_of_commitments(
    what: str, source: Source, *, actor: Any, at: datetime, reason: str = "", **more: Any
) -> None:
    """Record on a document's own trail what became of its commitments: `order.rolled_over`."""
    kind, pk = source.document_type, source.document_id
    record = _Told(kind, pk, str(source.entity.pk), source.number, _version(kind, pk))
    told = cast(Document, record)
    events.publish(f"{kind}.{what}", told, actor=actor, at=at, reason=reason, **more)


def _version(document_type: str, pk: UUID) -> int:
    """That of a document as it stands; 1 of what other books call one."""
    try:
        rows = document_model(document_type)._base_manager.filter(pk=pk)
    except LookupError:
        return 1
    return rows.values_list("version", flat=True).first() or 1


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
