"""One purchase whose acts are done by whom the test names: `Purchase(org, request=nora, …)`."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import approvals.services
import invoicing.services
import purchase_orders.services
import requisitions.services
from accounts.models import Role, User
from approvals.models import ApprovalStep
from invoicing.inputs import InvoiceInput, InvoiceLineInput
from purchase_orders.inputs import ReceiptInput
from tests import factories
from tests.factories import NOW, TODAY, Organisation

ACTS = ("request", "approve", "order", "receive", "enter_invoice", "resolve")
USUAL = dict(zip(ACTS, ("rita", "axel", "bea", "rob", "finn", "fay"), strict=True))


def nora(org: Organisation) -> User:
    """Somebody with every role and high limits, as roles written directly."""
    return factories.person(
        "nora",
        entity=org.entity,
        roles=list(Role),
        manager=org.axel,
        approval_limit=1_000_000,
        variance_limit=1_000_000,
    )


@dataclass
class Purchase:
    """10 × 10.00 asked for, approved, ordered, received 9 of 10 and billed 10 of 10."""

    org: Organisation
    who: dict[str, User]
    documents: dict[str, Any] = field(default_factory=dict)

    def play(self, until: str = "resolve") -> None:
        for act in ACTS[: ACTS.index(until) + 1]:
            self.do(act)

    def do(self, act: str) -> None:
        person = self.who.get(act) or self.org.people[USUAL[act]]
        self.documents[act] = getattr(self, f"_{act}")(person)

    def _request(self, person: User) -> Any:
        data = factories.requisition_input(self.org)
        made = requisitions.services.create(requester=person, data=data, at=NOW)
        approver = self.who.get("approve")
        if approver is not None:
            User.objects.filter(pk=person.pk).update(manager=approver)
            made.requester.refresh_from_db()
        return requisitions.services.submit(requisition=made, actor=person, at=NOW)

    def _approve(self, person: User) -> Any:
        made = self.documents["request"]
        step = ApprovalStep.objects.get(request__subject_id=made.pk, status="active")
        approvals.services.decide(step=step, decision="approve", actor=person, at=NOW)
        made.refresh_from_db()
        return step

    def _order(self, person: User) -> Any:
        order = self.documents.get("draft") or self.draft(person)
        return purchase_orders.services.issue(order=order, actor=person, at=NOW)

    def draft(self, person: User) -> Any:
        """What will be issued, made by its buyer."""
        self.documents["draft"], *_ = purchase_orders.services.create_from_requisition(
            requisition=self.documents["request"], actor=person, at=NOW
        )
        return self.documents["draft"]

    def _receive(self, person: User) -> Any:
        order = self.documents["order"]
        return purchase_orders.services.post_receipt(
            order=order,
            lines=[ReceiptInput(order.lines.get(), Decimal(9))],
            received_on=TODAY,
            actor=person,
            at=NOW,
        )

    def _enter_invoice(self, person: User) -> Any:
        order = self.documents["order"]
        line = InvoiceLineInput(
            quantity=Decimal(10), unit_price=Decimal(10), order_line=order.lines.get(), unit="C62"
        )
        data = InvoiceInput(
            number="R-1",
            issue_date=TODAY,
            currency="EUR",
            order_reference=order.number,
            lines=[line],
        )
        invoice = invoicing.services.capture(
            entity=self.org.entity, data=data, actor=person, at=NOW
        )
        invoicing.services.match(invoice_id=invoice.pk, key="first", at=NOW)
        return invoice

    def _resolve(self, person: User) -> Any:
        exception = self.documents["enter_invoice"].exceptions.unresolved().first()
        return invoicing.services.resolve(
            exception=exception,
            resolution="accept",
            reason_code="other",
            actor=person,
            at=NOW,
        )
