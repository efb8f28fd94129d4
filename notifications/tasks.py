"""What the worker tells people. Every handler may run more than once, and too late."""

from typing import Any
from uuid import UUID

from django.utils import timezone

from approvals import links
from approvals.models import ApprovalRequest, ApprovalStep
from core import outbox
from core.models import TrailEvent
from invoicing.models import Invoice
from notifications import letters, services
from purchase_orders import services as orders
from purchase_orders.models import Dispatch, PurchaseOrder

_OUTCOMES = (
    ApprovalRequest.Status.APPROVED,
    ApprovalRequest.Status.REJECTED,
    ApprovalRequest.Status.RETURNED,
)
CANCELLED = "The order was cancelled before it was sent."


@outbox.handler("notifications.approval_requested")
def approval_requested(*, event_id: str, document_id: str) -> None:
    """Ask the person whose turn it is, once per step."""
    step = _open_step(document_id)
    if step is not None:
        escalated = step.replaces and step.replaces.status == ApprovalStep.Status.ESCALATED
        _ask(
            step,
            key=f"approval.requested:{step.pk}:{step.assignee_id}",
            template="approval_escalated" if escalated else "approval_requested",
            prefix="Escalated: " if escalated else "",
        )


@outbox.handler("notifications.approval_reminded")
def approval_reminded(*, event_id: str, document_id: str) -> None:
    """Remind the person, with a fresh link; the older one dies."""
    step = _open_step(document_id)
    if step is not None:
        level = TrailEvent.objects.get(pk=event_id).data.get("level", 1)
        _ask(
            step,
            key=f"approval.reminded:{step.pk}:{level}",
            template="approval_reminded",
            prefix="Reminder: ",
        )


@outbox.handler("notifications.approval_link")
def approval_link(*, event_id: str, document_id: str) -> None:
    """A new link instead of a dead one."""
    step = _open_step(document_id)
    if step is not None:
        _ask(step, key=f"approval.link:{event_id}", template="approval_requested")


@outbox.handler("notifications.approval_ended")
def approval_ended(*, event_id: str, document_id: str) -> None:
    """Tell the requester how the round ended; not when a policy approved without asking."""
    round_ = ApprovalRequest.objects.select_related("requester").get(pk=document_id)
    event = TrailEvent.objects.select_related("actor").get(pk=event_id)
    if round_.status not in _OUTCOMES or event.actor is None or not round_.requester.is_active:
        return
    key = f"approval.ended:{round_.pk}"
    if not services.was_sent(key):
        services.send(
            key=key,
            recipient=round_.requester.email,
            letter=letters.outcome(round_, event),
            at=timezone.now(),
            document_type=round_.subject_type,
            document_id=round_.subject_id,
        )


@outbox.handler("notifications.dispatch_order")
def dispatch_order(*, event_id: str, document_id: str) -> None:
    """Send an order's document to its vendor and note what became of it.

    Of an order that was cancelled meanwhile the vendor hears nothing any more.
    """
    wanted: Any = TrailEvent.objects.get(pk=event_id).data.get("dispatch")
    dispatch = (
        Dispatch.objects.exclude(status=Dispatch.Status.SENT)
        .select_related("revision__order__entity", "revision__pdf")
        .filter(pk=wanted)
        .first()
    )
    if dispatch is None:
        return
    key = f"order.dispatched:{dispatch.pk}"
    cancelled = dispatch.revision.order.status == PurchaseOrder.Status.CANCELLED
    if cancelled and not services.was_sent(key):
        if dispatch.status != Dispatch.Status.FAILED:
            orders.mark_dispatched(dispatch=dispatch, at=timezone.now(), error=CANCELLED)
        return
    try:
        services.send(
            key=key,
            recipient=dispatch.recipient,
            letter=letters.order(dispatch),
            at=timezone.now(),
            document_type="order",
            document_id=dispatch.revision.order_id,
        )
    except Exception as error:
        if dispatch.status != Dispatch.Status.FAILED:
            orders.mark_dispatched(dispatch=dispatch, at=timezone.now(), error=str(error)[:500])
        raise
    orders.mark_dispatched(dispatch=dispatch, at=timezone.now())


@outbox.handler("notifications.invoice_returned")
def invoice_returned(*, event_id: str, document_id: str) -> None:
    """Tell the vendor why an invoice comes back; without an address nobody can be told."""
    invoice = Invoice.objects.select_related("vendor", "entity").get(pk=document_id)
    if invoice.status != Invoice.Status.RETURNED or invoice.vendor is None:
        return
    if invoice.vendor.order_email:
        services.send(
            key=f"invoice.returned:{invoice.pk}:{event_id}",
            recipient=invoice.vendor.order_email,
            letter=letters.invoice_returned(invoice),
            at=timezone.now(),
            document_type="invoice",
            document_id=invoice.pk,
        )


def _open_step(step_id: str) -> ApprovalStep | None:
    """The step, while it still waits for somebody who works here."""
    step = (
        ApprovalStep.objects.select_related(
            "assignee", "entity", "request__requester", "replaces__assignee"
        )
        .filter(pk=UUID(step_id), status=ApprovalStep.Status.ACTIVE)
        .first()
    )
    return step if step is not None and step.assignee.is_active else None


def _ask(step: ApprovalStep, *, key: str, template: str, prefix: str = "") -> None:
    """Mail a fresh link. Its raw token exists only in this mail, so each attempt makes its own."""
    if services.was_sent(key):
        return
    now = timezone.now()
    services.send(
        key=key,
        recipient=step.assignee.email,
        letter=letters.approval(
            step, raw_link=links.issue(step=step, at=now), template=template, prefix=prefix
        ),
        at=now,
        document_type=step.request.subject_type,
        document_id=step.request.subject_id,
    )
