"""What somebody does in a process of its own: `ACTS` by name, each with what it needs before it.

`prepare` brings an organisation to where the act is possible and says on which document it acts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from accounts.models import User
from approvals.models import ApprovalStep
from approvals.services import decide
from invoicing import services as invoicing
from invoicing.models import Invoice
from purchase_orders import services
from purchase_orders.inputs import ChangedLine, ChangeInput, ReceiptInput
from purchase_orders.models import ChangeOrder, PurchaseOrder
from tests.factories import NOW, TODAY, Organisation, submitted
from tests.journeys import steps


@dataclass(frozen=True)
class Act:
    prepare: Callable[[Organisation], UUID]
    run: Callable[[UUID], object]


def person(name: str) -> User:
    return User.objects.get(email=f"{name}@demo.example")


def ordered(org: Organisation) -> UUID:
    return steps.issued(org).pk


def drafted(org: Organisation) -> UUID:
    """A draft of all that was asked."""
    made = submitted(org)
    _agree(made.pk)
    (draft,) = services.create_from_requisition(requisition=made, actor=org.bea, at=NOW)
    return draft.pk


def asked(org: Organisation) -> UUID:
    return submitted(org).pk


def closed(org: Organisation) -> UUID:
    order = steps.issued(org)
    services.close(order=order, actor=org.bea, at=NOW, reason="So be it.")
    return order.pk


def given_back(org: Organisation) -> UUID:
    pk = closed(org)
    _release(pk)
    return pk


def changed(org: Organisation) -> UUID:
    """A change that everybody agreed to: it holds what the order will cost more."""
    order = steps.issued(org)
    said = ChangeInput(
        reason_code="need",
        reason="We need more.",
        lines=[ChangedLine(order.lines.get(), quantity=Decimal(15))],
    )
    change = services.draft_change(order=order, data=said, actor=org.bea, at=NOW)
    services.submit_change(change=change, actor=org.bea, at=NOW)
    _agree(change.pk)
    return change.pk


def billed(org: Organisation) -> UUID:
    return steps.billed(org).pk


def cleared(org: Organisation) -> UUID:
    pk = billed(org)
    _match(pk)
    return pk


def _agree(subject: UUID) -> None:
    waiting = ApprovalStep.objects.filter(request__subject_id=subject, status="active")
    while step := waiting.select_related("assignee").first():
        decide(step=step, decision="approve", actor=step.assignee, at=NOW)


def _order(pk: UUID) -> PurchaseOrder:
    return PurchaseOrder.objects.get(pk=pk)


def _release(pk: UUID) -> None:
    services.release_unused(order=_order(pk), at=NOW)


def _match(pk: UUID) -> None:
    invoicing.match(invoice_id=pk, key=f"match:{pk}", at=NOW)


def _receive(pk: UUID) -> None:
    order = _order(pk)
    lines = [ReceiptInput(line, line.quantity) for line in order.lines.all()]
    services.post_receipt(order=order, lines=lines, received_on=TODAY, actor=person("rob"), at=NOW)


ACTS = {
    "approve a request": Act(asked, _agree),
    "issue an order": Act(
        drafted, lambda pk: services.issue(order=_order(pk), actor=person("bea"), at=NOW)
    ),
    "issue a change order": Act(
        changed,
        lambda pk: services.issue_change(
            change=ChangeOrder.objects.get(pk=pk), actor=person("bea"), at=NOW
        ),
    ),
    "receive": Act(ordered, _receive),
    "clear an invoice": Act(billed, _match),
    "void an invoice": Act(
        cleared,
        lambda pk: invoicing.void(
            invoice=Invoice.objects.get(pk=pk), reason="By mistake.", actor=person("fay"), at=NOW
        ),
    ),
    "release what is left": Act(closed, _release),
    "reopen an order": Act(
        given_back,
        lambda pk: services.reopen(
            order=_order(pk), actor=person("bea"), at=NOW, reason="More comes."
        ),
    ),
}
