"""What a buyer or receiver says, before it is judged: the input of orders and receipts.

Objects are found by the caller among what the person may see; every figure is checked by
`purchase_orders.validation`, whoever built the input.
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from core.money import ZERO
from purchase_orders.models import Agreement, PurchaseOrder, PurchaseOrderLine
from requisitions.inputs import DistributionInput
from requisitions.models import RequisitionLine
from vendors.models import CatalogItem, Contract, Vendor

__all__ = [
    "KEEP",
    "AgreementInput",
    "ChangeInput",
    "ChangedLine",
    "DistributionInput",
    "OrderInput",
    "OrderLineInput",
    "ReceiptInput",
    "ReleaseLineInput",
]

KEEP: Any = object()  # a day that stays what it is, where None takes it away


@dataclass(frozen=True)
class OrderLineInput:
    """One line. From a requisition line it takes that line's coding; the coding was approved.

    A line of a release names the line of the blanket order that it takes from. Without a
    `match_type` the vendor's own counts. `over_receipt_percent` is how much more than ordered may
    be received, in per cent of the quantity.
    """

    description: str = ""
    quantity: Decimal | None = None
    unit: str = "C62"
    unit_price: Decimal | None = None
    kind: str = PurchaseOrderLine.Kind.GOODS
    catalog_item: CatalogItem | None = None
    sku: str = ""
    tax_code: str = ""
    need_by: date | None = None
    basis: str = PurchaseOrderLine.Basis.QUANTITY
    period_from: date | None = None
    period_to: date | None = None
    match_type: str = ""
    over_receipt_percent: Decimal = ZERO
    requisition_line: RequisitionLine | None = None
    agreement_line: PurchaseOrderLine | None = None
    distributions: list[DistributionInput] = field(default_factory=list)


@dataclass(frozen=True)
class AgreementInput:
    """What a blanket order agrees on as a whole; amounts are net, in its currency.

    Limited by quantity, its limit is what its lines come to and is not stated; by price only, it
    has none.
    """

    limit_by: str = Agreement.LimitBy.AMOUNT
    limit: Decimal | None = None
    commits: str = Agreement.Commits.RELEASES
    minimum: Decimal = ZERO
    allowance_percent: Decimal = ZERO
    release_minimum: Decimal | None = None
    release_maximum: Decimal | None = None


@dataclass(frozen=True)
class OrderInput:
    """A whole order to one vendor. Empty addresses and terms become the entity's and vendor's;
    without a contract it stands under the one that covers all of it, if there is one. A blanket
    order says its `terms`, a release the blanket order that is its `agreement`."""

    vendor: Vendor | None
    currency: str
    lines: list[OrderLineInput] = field(default_factory=list)
    title: str = ""
    kind: str = PurchaseOrder.Kind.STANDARD
    delivery_terms: str = ""
    payment_terms_days: int | None = None
    ship_to: str = ""
    bill_to: str = ""
    note: str = ""
    contract: Contract | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    agreement: PurchaseOrder | None = None
    terms: AgreementInput | None = None


@dataclass(frozen=True)
class ReleaseLineInput:
    """What a release takes of one line of its blanket order: a quantity; of a line by amount, an
    amount in `quantity`. For a requisition line the approved coding pays; without distributions
    those of the blanket order."""

    agreement_line: PurchaseOrderLine
    quantity: Decimal | None
    need_by: date | None = None
    requisition_line: RequisitionLine | None = None
    distributions: list[DistributionInput] = field(default_factory=list)


@dataclass(frozen=True)
class ReceiptInput:
    """What came of one order line: accepted, and what was rejected and why."""

    order_line: PurchaseOrderLine
    quantity: Decimal
    rejected_quantity: Decimal = ZERO
    reason: str = ""


@dataclass(frozen=True)
class ChangedLine:
    """What becomes of a line of an issued order. What is not said stays."""

    order_line: PurchaseOrderLine
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    need_by: Any = KEEP
    distributions: list[DistributionInput] | None = None
    is_cancelled: bool = False


@dataclass(frozen=True)
class ChangeInput:
    """What shall become of an issued order: only what differs, and new lines.

    `terms` holds those that change by the names of `purchase_orders.changed.TERMS`.
    """

    reason_code: str
    reason: str
    lines: list[ChangedLine | OrderLineInput] = field(default_factory=list)
    terms: dict[str, Any] = field(default_factory=dict)
    budget_reason: str = ""
