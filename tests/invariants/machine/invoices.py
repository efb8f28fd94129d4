"""Steps of invoices: captured, accepted in spite of what is off, voided; workers clear them."""

from decimal import Decimal
from typing import Any

from budgets.ledger import BudgetExceeded
from core.composed import Composed
from core.errors import DomainError
from invoicing import services
from invoicing.inputs import InvoiceInput, InvoiceLineInput
from invoicing.models import Invoice, InvoiceLine
from tests.invariants.machine.documents import Bill
from tests.invariants.machine.ground import Ground
from tests.invariants.machine.orders import OWN_LINES
from tests.invariants.machine.picking import Documents

INVOICES = Documents(lambda: Invoice.objects.select_related("order"))
# Asked after whatever a worker did.
_priced = Composed[tuple[Any, Decimal, str]](
    lambda pks: (
        Invoice.objects.filter(pk__in=pks, rate__isnull=False)
        .order_by("pk")
        .values_list("pk", "rate", "status")
    )
)


class Invoices(Ground):
    def bill(self, pick: int, quantity: int, dearer: int, kind: str) -> None:
        made = OWN_LINES.pick(pick, "issued", "closed")
        if made is None or made.pk not in self.books.orders:
            return
        line, self.count = made.lines.get(), self.count + 1
        price = line.unit_price + dearer
        data = InvoiceInput(
            number=f"R-{self.count}",
            kind=kind,
            issue_date=self.today,
            currency=made.currency,
            vendor=made.vendor,
            order_reference=made.number,
            lines=[
                InvoiceLineInput(
                    quantity=Decimal(quantity),
                    unit_price=price,
                    order_line=line,
                    tax_code="DE19",
                )
            ],
        )
        invoice = self.attempt(
            f"capture {kind}",
            lambda: services.capture(
                entity=self.org.entity, data=data, actor=self.org.finn, at=self.now
            ),
        )
        if invoice:
            sign = -1 if kind == Invoice.Kind.CREDIT_NOTE else 1
            self.books.bills[invoice.pk] = Bill(
                self.books.orders[made.pk], sign, Decimal(quantity), price, self.rate(made.currency)
            )

    def accept(self, pick: int) -> None:
        """The AP manager accepts what is off, exception by exception; the last one clears."""
        invoice = INVOICES.pick(pick, "in_exception")
        if invoice is None:
            return
        bill = self.books.bills[invoice.pk]
        fits = self.books.cells.bear(self.books.clearing(bill, bill.quantity, self.today))
        for exception in invoice.exceptions.unresolved().order_by("pk"):
            try:
                services.resolve(
                    exception=exception,
                    resolution="accept",
                    actor=self.org.fay,
                    at=self.now,
                    reason_code="other",
                    comment="So be it.",
                )
            except BudgetExceeded:
                assert not fits or bill.sign < 0, "accept: refused though there was room"
                self.refused["accept: budget"] += 1
            except DomainError as refusal:
                self.refused[f"accept: {refusal.slug}"] += 1
            else:
                self.done["accept"] += 1
        self.follow_invoices()

    def follow_invoices(self) -> None:
        """What was cleared meanwhile, by whom ever, must have moved what the model says."""
        waiting = [pk for pk, bill in self.books.bills.items() if not bill.is_cleared]
        for pk, rate, status in _priced(waiting) if waiting else []:
            bill = self.books.bills[pk]
            assert rate == bill.rate
            if status == "cleared":
                line = InvoiceLine.objects.get(invoice=pk)
                pieces = line.quantity if bill.sign > 0 else line.returned_quantity
                moves = self.books.clearing(bill, pieces, self.today)
                assert self.books.cells.bear(moves), "cleared though there was no room"
                self.books.clear(bill, pieces, self.today)
                self.done["cleared"] += 1
                self.done["drawn"] += any(drawn for _, _, drawn, _ in bill.taken)

    def void(self, pick: int) -> None:
        invoice = INVOICES.pick(pick, "cleared")
        if invoice is None:
            return
        bill, closed = self.books.bills[invoice.pk], invoice.order.status == "closed"
        if self.attempt(
            "void",
            lambda: services.void(
                invoice=invoice, reason="By mistake.", actor=self.org.fay, at=self.now
            ),
            (lambda: self.books.voiding(bill, self.today, closed=closed))
            if bill.is_cleared
            else None,
        ):
            self.books.void(bill, self.today, closed=closed)
