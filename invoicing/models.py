"""Vendor invoices, what matching found, and the exceptions people resolve."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import ExtractYear
from django_fsm import FSMField, transition
from simple_history.models import HistoricalRecords

from accounts.models import EntityOwned, Role
from accounts.permissions import either, portal, role
from core.documents import Document
from core.fields import AmountField, PercentField, PriceField, QuantityField, RateField
from core.ids import new_id
from core.models import StoredFile
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from vendors.models import Vendor

_AP = role(Role.AP_CLERK, Role.AP_MANAGER)
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
    rate = RateField(default=1, help_text="Base currency for one unit, on the issue date.")
    net = AmountField(default=0)
    tax = AmountField(default=0)
    gross = AmountField(default=0)
    payable = AmountField(default=0, help_text="Gross less prepaid, plus rounding.")
    status = FSMField(choices=Status, default=Status.CAPTURED, protected=True)
    source = models.CharField(max_length=8, choices=Source, default=Source.FORM)
    original = models.ForeignKey(
        StoredFile, null=True, on_delete=models.PROTECT, help_text="The file as it came."
    )
    flags = models.JSONField(default=list, help_text="Broken rules that did not refuse it.")
    captured_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
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
        permission=either(_AP, portal),
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
        permission=either(_AP, portal),
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
        permission=_AP,
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
        permission=_AP,
    )
    def reject(self, **_: Any) -> None:
        """Not ours to pay."""

    @transition(status, source=[Status.IN_EXCEPTION], target=Status.DISPUTED, permission=_AP)
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


class Tolerance(models.Model):
    """How far a check may be off, for a scope. Empty limits do not limit; 0 is exact."""

    class Combine(models.TextChoices):
        AND = "AND", "both limits hold"
        OR = "OR", "one limit holds"

    class Action(models.TextChoices):
        PASS = "pass", "Pass"
        EXCEPTION = "exception", "Exception"
        BLOCK = "block", "Block"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    entity = models.ForeignKey("accounts.Entity", on_delete=models.PROTECT, related_name="+")
    vendor = models.ForeignKey(Vendor, null=True, blank=True, on_delete=models.PROTECT)
    category = models.CharField(max_length=64, blank=True, help_text="Service type; empty: any.")
    check_name = models.CharField(max_length=32)
    direction = models.CharField(
        max_length=5, choices=[("over", "Over"), ("under", "Under")], default="over"
    )
    percent = PercentField(null=True, blank=True)
    absolute = AmountField(null=True, blank=True, help_text="Document currency.")
    combine = models.CharField(max_length=3, choices=Combine, default=Combine.AND)
    action = models.CharField(max_length=9, choices=Action, default=Action.EXCEPTION)
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["entity", "vendor", "category", "check_name", "direction"],
                nulls_distinct=False,
                name="tolerance_once_per_scope",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.check_name} {self.direction}"


class MatchRun(models.Model):
    """One judgement of one invoice: what it rested on, every check, and the outcome.

    Kept as it was: a later policy or receipt makes a new run and never rewrites this one.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="match_runs")
    key = models.CharField(max_length=200, unique=True, help_text="One run per trigger.")
    inputs_hash = models.CharField(max_length=64)
    inputs = models.JSONField(help_text="Everything the outcome depends on, to replay it.")
    results = models.JSONField(help_text="Every check: expected, actual, variance, limit, rule.")
    outcome = models.CharField(max_length=16)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.invoice} {self.outcome}"


class MatchExceptionQuerySet(models.QuerySet["MatchException"]):
    def visible_to(self, user: Any) -> "MatchExceptionQuerySet":
        return self.filter(invoice__in=Invoice.objects.visible_to(user))

    def unresolved(self) -> "MatchExceptionQuerySet":
        return self.exclude(
            status__in=[MatchException.Status.RESOLVED, MatchException.Status.WAIVED]
        )


class MatchException(EntityOwned, Document):
    """One check of one invoice that needs a person."""

    document_type = "match_exception"

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        ASSIGNED = "assigned", "Assigned"
        RESOLVED = "resolved", "Resolved"
        WAIVED = "waived", "Waived"

    class Resolution(models.TextChoices):
        ACCEPTED = "accept", "Variance accepted"
        RETURNED = "return", "Invoice returned to vendor"
        WAITED = "wait_for_receipt", "Waits for the receipt"
        REMATCHED = "rematched", "Settled by a new match"

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="exceptions")
    run = models.ForeignKey(MatchRun, on_delete=models.PROTECT, related_name="exceptions")
    check_name = models.CharField(max_length=32)
    outcome = models.CharField(max_length=16, help_text="exception, or block: cannot be accepted.")
    expected = models.CharField(max_length=100, blank=True)
    actual = models.CharField(max_length=100, blank=True)
    variance = models.CharField(max_length=100, blank=True)
    limit = models.CharField(max_length=100, blank=True)
    rule = models.CharField(max_length=100, blank=True)
    sentence = models.TextField(help_text="The arithmetic in words.")
    line = models.ForeignKey(InvoiceLine, null=True, on_delete=models.PROTECT, related_name="+")
    route = models.CharField(max_length=16, help_text="receiver, buyer, ap, or ap_manager")
    value_at_stake = AmountField(default=0, help_text="Base currency: what accepting costs.")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    status = FSMField(choices=Status, default=Status.OPEN, protected=True)
    resolution = models.CharField(max_length=16, choices=Resolution, blank=True)
    reason_code = models.CharField(max_length=32, blank=True)
    comment = models.TextField(blank=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    history = HistoricalRecords()

    objects = MatchExceptionQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            # workbench queue: oldest unresolved first
            models.Index(
                fields=["entity", "id"],
                condition=Q(status__in=["open", "assigned"]),
                name="exceptions_queue",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} {self.check_name}"

    @transition(
        status, source=[Status.OPEN, Status.ASSIGNED], target=Status.ASSIGNED, permission=_AP
    )
    def assign(self, *, assignee: Any, **_: Any) -> None:
        """Give it to somebody."""
        self.assignee = assignee

    @transition(
        status,
        source=[Status.OPEN, Status.ASSIGNED],
        target=Status.RESOLVED,
        permission=either(_AP, portal),
    )
    def resolve(
        self,
        *,
        actor: Any,
        at: Any,
        resolution: str,
        reason_code: str = "",
        comment: str = "",
        **_: Any,
    ) -> None:
        """Settle it."""
        self.resolution, self.reason_code, self.comment = resolution, reason_code, comment
        self.resolved_by, self.resolved_at = actor, at
