"""What the worker does for invoicing. Each handler may be delivered more than once."""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from core.models import TrailEvent
from core.outbox import handler
from core.periodic import job
from invoicing import services
from purchase_orders.models import Receipt


@handler("invoicing.match")
def match(*, event_id: str, document_id: str) -> None:
    """Judge the invoice once for this event; a disputed one only if a person asked for it."""
    request = TrailEvent.objects.filter(pk=event_id, type="invoice.match_requested")
    services.match(
        invoice_id=UUID(document_id),
        key=event_id,
        at=timezone.now(),
        asked=request.exclude(actor=None).exists(),
    )


@handler("invoicing.rematch_after_receipt")
def rematch_after_receipt(*, event_id: str, document_id: str) -> None:
    """A receipt has the invoices of its order judged again that were not judged since."""
    receipt = Receipt.objects.get(pk=document_id)
    event = TrailEvent.objects.get(pk=event_id)
    services.rematch_order(order_id=receipt.order_id, actor=None, at=event.at, since=event)


@handler("invoicing.rematch_after_change")
def rematch_after_change(*, event_id: str, document_id: str) -> None:
    """A change of an order has its invoices judged again that were not judged since."""
    event = TrailEvent.objects.get(pk=event_id)
    services.rematch_order(order_id=UUID(document_id), actor=None, at=event.at, since=event)


@handler("invoicing.rematch_after_approval")
def rematch_after_approval(*, event_id: str, document_id: str) -> None:
    """A vendor that was approved or reinstated has judged again what stopped for it."""
    event = TrailEvent.objects.get(pk=event_id)
    services.rematch_vendor(vendor_id=UUID(document_id), at=event.at, since=event)


@handler(services.tolerances.REMATCH)
def rematch_after_tolerance(*, entity: str, vendor: str | None, category: str) -> None:
    """On the day from which a tolerance holds, what waits in its scope is judged by it."""
    services.rematch_scope(
        entity_id=UUID(entity),
        vendor_id=UUID(vendor) if vendor else None,
        category=category,
        at=timezone.now(),
    )


@handler("invoicing.end_order")
def end_order(*, event_id: str, document_id: str) -> None:
    """A final invoice closes its order."""
    event = TrailEvent.objects.get(pk=event_id)
    services.end_order(invoice_id=UUID(document_id), at=event.at)


@job("invoicing.overdue_receipts", every=timedelta(hours=1))
def overdue_receipts(*, at: datetime) -> None:
    """Invoices that waited long enough for a receipt become exceptions."""
    services.rematch_overdue(at=at)


@job("invoicing.cooled_accounts", every=timedelta(hours=1))
def cooled_accounts(*, at: datetime) -> None:
    """Invoices that were stopped while a bank account cooled pass once it counts."""
    services.rematch_cooled(at=at)
