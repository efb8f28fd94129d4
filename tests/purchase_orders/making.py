"""Orders and what leads to them, made through the services: `Maker(org)`."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import requisitions.services
import requisitions.subjects
from accounts.models import User
from budgets.models import Commitment, LedgerEntry, Stage
from core.models import OutboxItem, TrailEvent
from core.money import ZERO
from core.outbox import run
from purchase_orders import services
from purchase_orders.inputs import DistributionInput, OrderInput, OrderLineInput, ReceiptInput
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine, Receipt
from requisitions.inputs import LineInput, RequisitionInput
from requisitions.models import Requisition
from tests.factories import NOW, Organisation
from vendors.models import Vendor

LATER = NOW + timedelta(hours=1)


class Maker:
    """Shorthand for the documents of an organisation; every row comes from a service."""

    def __init__(self, org: Organisation) -> None:
        self.org = org

    def coding(self, *parts: tuple[str, str, str]) -> list[DistributionInput]:
        """`coding(("CC100", "6600", "50"), …)`; without parts all of it on CC100 and 6600."""
        return [
            DistributionInput(
                cost_center=self.org.cost_centers[center],
                gl_account=self.org.gl_accounts[account],
                percent=Decimal(percent),
            )
            for center, account, percent in parts or (("CC100", "6600", "100"),)
        ]

    def requisition(
        self,
        *lines: tuple[str, str],
        vendor: Vendor | None = None,
        vendors: list[Vendor] | None = None,
        coding: list[DistributionInput] | None = None,
        basis: str = "quantity",
        currency: str = "EUR",
        approve: bool = True,
        **header: Any,
    ) -> Requisition:
        """Approved, with lines of (quantity, price)."""
        said = [
            LineInput(
                description=f"Thing {number}",
                quantity=Decimal(quantity),
                unit_price=Decimal(price),
                basis=basis,
                tax_code="DE19",
                vendor=vendors[number - 1] if vendors else None,
                distributions=coding or self.coding(),
            )
            for number, (quantity, price) in enumerate(lines, 1)
        ]
        data = RequisitionInput(
            title="Things for the office",
            currency=currency,
            vendor=vendor or (None if vendors else self.org.vendor),
            lines=said,
            **header,
        )
        return self.approved(data) if approve else self.submitted(data)

    def submitted(self, data: RequisitionInput) -> Requisition:
        made = requisitions.services.create(requester=self.org.rita, data=data, at=NOW)
        return requisitions.services.submit(requisition=made, actor=self.org.rita, at=NOW)

    def approved(self, data: RequisitionInput) -> Requisition:
        made = self.submitted(data)
        if made.status == Requisition.Status.SUBMITTED:
            requisitions.subjects.mark_approved(subject_id=made.pk, actor=self.org.dora, at=NOW)
        made.refresh_from_db()
        return made

    def drafts(self, requisition: Requisition, **options: Any) -> list[PurchaseOrder]:
        return services.create_from_requisition(
            requisition=requisition, actor=self.org.bea, at=NOW, **options
        )

    def draft(self, *lines: tuple[str, str], **options: Any) -> PurchaseOrder:
        return self.drafts(self.requisition(*lines, **options))[0]

    def issued(self, *lines: tuple[str, str], **options: Any) -> PurchaseOrder:
        return self.issue(self.draft(*lines, **options))

    def issue(self, order: PurchaseOrder, actor: User | None = None) -> PurchaseOrder:
        return services.issue(order=order, actor=actor or self.org.bea, at=NOW)

    def tolerant(self, quantity: str, price: str, percent: str) -> PurchaseOrder:
        """An issued order of one line that may be over-received by `percent`."""
        draft = self.draft((quantity, price))
        line = draft.lines.get()
        data = self.order_data(
            OrderLineInput(
                description=line.description,
                quantity=line.quantity,
                unit_price=line.unit_price,
                over_receipt_percent=Decimal(percent),
                requisition_line=line.requisition_line,
            )
        )
        return self.issue(services.edit(order=draft, data=data, actor=self.org.bea, at=NOW))

    def order_data(self, *lines: OrderLineInput, **header: Any) -> OrderInput:
        return OrderInput(
            **{"vendor": self.org.vendor, "currency": "EUR", "lines": list(lines), **header}
        )

    def line(self, quantity: str, price: str, **facts: Any) -> OrderLineInput:
        """A buyer's own line, without a requisition."""
        return OrderLineInput(
            **{
                "description": "Cable",
                "quantity": Decimal(quantity),
                "unit_price": Decimal(price),
                "distributions": self.coding(),
                **facts,
            }
        )

    def receive(
        self,
        order: PurchaseOrder,
        *quantities: str,
        actor: User | None = None,
        rejected: str = "0",
        reason: str = "",
        at: datetime = NOW,
        **header: Any,
    ) -> Receipt:
        """Receive these quantities of the order's first lines, as rob."""
        return services.post_receipt(
            order=order,
            lines=[
                ReceiptInput(line, Decimal(quantity), Decimal(rejected), reason)
                for line, quantity in zip(order.lines.all(), quantities, strict=False)
            ],
            received_on=header.pop("received_on", at.date()),
            actor=actor or self.org.rob,
            at=at,
            **header,
        )


def held(document_id: UUID, stage: str = Stage.ENC) -> Decimal:
    """What a document holds of the budget, base currency, from its commitments."""
    rows = Commitment.objects.filter(document_id=document_id, stage=stage)
    return sum((row.open for row in rows), ZERO)


def posted(document_id: UUID, stage: str) -> Decimal:
    """The sum of ledger entries of a stage under a document's own commitments."""
    commitments = Commitment.objects.filter(document_id=document_id, stage=stage)
    entries = LedgerEntry.objects.filter(
        stage=stage, distribution_id__in=commitments.values("distribution_id")
    )
    return sum((entry.amount for entry in entries), ZERO)


def events_of(document_id: UUID) -> list[str]:
    return list(
        TrailEvent.objects.filter(document_id=document_id)
        .order_by("sequence")
        .values_list("type", flat=True)
    )


def line_of(order: PurchaseOrder, number: int = 1) -> PurchaseOrderLine:
    return order.lines.get(line_number=number)


def run_worker(handler: str) -> int:
    """Do what the outbox promised of one handler, as a worker does; returns how many items."""
    items = list(OutboxItem.objects.filter(handler=f"purchase_orders.{handler}", done_at=None))
    for item in items:
        assert run(item), item.error
    return len(items)
