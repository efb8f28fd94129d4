"""What two people, or a person and a worker, do to one document: situations and acts, by name."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q

import approvals.services
import requisitions.services
from approvals.models import ApprovalRequest, ApprovalStep
from budgets.models import Commitment, LedgerEntry
from core import outbox
from core.models import OutboxItem, TrailEvent
from invoicing import services as invoicing
from invoicing.models import Invoice, MatchException
from purchase_orders import services as orders
from purchase_orders.models import PurchaseOrder, Receipt
from requisitions.models import Requisition
from tests.factories import NOW, TODAY, Organisation, approved, draft, requisition_input, submitted
from tests.invoicing.billing import LATER, Biller
from tests.purchase_orders.making import Maker

PEOPLE = ("rita", "axel", "dora", "bea", "rob", "finn", "fay", "cora")
UNASKED = ("purchase_orders.render_document", "purchase_orders.render_again")
SO = {"at": NOW, "reason": "So be it."}


@dataclass
class Case:
    """The documents of one situation; every act finds its own here."""

    requisition: Requisition | None = None
    step: ApprovalStep | None = None
    order: PurchaseOrder | None = None
    receipt: Receipt | None = None
    invoice: Invoice | None = None
    other: Invoice | None = None
    exceptions: list[MatchException] = field(default_factory=list)


class Desk:
    """Makes the situations, and acts in them; each act is one call of one service."""

    def __init__(self, org: Organisation) -> None:
        self.org, self.make, self.bills = org, Maker(org), Biller(org)
        org.bea.approval_limit = Decimal(1_000_000)
        org.bea.save()
        for name in PEOPLE:
            assert org.people[name].roles  # read before the threads do

    # ---- situations of a request

    def being_written(self) -> Case:
        return Case(requisition=draft(self.org))

    def waiting_for_approval(self) -> Case:
        case = Case(requisition=submitted(self.org))
        case.step = ApprovalStep.objects.get(request__subject_id=case.requisition.pk)
        return case

    def sent_back(self) -> Case:
        case = self.waiting_for_approval()
        self.send_back(case)
        return case

    def agreed(self) -> Case:
        return Case(requisition=approved(self.org))

    # ---- situations of an order

    def drafted(self) -> Case:
        """Four of ten that somebody requested."""
        case = self.agreed()
        line = case.requisition.lines.get()
        (case.order,) = self.make.drafts(case.requisition, quantities={line.pk: Decimal(4)})
        return case

    def issued(self) -> Case:
        made = orders.create(
            entity=self.org.entity,
            data=self.make.order_data(self.make.line("10", "10")),
            actor=self.org.bea,
            at=NOW,
        )
        return Case(order=self.make.issue(made))

    def delivered(self) -> Case:
        """Six of ten came; an invoice of four is here, nobody has judged it."""
        case = self.issued()
        case.receipt = self.make.receive(case.order, "6")
        case.invoice = self.bills.captured(case.order, ("4", "10"))
        OutboxItem.objects.filter(arguments__document_id=str(case.invoice.pk)).delete()
        return case

    def held(self) -> Case:
        case = self.delivered()
        self.hold(case)
        return case

    def closed(self) -> Case:
        case = self.delivered()
        self.close(case)
        return case

    # ---- situations of an invoice

    def before_its_goods(self) -> Case:
        case = self.issued()
        case.invoice = self.bills.billed(case.order, ("4", "10"))
        return case

    def stopped(self) -> Case:
        """Two variances: dated a day before its order, and too dear."""
        case = self.issued()
        case.receipt = self.make.receive(case.order, "6")
        case.invoice = self.bills.billed(
            case.order, ("4", "11"), issue_date=TODAY - timedelta(days=1)
        )
        case.exceptions = list(case.invoice.exceptions.unresolved().order_by("pk"))
        assert len(case.exceptions) > 1
        return case

    def nearly_accepted(self) -> Case:
        """One variance is left; another invoice of the same goods waits to be judged."""
        case = self.stopped()
        for exception in case.exceptions[1:]:
            self._accept(exception)
        case.other = self.bills.captured(case.order, ("6", "10"))
        OutboxItem.objects.filter(arguments__document_id=str(case.other.pk)).delete()
        return case

    def disputed(self) -> Case:
        case = self.stopped()
        self.dispute(case)
        return case

    def cleared(self) -> Case:
        """Four of six that came are billed; a credit note over one of them is not judged yet."""
        case = self.delivered()
        case.invoice = self.bills.match(case.invoice)
        case.other = self.bills.captured(case.order, ("1", "10"), kind=Invoice.Kind.CREDIT_NOTE)
        OutboxItem.objects.filter(arguments__document_id=str(case.other.pk)).delete()
        return case

    # ---- acts on a request

    def edit_request(self, case: Case) -> Any:
        data = requisition_input(self.org, title="Other cables")
        return requisitions.services.edit(
            requisition=case.requisition, data=data, actor=self.org.rita, at=NOW
        )

    def submit(self, case: Case) -> Any:
        return requisitions.services.submit(
            requisition=case.requisition, actor=self.org.rita, at=NOW
        )

    def withdraw(self, case: Case) -> Any:
        return requisitions.services.withdraw(
            requisition=case.requisition, actor=self.org.rita, **SO
        )

    def cancel_request(self, case: Case) -> Any:
        return requisitions.services.cancel(requisition=case.requisition, actor=self.org.rita, **SO)

    def close_request(self, case: Case) -> Any:
        return requisitions.services.close(requisition=case.requisition, actor=self.org.bea, **SO)

    def approve(self, case: Case) -> Any:
        return self._decide(case, "approve")

    def reject_request(self, case: Case) -> Any:
        return self._decide(case, "reject")

    def send_back(self, case: Case) -> Any:
        return self._decide(case, "return")

    def _decide(self, case: Case, decision: str) -> Any:
        return approvals.services.decide(
            step=case.step, decision=decision, actor=self.org.axel, at=NOW, comment="So be it."
        )

    def forward(self, case: Case) -> Any:
        return approvals.services.forward(
            step=case.step, to=self.org.dora, actor=self.org.axel, at=NOW
        )

    def order_all(self, case: Case) -> Any:
        return self.make.drafts(case.requisition)

    def order_two(self, case: Case) -> Any:
        line = case.requisition.lines.get()
        return self.make.drafts(case.requisition, quantities={line.pk: Decimal(2)})

    # ---- acts on an order

    def edit_order(self, case: Case) -> Any:
        """The buyer takes a fifth piece into the draft."""
        wanted = self.make.line("5", "10", requisition_line=self._requested(case))
        return orders.edit(
            order=case.order, data=self.make.order_data(wanted), actor=self.org.bea, at=NOW
        )

    def _requested(self, case: Case) -> Any:
        return case.requisition.lines.get() if case.requisition else None

    def issue(self, case: Case) -> Any:
        return self.make.issue(case.order)

    def hold(self, case: Case) -> Any:
        return orders.hold(order=case.order, actor=self.org.bea, **SO)

    def resume(self, case: Case) -> Any:
        return orders.resume(order=case.order, actor=self.org.bea, **SO)

    def cancel(self, case: Case) -> Any:
        return orders.cancel(order=case.order, actor=self.org.bea, **SO)

    def close(self, case: Case) -> Any:
        return orders.close(order=case.order, actor=self.org.bea, **SO)

    def reopen(self, case: Case) -> Any:
        return orders.reopen(order=case.order, actor=self.org.bea, **SO)

    def release(self, case: Case) -> Any:
        return orders.release_unused(order=case.order, at=NOW)

    def receive(self, case: Case) -> Any:
        return self.make.receive(case.order, "4")

    def reverse(self, case: Case) -> Any:
        return orders.reverse_receipt(receipt=case.receipt, actor=self.org.rob, **SO)

    # ---- acts on an invoice

    def capture(self, case: Case) -> Any:
        return self.bills.captured(case.order, ("4", "10"), number="R-8000")

    def match(self, case: Case) -> Any:
        return invoicing.match(
            invoice_id=case.invoice.pk, key=f"raced {case.invoice.pk}", at=LATER, asked=False
        )

    def match_other(self, case: Case) -> Any:
        return invoicing.match(
            invoice_id=case.other.pk, key=f"raced {case.other.pk}", at=LATER, asked=False
        )

    def ask_for_match(self, case: Case) -> Any:
        return invoicing.request_match(invoice=case.invoice, actor=self.org.finn, at=NOW)

    def link(self, case: Case) -> Any:
        return invoicing.link_order(
            invoice=case.invoice,
            order_reference=case.order.number,
            actor=self.org.finn,
            at=NOW,
        )

    def accept(self, case: Case) -> Any:
        return self._accept(case.exceptions[0])

    def accept_next(self, case: Case) -> Any:
        return self._accept(case.exceptions[1])

    def accept_all(self, case: Case) -> Any:
        return self._accept(case.exceptions[0], invoicing.resolve_all)

    def _accept(self, exception: MatchException, call: Any = invoicing.resolve) -> Any:
        return call(
            exception=exception,
            resolution=MatchException.Resolution.ACCEPTED,
            reason_code="other",
            actor=self.org.fay,
            at=NOW,
        )

    def wait(self, case: Case) -> Any:
        return invoicing.resolve(
            exception=case.exceptions[0],
            resolution=MatchException.Resolution.WAITED,
            actor=self.org.fay,
            at=NOW,
            comment="So be it.",
        )

    def assign(self, case: Case) -> Any:
        return invoicing.assign(
            exception=case.exceptions[0], assignee=self.org.fay, actor=self.org.finn, at=NOW
        )

    def clear(self, case: Case) -> Any:
        return invoicing.clear(invoice=case.invoice, actor=self.org.fay, at=NOW)

    def void(self, case: Case) -> Any:
        return invoicing.void(invoice=case.invoice, actor=self.org.fay, **SO)

    def bring_back(self, case: Case) -> Any:
        return invoicing.return_to_vendor(
            invoice=case.invoice, code="OTH", actor=self.org.finn, **SO
        )

    def reject(self, case: Case) -> Any:
        return invoicing.reject(invoice=case.invoice, actor=self.org.finn, **SO)

    def dispute(self, case: Case) -> Any:
        return invoicing.dispute(invoice=case.invoice, actor=self.org.finn, **SO)


# Each situation with the acts of which any two may meet there.
MEETINGS: dict[Callable[[Desk], Case], tuple[Callable[[Desk, Case], Any], ...]] = {
    Desk.being_written: (Desk.edit_request, Desk.submit, Desk.cancel_request),
    Desk.sent_back: (Desk.edit_request, Desk.submit),
    Desk.waiting_for_approval: (
        *(Desk.approve, Desk.reject_request, Desk.send_back, Desk.forward),
        *(Desk.withdraw, Desk.edit_request),
    ),
    Desk.agreed: (Desk.order_all, Desk.order_two, Desk.cancel_request, Desk.close_request),
    Desk.drafted: (
        *(Desk.edit_order, Desk.issue, Desk.cancel, Desk.order_all),
        *(Desk.cancel_request, Desk.close_request),
    ),
    Desk.issued: (Desk.hold, Desk.cancel, Desk.close, Desk.receive, Desk.capture),
    Desk.delivered: (
        *(Desk.hold, Desk.cancel, Desk.close, Desk.receive, Desk.reverse),
        *(Desk.match, Desk.bring_back),
    ),
    Desk.held: (Desk.resume, Desk.close, Desk.reverse, Desk.match),
    Desk.closed: (Desk.reopen, Desk.release, Desk.reverse, Desk.match),
    Desk.before_its_goods: (
        *(Desk.receive, Desk.match, Desk.link, Desk.reject, Desk.close, Desk.capture),
    ),
    Desk.stopped: (
        *(Desk.accept, Desk.accept_next, Desk.accept_all, Desk.wait, Desk.match),
        *(Desk.bring_back, Desk.dispute, Desk.assign),
    ),
    Desk.nearly_accepted: (
        *(Desk.accept, Desk.match_other, Desk.reverse, Desk.close, Desk.clear, Desk.bring_back),
    ),
    Desk.disputed: (Desk.ask_for_match, Desk.match, Desk.reject, Desk.accept_all),
    Desk.cleared: (Desk.void, Desk.match_other, Desk.reverse, Desk.close),
}


def work_it_off() -> None:
    """What the workers owe, but for printing."""
    due = OutboxItem.objects.filter(done_at=None).exclude(handler__in=UNASKED)
    for _ in range(10):
        items = list(due.order_by("pk"))
        if not items:
            return
        for item in items:
            assert outbox.run(item), OutboxItem.objects.get(pk=item.pk).error
    raise AssertionError(f"there is no end of {items}")


def outcome(case: Case) -> dict[str, Any]:
    """What became of all documents of a case, in words that two cases may share."""
    asked = case.requisition.pk if case.requisition else None
    mine = Q(pk=case.order.pk if case.order else None)
    found = PurchaseOrder.objects.filter(mine | Q(lines__requisition_line__requisition=asked))
    ordered = list(found.distinct() if asked else PurchaseOrder.objects.filter(mine))
    documents: list[Any] = [
        *Requisition.objects.filter(pk=asked),
        *ApprovalRequest.objects.filter(subject_id=asked),
        *ApprovalStep.objects.filter(request__subject_id=asked),
        *ordered,
        *Receipt.objects.filter(order__in=ordered),
        *Invoice.objects.filter(order__in=ordered),
        *MatchException.objects.filter(invoice__order__in=ordered),
    ]
    ids = [each.pk for each in documents]
    return {
        "states": Counter((each.document_type, each.status) for each in documents),
        "lines": Counter(
            (line.quantity, line.received, line.billed_quantity, line.billed_amount)
            for order in ordered
            for line in order.lines.all()
        ),
        "held": Counter(
            (each.stage, each.amount, each.open)
            for each in Commitment.objects.filter(document_id__in=ids)
        ),
        "entries": entries(ids),
        "told": Counter(
            TrailEvent.objects.filter(document_id__in=ids).values_list("type", flat=True)
        ),
    }


def entries(ids: list[UUID]) -> Counter[Any]:
    rows = LedgerEntry.objects.filter(document_id__in=ids)
    return Counter(rows.values_list("event", "stage", "amount"))
