"""An invoice as captured: every figure as written, nothing computed, nothing left out silently."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.ubl import Party, Problem

INVOICE = "invoice"
CREDIT_NOTE = "credit_note"


@dataclass(frozen=True, slots=True)
class TaxCategory:
    """A tax category as named on a line, an allowance or a breakdown row."""

    code: str = ""
    percent: Decimal | None = None
    scheme: str = ""
    exemption_reason: str = ""
    exemption_code: str = ""


@dataclass(frozen=True, slots=True)
class AllowanceCharge:
    """An allowance (`charge=False`) or a charge of a line or of the whole document."""

    charge: bool
    amount: Decimal | None
    percent: Decimal | None = None
    base_amount: Decimal | None = None
    reason: str = ""
    reason_code: str = ""
    tax: TaxCategory | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """A billing period; `code` says instead which date decides about tax."""

    start: date | None = None
    end: date | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class CapturedLine:
    """A line of an invoice or credit note."""

    line_number: str
    description: str
    name: str
    quantity: Decimal | None
    unit: str
    unit_price: Decimal | None
    price_base_quantity: Decimal | None
    net: Decimal | None
    tax: TaxCategory | None = None
    allowances_charges: tuple[AllowanceCharge, ...] = ()
    order_reference: str = ""
    order_line_reference: str = ""
    seller_item_id: str = ""
    buyer_item_id: str = ""
    standard_item_id: str = ""
    gross_price: Decimal | None = None
    invoice_references: tuple[str, ...] = ()
    period: Period | None = None
    has_quantity: bool = False
    has_unit: bool = False
    note: str = ""

    @property
    def tax_category(self) -> str:
        """Code of the line's tax category."""
        return self.tax.code if self.tax else ""

    @property
    def tax_percent(self) -> Decimal | None:
        """Rate of the line's tax category."""
        return self.tax.percent if self.tax else None


@dataclass(frozen=True, slots=True)
class TaxRow:
    """One row of the tax breakdown."""

    tax: TaxCategory | None
    taxable: Decimal | None
    amount: Decimal | None

    @property
    def category(self) -> str:
        """Code of the row's tax category."""
        return self.tax.code if self.tax else ""

    @property
    def percent(self) -> Decimal | None:
        """Rate of the row's tax category."""
        return self.tax.percent if self.tax else None


@dataclass(frozen=True, slots=True)
class TaxTotal:
    """A tax total in one currency with its breakdown."""

    currency: str
    amount: Decimal | None
    rows: tuple[TaxRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """The document totals, each as written or None."""

    line_extension: Decimal | None = None
    allowance: Decimal | None = None
    charge: Decimal | None = None
    tax_exclusive: Decimal | None = None
    tax_inclusive: Decimal | None = None
    prepaid: Decimal | None = None
    rounding: Decimal | None = None
    payable: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PayeeAccount:
    """An account the document asks to be paid to."""

    account: str
    name: str = ""
    bic: str = ""


@dataclass(frozen=True, slots=True)
class PaymentMeans:
    """One way to pay: a code (30 = credit transfer) and the account it names, if any."""

    code: str
    account: PayeeAccount | None = None


@dataclass(frozen=True, slots=True)
class DocumentReference:
    """An earlier document named in this one; an empty number breaks BR-55."""

    number: str
    issue_date: date | None = None


@dataclass(frozen=True, slots=True)
class CapturedInvoice:
    """An invoice or credit note as captured. Amounts of a credit note are positive, as written."""

    number: str
    kind: str  # invoice | credit_note
    type_code: str
    issue_date: date | None
    issue_date_stated: bool  # True with no date: what is stated is none
    due_date: date | None
    tax_point_date: date | None
    currency: str
    currency_stated: bool  # False: taken from the currency of its amounts
    tax_currency: str
    syntax: str  # UBL
    customization: str
    profile: str
    supplier: Party
    buyer: Party
    payee: Party | None
    tax_representative: Party | None
    payment_means: tuple[PaymentMeans, ...]
    order_reference: str
    sales_order_reference: str
    contract_reference: str
    buyer_reference: str
    preceding_invoices: tuple[DocumentReference, ...]
    despatch_references: tuple[str, ...]
    receipt_references: tuple[str, ...]
    lines: tuple[CapturedLine, ...]
    allowances_charges: tuple[AllowanceCharge, ...]
    tax_totals: tuple[TaxTotal, ...]
    totals: Totals
    third_party_payments: tuple[Decimal, ...]
    period: Period | None
    delivery_date: date | None
    has_deliver_to_address: bool
    deliver_to_country: str
    notes: tuple[str, ...]
    payment_terms: str
    problems: tuple[Problem, ...] = ()

    @property
    def tax_total(self) -> Decimal | None:
        """Tax in document currency, as stated."""
        total = self.document_tax
        return total.amount if total else None

    @property
    def tax_total_in_tax_currency(self) -> Decimal | None:
        """Tax in the accounting currency of the tax, where it is stated."""
        if not self.tax_currency:
            return None
        same = self.tax_currency == self.currency
        totals = [t for t in self.tax_totals if t.currency == self.tax_currency]
        if same:
            return totals[0].amount if totals else None
        return next((t.amount for t in totals), None)

    @property
    def document_tax(self) -> TaxTotal | None:
        """The tax total in document currency; one without a currency counts as such."""
        named = [t for t in self.tax_totals if t.currency == self.currency]
        unnamed = [t for t in self.tax_totals if not t.currency]
        return next(iter(named + unnamed), None)

    @property
    def tax_breakdown(self) -> tuple[TaxRow, ...]:
        """Rows of the tax breakdown in document currency."""
        totals = [t for t in self.tax_totals if t.currency in ("", self.currency)]
        return tuple(row for total in totals for row in total.rows)

    @property
    def payee_accounts(self) -> tuple[PayeeAccount, ...]:
        """Accounts the document asks to be paid to."""
        return tuple(m.account for m in self.payment_means if m.account and m.account.account)

    @property
    def claims_en16931(self) -> bool:
        """Whether the document says of itself that it follows EN 16931."""
        return "urn:cen.eu:en16931" in self.customization
