"""What a refused call must leave alone: every row that a requisition's verbs can touch."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from approvals.models import ApprovalRequest, ApprovalStep
from budgets.models import BudgetCell, Commitment, LedgerEntry
from core.models import NumberSequence, OutboxItem, TrailEvent
from requisitions.models import Requisition, RequisitionDistribution, RequisitionLine

WATCHED = (
    Requisition,
    RequisitionLine,
    RequisitionDistribution,
    Requisition.history.model,
    ApprovalRequest,
    ApprovalStep,
    BudgetCell,
    Commitment,
    LedgerEntry,
    NumberSequence,
    OutboxItem,
    TrailEvent,
)


def everything() -> dict[str, list[Any]]:
    """All rows of the watched tables."""
    return {model.__name__: list(model.objects.order_by("pk").values_list()) for model in WATCHED}


@contextmanager
def nothing_changes() -> Iterator[None]:
    """Fail when any watched row differs afterwards."""
    before = everything()
    yield
    assert everything() == before


def events_of(document: Any) -> list[str]:
    """The types of a document's events in order."""
    events = TrailEvent.objects.filter(document_id=document.pk).order_by("sequence")
    return list(events.values_list("type", flat=True))


def last_event(document: Any) -> TrailEvent:
    return TrailEvent.objects.filter(document_id=document.pk).order_by("sequence").last()
