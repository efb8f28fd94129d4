"""What the worker tells people. Every handler may run more than once, and too late."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from approvals import links, queries
from approvals.models import ApprovalRequest, ApprovalStep, Ratification, StepQuestion
from budgets.models import AlertLetter
from chargeback.models import StatementLine
from core import outbox
from core.documents import document_model
from core.models import Comment, TrailEvent
from core.web import pages_of
from invoicing.models import Invoice
from notifications import letters, services
from notifications.models import OutgoingMail
from notifications.services import Letter
from purchase_orders import services as orders
from purchase_orders.models import Dispatch, PurchaseOrder
from vendors.models import Vendor

_OUTCOMES = (
    ApprovalRequest.Status.APPROVED,
    ApprovalRequest.Status.REJECTED,
    ApprovalRequest.Status.RETURNED,
)
VENDOR_FIELDS = {
    "tax_id": "Tax id",
    "order_email": "Email address for orders",
    "contacts": "Contacts",
    "name": "Name",
    "address": "Address",
    "country": "Country",
    "currency": "Currency",
    "payment_terms_days": "Payment terms",
}
CANCELLED = "The order was cancelled before it was sent."


@outbox.handler("notifications.approval_requested")
def approval_requested(*, event_id: str, document_id: str) -> None:
    """Ask the person whose turn it is, once per step, and tell who may decide in their place."""
    step = _open_step(document_id)
    if step is None:
        return
    _ask(step, key=_key_of_request(step, step.assignee), template=_asking(step))
    now = timezone.now()
    for delegation in queries.standing_delegations(step.assignee, now):
        person = delegation.to_user
        under = queries.acting_for(person, step, now)
        if under is not None:  # none for the requester's side
            _tell(
                step,
                key=_key_of_request(step, person),
                recipient=person.email,
                letter=letters.for_delegate(step, under),
            )


@outbox.handler("notifications.approval_reminded")
def approval_reminded(*, event_id: str, document_id: str) -> None:
    """Remind the person, with a fresh link; the older one dies."""
    step = _open_step(document_id)
    if step is not None and step.paused_at is None:
        level = TrailEvent.objects.get(pk=event_id).data.get("level", 1)
        _ask(step, key=f"approval.reminded:{step.pk}:{level}", template="approval_reminded")


@outbox.handler("notifications.approval_link")
def approval_link(*, event_id: str, document_id: str) -> None:
    """A new link instead of a dead one."""
    step = _open_step(document_id)
    if step is not None:
        _ask(step, key=f"approval.link:{event_id}", template="approval_requested")


@outbox.handler("notifications.approval_asked")
def approval_asked(*, event_id: str, document_id: str) -> None:
    """Tell whoever an approver wants to know something from, and remind them."""
    asked = _question(event_id)
    level = TrailEvent.objects.get(pk=event_id).data.get("level", 0)
    if asked is None or asked.answered_at is not None or not asked.asked_of.is_active:
        return
    if not level or _open_step(document_id) is not None:
        _tell(
            asked.step,
            key=f"approval.asked:{asked.pk}:{level}" if level else f"approval.asked:{asked.pk}",
            recipient=asked.asked_of.email,
            letter=letters.question(asked, is_late=bool(level)),
        )


@outbox.handler("notifications.approval_unanswered")
def approval_unanswered(*, event_id: str, document_id: str) -> None:
    """Tell the approver who asked that nobody answered, while the decision still waits."""
    asked = _question(event_id)
    if asked is not None and asked.answered_at is None:
        _tell_who_asked(asked, document_id, "unanswered", letters.unanswered)


@outbox.handler("notifications.approval_answered")
def approval_answered(*, event_id: str, document_id: str) -> None:
    """Tell the approver who asked, while the decision still waits."""
    asked = _question(event_id)
    if asked is not None:
        _tell_who_asked(asked, document_id, "answered", letters.answer)


@outbox.handler("notifications.mentioned")
def mentioned(*, event_id: str, document_id: str) -> None:
    """Tell everybody who is named in a comment and may still see its document."""
    event = TrailEvent.objects.get(pk=event_id)
    made = Comment.objects.select_related("author").get(pk=event.data["comment"])
    where = (made.document_type, made.document_id)
    for person in User.objects.filter(pk__in=event.data["people"], is_active=True):
        page = pages_of(person, [where]).get(made.document_id)
        if page is not None:
            _send_once(
                key=f"comment.mentioned:{made.pk}:{person.pk}",
                recipient=person.email,
                letter=letters.mention(made, reference=event.document_reference, page=page),
                document_type=made.document_type,
                document_id=made.document_id,
            )


@outbox.handler("notifications.ratification_due")
def ratification_due(*, event_id: str, document_id: str) -> None:
    """Ask for the look afterwards at an emergency, again when its time is up."""
    overdue = TrailEvent.objects.get(pk=event_id).type == "ratification.overdue"
    task = (
        Ratification.objects.select_related("assignee", "requester", "entity", "request")
        .filter(pk=UUID(document_id), status=Ratification.Status.DUE)
        .first()
    )
    if task is not None and task.assignee.is_active:
        _send_once(
            key=f"ratification.{'overdue' if overdue else 'due'}:{task.pk}:{task.assignee_id}",
            recipient=task.assignee.email,
            letter=letters.ratification(task, overdue=overdue),
            document_type=task.request.subject_type,
            document_id=task.request.subject_id,
        )


@outbox.handler("notifications.approval_ended")
def approval_ended(*, event_id: str, document_id: str) -> None:
    """Tell the requester how the round ended; not when a policy approved without asking."""
    round_ = ApprovalRequest.objects.select_related("requester").get(pk=document_id)
    event = TrailEvent.objects.select_related("actor").get(pk=event_id)
    if round_.status not in _OUTCOMES or event.actor is None or not round_.requester.is_active:
        return
    _send_once(
        key=f"approval.ended:{round_.pk}",
        recipient=round_.requester.email,
        letter=letters.outcome(round_, event),
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
        mail = services.send(
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
    error = mail.error[:500] if mail.status == OutgoingMail.Status.REFUSED else ""
    orders.mark_dispatched(dispatch=dispatch, at=timezone.now(), error=error)


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


@outbox.handler("notifications.vendor_changed")
def vendor_changed(*, event_id: str, document_id: str) -> None:
    """Tell the vendor's old addresses, each in a mail of its own, so that a thief is found out."""
    event = TrailEvent.objects.get(pk=event_id)
    vendor = Vendor.objects.select_related("entity").get(pk=document_id)
    changed = {each["field"] for each in event.changes}
    fields = [words for name, words in VENDOR_FIELDS.items() if name in changed]
    for number, address in enumerate(event.data.get("notice_to", [])):
        _send_once(
            key=f"vendor.changed:{event_id}:{number}",
            recipient=address,
            letter=letters.vendor_changed(vendor, fields),
            document_type=vendor.document_type,
            document_id=vendor.pk,
        )


