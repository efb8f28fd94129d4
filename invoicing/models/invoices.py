"""Vendor invoices and credit notes as captured."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import ExtractYear
from django_fsm import transition

from accounts.models import EntityOwned, Role
from accounts.permissions import either, portal, role
from core import told
from core.documents import Document
from core.fields import AmountField, PercentField, PriceField, QuantityField, RateField
from core.history import HistoricalRecords
from core.ids import new_id
from core.models import StoredFile
from core.states import StateField
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from vendors.models import Vendor

PAYABLES = role(Role.AP_CLERK, Role.AP_MANAGER)
_SEES_ALL = (
    Role.AP_CLERK,
    Role.AP_MANAGER,
    Role.BUYER,
    Role.CONTROLLER,
    Role.AUDITOR,
    Role.ADMINISTRATOR,
)


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def visible_to(self, user: Any) -> "InvoiceQuerySet":
        """Paying roles see all of their entity; others what belongs to orders they can see."""
        own = self.filter(entity_id=user.entity_id)
        if user.has_role(*_SEES_ALL):
            return own
        return own.filter(order__in=PurchaseOrder.objects.visible_to(user))


@told.changes("status", "net", "tax", "gross", "payable", "currency", "rate", "vendor")
class Invoice(EntityOwned, Document):
    """A vendor's invoice or credit note as captured. Amounts are positive for either kind."""

    document_type = "invoice"

    class Status(models.TextChoices):
        CAPTURED = "captured", "Captured"
        MATCHING = "matching", "Matching"
        MATCHED = "matched", "Matched"
        IN_EXCEPTION = "in_exception", "In exception"
        CLEARED = "cleared", "Cleared for payment"
        IN_PAYMENT = "in_payment", "In payment"
        PAID = "paid", "Paid"
        RETURNED = "returned_to_vendor", "Returned to vendor"
        REJECTED = "rejected", "Rejected"
        DISPUTED = "disputed", "Disputed"
        VOID = "void", "Void"

    class Kind(models.TextChoices):
        INVOICE = "invoice", "Invoice"
        CREDIT_NOTE = "credit_note", "Credit note"

    class Source(models.TextChoices):
        FORM = "form", "Form"
        API = "api", "API"
        UBL = "ubl", "UBL file"

    OPEN: ClassVar = (
        Status.CAPTURED,
        Status.MATCHING,
        Status.MATCHED,
        Status.IN_EXCEPTION,
        Status.DISPUTED,
    )

    number = models.CharField(max_length=64, help_text="The vendor's number, as written.")
    number_key = models.CharField(
        max_length=64, editable=False, help_text="A–Z and 0–9 without leading zeros."
    )
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.INVOICE)
    vendor = models.ForeignKey(Vendor, null=True, on_delete=models.PROTECT, related_name="invoices")
    vendor_name = models.CharField(max_length=200, blank=True, help_text="As written on it.")
    order = models.ForeignKey(
        PurchaseOrder, null=True, on_delete=models.PROTECT, related_name="invoices"
    )
    order_reference = models.CharField(max_length=64, blank=True)
    issue_date = models.DateField()
    due_date = models.DateField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    rate = RateField(
        null=True, help_text="Base currency for one unit; empty: no rate is known, it cannot clear."
    )
    net = AmountField(default=0)
    tax = AmountField(default=0)
    gross = AmountField(default=0)
    payable = AmountField(default=0, help_text="Gross less prepaid, plus rounding.")
    status = StateField(choices=Status, default=Status.CAPTURED, protected=True)
    source = models.CharField(max_length=8, choices=Source, default=Source.FORM)
    original = models.ForeignKey(
        StoredFile, null=True, on_delete=models.PROTECT, help_text="The file as it came."
    )
    payee_accounts = models.JSONField(
        default=list,
        help_text="Accounts it asks to be paid to: {sealed, index, shown} of each.",
    )
    flags = models.JSONField(default=list, help_text="Broken rules that did not refuse it.")
    captured_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    is_final = models.BooleanField(
        default=False, help_text="Nothing more is billed of its order, which closes once it clears."
    )
    waiting_until = models.DateField(null=True, help_text="Then a missing receipt is an exception.")
    cleared_at = models.DateTimeField(null=True, editable=False)
    return_code = models.CharField(max_length=16, blank=True)
    return_reason = models.TextField(blank=True)
    history = HistoricalRecords()

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "entity",
                "vendor",
                "kind",
                "number_key",
                ExtractYear("issue_date"),
                condition=~Q(status__in=["returned_to_vendor", "rejected", "void"]),
                name="live_invoice_once",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["cleared", "in_payment", "paid"])
                | Q(cleared_at__isnull=False, order__isnull=False),
                name="cleared_invoice_stamp",
            ),
            models.CheckConstraint(
                condition=Q(is_final=False) | Q(kind="invoice"), name="final_invoice_bills"
            ),
        ]
        indexes: ClassVar = [
            # list page by keyset, and filtered by state
            models.Index(fields=["entity", "-id"], name="invoices_newest"),
            models.Index(fields=["entity", "status", "-id"], name="invoices_by_state"),
            # near duplicates: same vendor, gross, currency, date
            models.Index(fields=["vendor", "gross", "issue_date"], name="invoices_alike"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def sign(self) -> int:
        """−1 for a credit note: what its positive amounts do to the order and the budget."""
        return -1 if self.kind == self.Kind.CREDIT_NOTE else 1

    @transition(
        status,
        source=[
            Status.CAPTURED,
            Status.IN_EXCEPTION,
            Status.MATCHED,
            Status.DISPUTED,
        ],
        target=Status.MATCHING,
        permission=either(PAYABLES, portal),
    )
    def match(self, **_: Any) -> None:
        """Judge it (again) against its order and receipts."""

    @transition(status, source=Status.MATCHING, target=Status.MATCHED, permission=portal)
    def pass_match(self, **_: Any) -> None:
        """Every check passed."""

    @transition(status, source=Status.MATCHING, target=Status.CAPTURED, permission=portal)
    def wait(self, *, until: Any, **_: Any) -> None:
        """Nothing is wrong but the receipt has not come yet: it stays captured, and waits."""
        self.waiting_until = until

    @transition(status, source=Status.MATCHING, target=Status.IN_EXCEPTION, permission=portal)
    def stop(self, **_: Any) -> None:
        """A check needs a person."""

    @transition(
        status,
        source=[Status.MATCHED, Status.IN_EXCEPTION],
        target=Status.CLEARED,
        permission=either(PAYABLES, portal),
    )
    def clear(self, *, at: Any, **_: Any) -> None:
        """May be paid. From an exception only once every exception is resolved."""
        self.cleared_at = at

    @transition(
        status,
        source=[
            Status.CAPTURED,
            Status.IN_EXCEPTION,
            Status.MATCHED,
            Status.DISPUTED,
        ],
        target=Status.RETURNED,
        permission=PAYABLES,
    )
    def return_to_vendor(self, *, code: str, reason: str, **_: Any) -> None:
        """Not accepted as it is; the vendor is told why."""
        self.return_code, self.return_reason = code, reason

    @transition(
        status,
        source=[
            Status.CAPTURED,
            Status.IN_EXCEPTION,
            Status.MATCHED,
            Status.DISPUTED,
        ],
        target=Status.REJECTED,
        permission=PAYABLES,
    )
    def reject(self, **_: Any) -> None:
        """Not ours to pay."""

    @transition(status, source=[Status.IN_EXCEPTION], target=Status.DISPUTED, permission=PAYABLES)
    def dispute(self, **_: Any) -> None:
        """Argued with the vendor."""

    @transition(status, source=Status.CLEARED, target=Status.VOID, permission=role(Role.AP_MANAGER))
    def void(self, **_: Any) -> None:
        """Cleared by mistake: its ledger entries are mirrored."""


class InvoiceLine(models.Model):
    """One billed line, linked to the order line it bills when that is known."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    line_number = models.PositiveIntegerField()
    reference = models.CharField(max_length=64, blank=True, help_text="The vendor's line id.")
    order_line = models.ForeignKey(
        PurchaseOrderLine, null=True, on_delete=models.PROTECT, related_name="invoice_lines"
    )
    order_line_reference = models.CharField(max_length=64, blank=True)
    description = models.CharField(max_length=500, blank=True)
    quantity = QuantityField()
    unit = models.CharField(max_length=8, blank=True)
    unit_price = PriceField()
    price_base_quantity = QuantityField(default=1)
    net = AmountField()
    tax_code = models.CharField(max_length=16, blank=True)
    tax_category = models.CharField(max_length=2, blank=True)
    tax_percent = PercentField(null=True)
    returned_quantity = QuantityField(
        null=True, help_text="On a cleared credit note: goods taken back; 0 for price only."
    )

    class Meta:
        ordering: ClassVar = ["line_number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["invoice", "line_number"], name="invoice_line_number_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line_number} {self.description}"


class InvoiceCharge(models.Model):
    """An allowance (negative) or charge on the whole document."""

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="charges")
    reason = models.CharField(max_length=200, blank=True)
    amount = AmountField(help_text="Positive: a charge; negative: an allowance.")
    tax_category = models.CharField(max_length=2, blank=True)
    tax_percent = PercentField(null=True)

    def __str__(self) -> str:
        return f"{self.reason} {self.amount}"


class InvoiceTax(models.Model):
    """One row of the tax breakdown as written on the invoice."""

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="taxes")
    category = models.CharField(max_length=2, blank=True)
    percent = PercentField(null=True)
    taxable = AmountField()
    tax = AmountField()

    def __str__(self) -> str:
        return f"{self.category} {self.percent}"
