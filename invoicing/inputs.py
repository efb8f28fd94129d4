"""What a form, the API or a reader hands to `invoicing.services.capture`."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from invoicing.models import Invoice
from purchase_orders.models import PurchaseOrderLine
from vendors.models import Vendor


@dataclass(frozen=True, slots=True)
class InvoiceLineInput:
    """A billed line. `net` None: quantity × unit price ÷ base quantity, rounded."""

    quantity: Decimal
    unit_price: Decimal
    description: str = ""
    unit: str = ""
    net: Decimal | None = None
    price_base_quantity: Decimal = Decimal(1)
    order_line: PurchaseOrderLine | None = None
    order_line_reference: str = ""
    reference: str = ""
    tax_code: str = ""
    tax_category: str = ""
    tax_percent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ChargeInput:
    """A charge (positive) or allowance (negative) of the whole document."""

    amount: Decimal
    reason: str = ""
    tax_category: str = ""
    tax_percent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class TaxInput:
    """One row of the tax breakdown as written."""

    category: str
    percent: Decimal | None
    taxable: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class PayeeInput:
    """An account that the invoice asks to be paid to: an IBAN, or a number of the bank `branch`."""

    number: str = field(repr=False)
    branch: str = ""


def payees(said: str) -> list[PayeeInput]:
    """The account of an invoice keyed by hand, if it names one."""
    return [PayeeInput(said)] if said.strip() else []


@dataclass(frozen=True, slots=True)
class InvoiceInput:
    """An invoice or credit note as written. Empty totals are computed from the lines."""

    number: str
    issue_date: date
    currency: str
    lines: list[InvoiceLineInput]
    kind: str = Invoice.Kind.INVOICE
    vendor: Vendor | None = None
    vendor_name: str = ""
    vendor_tax_id: str = ""
    order_reference: str = ""
    due_date: date | None = None
    is_final: bool = False
    payee_accounts: list[PayeeInput] = field(default_factory=list)
    charges: list[ChargeInput] = field(default_factory=list)
    taxes: list[TaxInput] = field(default_factory=list)
    net: Decimal | None = None
    tax: Decimal | None = None
    gross: Decimal | None = None
    payable: Decimal | None = None
    flags: list[dict[str, Any]] = field(default_factory=list)