@outbox.handler("notifications.vendor_bank")
def vendor_bank(*, event_id: str, document_id: str) -> None:
    """Tell the vendor, where it was reached before too, that it is to be paid elsewhere."""
    event = TrailEvent.objects.get(pk=event_id)
    vendor = Vendor.objects.select_related("entity").get(pk=document_id)
    since = event.data["valid_from"]
    counts_from = datetime.fromisoformat(since) if since else None
    for number, address in enumerate(event.data["notice_to"]):
        _send_once(
            key=f"vendor.bank:{event_id}:{number}",
            recipient=address,
            letter=letters.vendor_bank(vendor, counts_from=counts_from),
            document_type=vendor.document_type,
            document_id=vendor.pk,
        )


@outbox.handler("notifications.report_rendered")
def report_rendered(*, event_id: str, document_id: str) -> None:
    """Mail a report that was due to its owner, who must still be one who may read it."""
    event = TrailEvent.objects.get(pk=event_id)
    reports: Any = document_model(event.document_type)
    report = reports.objects.select_related("owner", "entity").get(pk=document_id)
    if report.may_be_sent:
        _send_once(
            key=f"report.rendered:{event.data['run']}",
            recipient=report.owner.email,
            letter=letters.report(report, event),
            document_type=event.document_type,
            document_id=report.pk,
        )


