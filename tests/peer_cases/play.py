"""The stage on which cases of other systems are played: our services, their figures."""

from decimal import Decimal
from typing import Any

from accounts.models import Control
from budgets.services import set_budget
from core import outbox
from invoicing import services as invoicing
from invoicing.inputs import InvoiceInput, InvoiceLineInput
from invoicing.models import Invoice
from purchase_orders import agreements
from purchase_orders import services as orders
from purchase_orders.inputs import (
    AgreementInput,
    DistributionInput,
    OrderInput,
    OrderLineInput,
    ReceiptInput,
    ReleaseLineInput,
)
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine, Receipt
from reports.accruals import received_not_invoiced
from tests.factories import NOW, TODAY, Organisation

from .cases import figure

KINDS = {"K1": "6300", "K2": "6600"}


class Stage:
    """One organisation; an order at a time, its receipts and bills; a budget of CC100 / 6600."""

    def __init__(self, org: Organisation) -> None:
        self.org = org
        self.bills = 0
        org.bea.approval_limit = Decimal(10_000_000)
        org.bea.save()

    def budget(
        self, amount: Any, *, account: str = "6600", control: str = Control.STOP, period: Any = None
    ) -> None:
        set_budget(
            entity=self.org.entity,
            fiscal_year=2026,
            cost_center=self.org.cost_centers["CC100"],
            gl_account=self.org.gl_accounts[account],
            period=period,
            amount=figure(amount),
            control=control,
            actor=self.org.cora,
            at=NOW,
            reason="The case says so.",
        )

    def coding(self, account: str = "6600") -> list[DistributionInput]:
        return [DistributionInput(self.org.cost_centers["CC100"], self.org.gl_accounts[account])]

    def blanket(self, lines: list[dict[str, Any]], *, currency: str = "EUR") -> PurchaseOrder:
        """An issued blanket order, limited by the quantities of the case's lines."""
        return self.issue(
            self.draft(
                lines,
                currency=currency,
                kind=PurchaseOrder.Kind.BLANKET,
                terms=AgreementInput(limit_by="quantity"),
            )
        )

    def release(self, blanket: PurchaseOrder, *takes: tuple[int, Any]) -> PurchaseOrder:
        """Issue a release of (line of the blanket order, quantity) pairs."""
        draft = orders.release(
            order=blanket,
            lines=[
                ReleaseLineInput(self.line(blanket, line), figure(quantity))
                for line, quantity in takes
            ],
            actor=self.org.bea,
            at=NOW,
        )
        return self.issue(draft)

    def left(self, blanket: PurchaseOrder) -> list[Decimal]:
        """What is left to release of each line, in order."""
        taken = agreements.taken(blanket)
        return [
            line.quantity - taken.get(line.pk, agreements.Taken()).quantity
            for line in blanket.lines.order_by("line_number")
        ]

    def draft(
        self,
        lines: list[dict[str, Any]],
        *,
        match_type: str = "3-way",
        currency: str = "EUR",
        over: Any = 0,
        tax_code: str = "DE0",
        **header: Any,
    ) -> PurchaseOrder:
        """A buyer's order with the case's lines: qty, price."""
        said = [
            OrderLineInput(
                description=f"Line {line.get('line', number)}",
                quantity=figure(line["qty"]),
                unit_price=figure(line.get("price", "1")),
                match_type=match_type,
                tax_code=tax_code,
                over_receipt_percent=figure(over),
                distributions=self.coding(line.get("account", "6600")),
            )
            for number, line in enumerate(lines, 1)
        ]
        data = OrderInput(vendor=self.org.vendor, currency=currency, lines=said, **header)
        return orders.create(entity=self.org.entity, data=data, actor=self.org.bea, at=NOW)

    def issue(self, order: PurchaseOrder) -> PurchaseOrder:
        return orders.issue(order=order, actor=self.org.bea, at=NOW)

    def ordered(self, lines: list[dict[str, Any]], **terms: Any) -> PurchaseOrder:
        return self.issue(self.draft(lines, **terms))

    def receive(self, order: PurchaseOrder, *quantities: Any, rejected: Any = 0) -> Receipt:
        """Quantities of lines 1, 2, …; zero leaves a line out."""
        said = [
            ReceiptInput(line, figure(quantity), figure(rejected), "Broken" if rejected else "")
            for line, quantity in zip(order.lines.order_by("line_number"), quantities, strict=False)
            if figure(quantity)
        ]
        return orders.post_receipt(
            order=order, lines=said, received_on=TODAY, actor=self.org.rob, at=NOW
        )

    def bill(
        self,
        order: PurchaseOrder,
        *lines: tuple[int, Any],
        price: Any = None,
        kind: str = Invoice.Kind.INVOICE,
        tax: bool = False,
    ) -> Invoice:
        """A bill of (order line, quantity) pairs at the order's prices, judged as by the worker."""
        self.bills += 1
        prices = {line.line_number: line.unit_price for line in order.lines.all()}
        said = [
            InvoiceLineInput(
                quantity=figure(quantity),
                unit_price=figure(price) if price else prices[number],
                order_line_reference=str(number),
                tax_code=order.lines.get(line_number=number).tax_code if tax else "DE0",
            )
            for number, quantity in lines
        ]
        data = InvoiceInput(
            number=f"B-{self.bills}",
            issue_date=TODAY,
            currency=order.currency,
            order_reference=order.number,
            kind=kind,
            lines=said,
        )
        invoice = invoicing.capture(entity=self.org.entity, data=data, actor=self.org.finn, at=NOW)
        outbox.drain()
        return Invoice.objects.get(pk=invoice.pk)

    def close(self, order: PurchaseOrder) -> None:
        orders.close(order=order, reason="Enough", actor=self.org.bea, at=NOW)
        outbox.drain()

    def cancel(self, order: PurchaseOrder) -> None:
        orders.cancel(order=order, reason="Not needed", actor=self.org.bea, at=NOW)
        outbox.drain()

    def line(self, order: PurchaseOrder, number: int = 1) -> PurchaseOrderLine:
        return PurchaseOrderLine.objects.get(order=order, line_number=number)

    def cell(self, account: str = "6600") -> Any:
        return self.org.cell("CC100", account)

    def accrual(self) -> Decimal:
        return sum((row.base for row in received_not_invoiced(entity=self.org.entity)), Decimal(0))

    def checks(self, invoice: Invoice) -> set[str]:
        return {each.check_name for each in invoice.exceptions.unresolved()}
