"""What the worker does for orders. Each handler may be delivered more than once."""

import logging
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import Entity
from budgets.services import FiscalYearClosed, fiscal_year_for
from core import outbox
from core.models import TrailEvent
from core.periodic import job
from purchase_orders import services
from purchase_orders.models import OrderRevision, PurchaseOrder
from purchase_orders.pdf import PdfUnavailable
from requisitions.models import Requisition

logger = logging.getLogger(__name__)

MISSING_AT_ONCE = 50


@outbox.handler("purchase_orders.order_by_itself")
def order_by_itself(*, event_id: str, document_id: str) -> None:
    """Order an approved catalog request within its requester's delegated limit.

    The order is dated by the approval that makes it, however late the worker comes.
    """
    requisition = Requisition.objects.select_related("entity", "requester").get(pk=document_id)
    at = TrailEvent.objects.get(pk=event_id).at
    services.order_by_itself(requisition=requisition, at=at)


@outbox.handler("purchase_orders.release_unused")
def release_unused(*, event_id: str, document_id: str) -> None:
    """Give back what a closed or cancelled order still holds, dated by its closing.

    A worker who comes after that fiscal year was closed dates it today: what is left went over.
    """
    order = PurchaseOrder.objects.select_related("entity").get(pk=document_id)
    at = TrailEvent.objects.get(pk=event_id).at
    try:
        fiscal_year_for(order.entity, order.entity.day_of(at))
    except FiscalYearClosed:
        at = timezone.now()
    services.release_unused(order=order, at=at)


@outbox.handler("purchase_orders.render_document")
def render_document(*, event_id: str, document_id: str) -> None:
    """Print the newest revision of an issued order.

    A machine without Pango prints nothing; `render_missing` does it once it is installed.
    """
    revision = OrderRevision.objects.filter(order=document_id).order_by("revision").last()
    try:
        services.render(revision=revision, at=timezone.now())
    except PdfUnavailable as missing:
        logger.warning("%s", missing)


@outbox.handler("purchase_orders.send_unsent")
def send_unsent(*, event_id: str, document_id: str) -> None:
    """Once an order goes on, its vendor gets what nobody could send while it did not."""
    services.send_unsent(order=PurchaseOrder.objects.get(pk=document_id), at=timezone.now())


@job("purchase_orders.propose_releases", every=timedelta(days=1))
def propose_releases(*, at: datetime) -> None:
    """Bring the lists of stale and expired orders up to date."""
    for entity in Entity.objects.order_by("pk"):
        services.propose(entity=entity, at=at)


@job("purchase_orders.render_missing", every=timedelta(minutes=15))
def render_missing(*, at: datetime) -> None:
    """Ask again for documents that are missing though their order was issued here a while ago."""
    missing = OrderRevision.objects.filter(
        pdf=None, issued_at__lt=at - timedelta(minutes=15), order__legacy_number=""
    ).order_by("pk")
    for revision in missing[:MISSING_AT_ONCE]:
        outbox.enqueue(
            "purchase_orders.render_again",
            {"revision_id": str(revision.pk)},
            key=f"render:{revision.pk}:{at:%Y%m%d%H%M}",
            at=at,
        )


@outbox.handler("purchase_orders.render_again")
def render_again(*, revision_id: str) -> None:
    """Print one revision that was left without its document."""
    try:
        services.render(revision=OrderRevision.objects.get(pk=revision_id), at=timezone.now())
    except PdfUnavailable as missing:
        logger.warning("%s", missing)
