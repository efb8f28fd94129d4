"""Watching budgets: after each posting, and by the clock. All of it may be done more than once."""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from budgets import alerts, digests
from budgets.models import LedgerEntry
from core import outbox, periodic
from core.models import TrailEvent

# What moves balances or amounts: the documents' own events, and those of a budget.
EVENTS = (
    "requisition.approved",
    "requisition.cancelled",
    "requisition.closed",
    "order.issued",
    "order.taken_over",
    "order.changed",
    "order.cancelled",
    "order.closed",
    "order.reopened",
    "change_order.approved",
    "change_order.issued",
    "change_order.rejected",
    "change_order.withdrawn",
    "invoice.cleared",
    "invoice.voided",
    "journal.posted",
    "journal.reversed",
    "allocation.posted",
    "allocation.reversed",
    "statement_line.resolved",
    "budget.set",
)


@outbox.handler("budgets.check_alerts")
def check_alerts(*, event_id: str, document_id: str) -> None:
    """Look at the budgets that a document moved."""
    event = TrailEvent.objects.get(pk=event_id)
    alerts.check(cells=_moved_by(event), at=timezone.now())


def _moved_by(event: TrailEvent) -> list[int]:
    own = event.data.get("budget") if event.document_type == "budget" else None
    if own is not None:
        return [int(str(own))]
    # The line of a statement moves in the name of its allocation.
    document_id = event.data.get("allocation", event.document_id)
    entries = LedgerEntry.objects.filter(document_id=UUID(str(document_id)))
    return list(entries.order_by().values_list("cell", flat=True).distinct())


@periodic.job("budgets.check_alerts", every=timedelta(hours=1))
def check_all(*, at: datetime) -> None:
    """Look at all budgets: burn rates change with the days, and no event may be missed."""
    alerts.check_all(at=at)


@periodic.job("budgets.mail_alerts", every=timedelta(minutes=15))
def mail_alerts(*, at: datetime) -> None:
    """Have mailed what came up."""
    digests.gather_all(at=at)
