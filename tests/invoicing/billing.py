"""Invoices of an organisation, made through the services: `Biller(org)`."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import User
from core import outbox
from core.models import TrailEvent
from invoicing import services
from invoicing.inputs import ChargeInput, InvoiceInput, InvoiceLineInput
from invoicing.models import Invoice, MatchException, Tolerance
from purchase_orders.models import PurchaseOrder
from tests.factories import NOW, TODAY, Organisation

LATER = NOW + timedelta(hours=2)


class Biller:
    """Captures with finn, matches as the worker would."""

    def __init__(self, org: Organisation) -> None:
        self.org = org
        self.count = 0

    def data(
        self, order: PurchaseOrder | None, *lines: tuple[str, str], **header: Any
    ) -> InvoiceInput:
        """Lines of (quantity, unit price), the first on order line 1, and so on."""
        self.count += 1
        said = [
            InvoiceLineInput(
                quantity=Decimal(quantity),
                unit_price=Decimal(price),
                order_line_reference=str(number),
                tax_code="DE19",
            )
            for number, (quantity, price) in enumerate(lines, 1)
        ]
        given: dict[str, Any] = {
            "number": f"R-{self.count:04d}",
            "issue_date": TODAY,
            "currency": "EUR",
            "order_reference": order.number if order else "",
            "lines": said,
        }
        return InvoiceInput(**{**given, **header})

    def captured(
        self,
        order: PurchaseOrder | None,
        *lines: tuple[str, str],
        actor: User | None = None,
        **header: Any,
    ) -> Invoice:
        return services.capture(
            entity=self.org.entity,
            data=self.data(order, *lines, **header),
            actor=actor or self.org.finn,
            at=NOW,
        )

    def match(self, invoice: Invoice, *, key: str = "", at: datetime = LATER) -> Invoice:
        services.match(invoice_id=invoice.pk, key=key or f"key {TrailEvent.objects.count()}", at=at)
        return Invoice.objects.get(pk=invoice.pk)

    def billed(
        self, order: PurchaseOrder | None, *lines: tuple[str, str], **header: Any
    ) -> Invoice:
        """Captured and judged."""
        return self.match(self.captured(order, *lines, **header))

    def credit(self, order: PurchaseOrder, *lines: tuple[str, str], **header: Any) -> Invoice:
        return self.billed(order, *lines, kind=Invoice.Kind.CREDIT_NOTE, **header)

    def charge(self, amount: str) -> ChargeInput:
        return ChargeInput(
            Decimal(amount), reason="Freight", tax_category="S", tax_percent=Decimal(19)
        )

    def exception(self, invoice: Invoice, check: str = "") -> MatchException:
        found = invoice.exceptions.unresolved()
        return found.get(check_name=check) if check else found.get()

    def tolerance(self, check: str, **limits: Any) -> Tolerance:
        return Tolerance.objects.create(entity=self.org.entity, check_name=check, **limits)


def drain() -> None:
    """Do all that is promised, as workers would, until nothing is left."""
    outbox.drain()
