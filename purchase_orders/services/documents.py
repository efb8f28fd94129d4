"""The order's document: printed once per revision, kept by digest, sent as often as needed."""

from datetime import datetime

from accounts.models import Role, User
from core import events, files
from core.errors import Conflict, FieldError, IllegalTransition, Invalid, NotAllowed
from core.ids import new_id
from core.transactions import atomic
from purchase_orders.locks import locked
from purchase_orders.models import Dispatch, OrderRevision, PurchaseOrder
from purchase_orders.pdf import render_order

PDF = "application/pdf"
_SENDABLE = (PurchaseOrder.Status.ISSUED, PurchaseOrder.Status.ON_HOLD, PurchaseOrder.Status.CLOSED)


class DocumentPending(Conflict):
    slug = "document-pending"
    title = "The document is still being made."


def render(*, revision: OrderRevision, at: datetime) -> OrderRevision:
    """Print a revision that has no PDF yet; one that has keeps its bytes for good.

    Printing happens outside any transaction; of two at the same time the first to store wins.
    Raises PdfUnavailable where Pango is missing.
    """
    revision.refresh_from_db()
    if revision.pdf_id is not None:
        return revision
    return _keep(revision, render_order(revision.content), at=at)


@atomic
def _keep(revision: OrderRevision, data: bytes, *, at: datetime) -> OrderRevision:
    order = locked(revision.order)
    revision = OrderRevision.objects.select_for_update(no_key=True).get(pk=revision.pk)
    revision.order = order
    if revision.pdf_id is not None:
        return revision
    revision.pdf = files.store(data, content_type=PDF, at=at)
    revision.rendered_at = at
    revision.save(update_fields=["pdf", "rendered_at"])
    dispatch = None
    newest = revision.revision == order.revision
    if newest and _goes_out(order):
        dispatch = _queue(revision, order.vendor.order_email, requested_by=None, at=at)
    events.publish(
        "order.document_rendered",
        order,
        actor=None,
        at=at,
        data={
            "revision": revision.revision,
            "sha256": revision.pdf_id,
            "dispatch": str(dispatch.pk) if dispatch else None,
        },
    )
    return revision


def _goes_out(order: PurchaseOrder) -> bool:
    """Sent by itself: issued here, still wanted, and the vendor has an address for orders."""
    return bool(
        order.status == PurchaseOrder.Status.ISSUED
        and not order.legacy_number
        and order.vendor.order_email
    )


@atomic
def send_unsent(*, order: PurchaseOrder, at: datetime) -> Dispatch | None:
    """What was printed while nothing could go out, on hold or closed, goes out after all.

    None where the newest document is not printed yet (it then goes out by itself), was queued
    before, or is nobody's to get.
    """
    order = locked(order)
    revision = order.revisions.last()
    unsent = revision is not None and revision.pdf_id and not revision.dispatches.exists()
    if not unsent or not _goes_out(order):
        return None
    to = order.vendor.order_email
    dispatch = _queue(revision, to, requested_by=None, at=at)
    _ask(order, dispatch, actor=None, at=at)
    return dispatch


@atomic
def send(*, order: PurchaseOrder, actor: User, at: datetime, recipient: str = "") -> Dispatch:
    """Send the newest document (again), to the vendor's order address or another.

    Raises NotAllowed for anybody but a buyer, IllegalTransition for an order that was never
    issued or is cancelled, DocumentPending while it is being printed, Invalid without an address.
    """
    order = locked(order)
    if not (actor.is_active and actor.entity_id == order.entity_id and actor.has_role(Role.BUYER)):
        raise NotAllowed("Only buyers send orders.")
    if order.status not in _SENDABLE:
        state = order.get_status_display().lower()
        raise IllegalTransition(f"{order.reference} is {state}: there is nothing to send.")
    revision = order.revisions.last()
    if revision is None or revision.pdf_id is None:
        raise DocumentPending(f"The document of {order.number} is still being made.")
    to = recipient or order.vendor.order_email
    if not to:
        detail = f"{order.vendor} has no order address."
        raise Invalid(errors=[FieldError("/recipient", "required", detail)])
    dispatch = _queue(revision, to, requested_by=actor, at=at)
    _ask(order, dispatch, actor=actor, at=at)
    return dispatch


def _ask(order: PurchaseOrder, dispatch: Dispatch, *, actor: User | None, at: datetime) -> None:
    """Have the worker send it."""
    events.publish(
        "order.send_requested",
        order,
        actor=actor,
        at=at,
        data={
            "revision": dispatch.revision.revision,
            "dispatch": str(dispatch.pk),
            "recipient": dispatch.recipient,
        },
    )


@atomic
def mark_dispatched(*, dispatch: Dispatch, at: datetime, error: str | None = None) -> Dispatch:
    """Note what became of a sending. A dispatch that was sent stays sent."""
    order = locked(dispatch.revision.order)
    dispatch = Dispatch.objects.select_for_update(no_key=True).get(pk=dispatch.pk)
    if dispatch.status == Dispatch.Status.SENT:
        return dispatch
    dispatch.status = Dispatch.Status.FAILED if error else Dispatch.Status.SENT
    dispatch.sent_at = None if error else at
    dispatch.error = error or ""
    dispatch.save()
    events.publish(
        "order.send_failed" if error else "order.sent",
        order,
        actor=None,
        at=at,
        reason=dispatch.error,
        data={"dispatch": str(dispatch.pk), "recipient": dispatch.recipient},
    )
    return dispatch


def _queue(
    revision: OrderRevision, recipient: str, *, requested_by: User | None, at: datetime
) -> Dispatch:
    dispatch_id = new_id()
    return Dispatch.objects.create(
        id=dispatch_id,
        revision=revision,
        recipient=recipient,
        message_id=f"<order-{dispatch_id}@po-portal>",
        requested_by=requested_by,
        requested_at=at,
    )