@outbox.handler("notifications.line_disputed")
def line_disputed(*, event_id: str, document_id: str) -> None:
    """Tell the owner of a service, while the dispute waits for an answer."""
    line = _statement_line(document_id)
    owner = line.allocation.revision.service_owner
    if line.status == StatementLine.Status.DISPUTED and owner.is_active:
        _tell_about(line, f"line.disputed:{event_id}", owner, letters.line_disputed(line))


@outbox.handler("notifications.line_resolved")
def line_resolved(*, event_id: str, document_id: str) -> None:
    """Tell who disputed a line what was said to that."""
    line = _statement_line(document_id)
    person = line.disputed_by
    if person is not None and person.is_active:
        _tell_about(line, f"line.resolved:{event_id}", person, letters.line_resolved(line))


def _statement_line(line_id: str) -> StatementLine:
    return StatementLine.objects.select_related(
        "entity",
        "cost_center",
        "disputed_by",
        "resolved_by",
        "replacement",
        "allocation__rule",
        "allocation__revision__service_owner",
    ).get(pk=UUID(line_id))


def _tell_about(line: StatementLine, key: str, person: User, letter: Letter) -> None:
    _send_once(
        key=key,
        recipient=person.email,
        letter=letter,
        document_type="statement",
        document_id=line.statement_id,
    )


@outbox.handler("notifications.budget_alerts")
def budget_alerts(*, letter: str) -> None:
    """Warn a person about budgets, in one mail; what is no longer so is left out."""
    told = AlertLetter.objects.select_related("recipient", "entity").get(pk=letter)
    standing = told.alerts.standing().select_related(
        "cell__cost_center", "cell__gl_account", "cell__project", "cell__fiscal_year"
    )
    alerts = list(standing.order_by("-level", "cell_id"))
    if alerts and told.recipient.is_active:
        _send_once(
            key=f"budget.alerts:{told.pk}",
            recipient=told.recipient.email,
            letter=letters.budget_alerts(told, alerts),
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


def _question(event_id: str) -> StepQuestion | None:
    data: Any = TrailEvent.objects.get(pk=event_id).data
    return (
        StepQuestion.objects.select_related("asked_by", "asked_of", "step__request")
        .filter(pk=data.get("question"))
        .first()
    )


def _tell_who_asked(
    asked: StepQuestion, step_id: str, what: str, letter: Callable[[StepQuestion], Letter]
) -> None:
    if asked.asked_by.is_active and _open_step(step_id) is not None:
        _tell(
            asked.step,
            key=f"approval.{what}:{asked.pk}",
            recipient=asked.asked_by.email,
            letter=letter(asked),
        )


def _asking(step: ApprovalStep) -> str:
    """Which letter asks for a decision: a new one, one that was handed on, one that waited."""
    if step.replaces is None:
        return "approval_requested"
    if step.replaces.status == ApprovalStep.Status.ESCALATED:
        return "approval_escalated"
    return "approval_forwarded"


def _key_of_request(step: ApprovalStep, person: User) -> str:
    return f"approval.requested:{step.pk}:{person.pk}"


def _ask(step: ApprovalStep, *, key: str, template: str) -> None:
    """Mail a fresh link. Its raw token exists only in this mail, so each attempt makes its own."""
    if services.was_sent(key):
        return
    now = timezone.now()
    raw_link = links.issue(step=step, at=now)
    letter = letters.approval(step, raw_link=raw_link, template=template, at=now)
    _tell(step, key=key, recipient=step.assignee.email, letter=letter)


def _tell(step: ApprovalStep, *, key: str, recipient: str, letter: Letter) -> None:
    _send_once(
        key=key,
        recipient=recipient,
        letter=letter,
        document_type=step.request.subject_type,
        document_id=step.request.subject_id,
    )


def _send_once(*, key: str, **mail: Any) -> None:
    if not services.was_sent(key):
        services.send(key=key, at=timezone.now(), **mail)
