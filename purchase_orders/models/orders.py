"""Purchase orders with their lines and distributions."""

from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import transition

from accounts.models import EntityOwned, Role
from accounts.permissions import either, named, portal, role
from approvals.models import ApprovalStep
from core import told
from core.documents import Document
from core.fields import AmountField, PercentField, QuantityField, RateField
from core.history import HistoricalRecords
from core.states import StateField
from requisitions.models import Distribution, DocumentLine, RequisitionLine
from vendors.models import Contract, MatchType, Vendor

_BUYS = role(Role.BUYER)
_SEES_ALL = (
    Role.BUYER,
    Role.RECEIVER,
    Role.AP_CLERK,
    Role.AP_MANAGER,
    Role.CONTROLLER,
    Role.AUDITOR,
    Role.VENDOR_MANAGER,
    Role.ADMINISTRATOR,
)


@named("approvers, never its buyer")
def not_its_buyer(document: Any, user: Any) -> bool:
    """Whoever decides its round, or the portal by policy; never who drafted it."""
    return user is None or (
        user.is_active and user.entity_id == document.entity_id and user.pk != document.buyer_id
    )


class PurchaseOrderQuerySet(models.QuerySet["PurchaseOrder"]):
    def visible_to(self, user: Any) -> "PurchaseOrderQuerySet":
        """Buying and paying roles see all of their entity; others what came of their requests, what
        their budgets pay and what they are asked to approve."""
        own = self.filter(entity_id=user.entity_id)
        if user.has_role(*_SEES_ALL):
            return own
        mine = PurchaseOrderLine.objects.filter(
            Q(requisition_line__requisition__requester=user)
            | Q(distributions__cost_center__owner=user)
        )
        asked = ApprovalStep.objects.visible_to(user).values("request__subject_id")
        return own.filter(Q(pk__in=mine.values("order")) | Q(pk__in=asked))


@told.changes("status", "net", "tax", "total", "currency", "rate", "vendor")
class PurchaseOrder(EntityOwned, Document):
    """A numbered order to one vendor; issuing it commits the budget and freezes its document."""

    document_type = "order"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        IN_APPROVAL = "in_approval", "In approval"
        APPROVED = "approved", "Approved"
        ISSUED = "issued", "Issued"
        ON_HOLD = "on_hold", "On hold"
        CLOSED = "closed", "Closed"
        REJECTED = "rejected", "Rejected"
        CANCELLED = "cancelled", "Cancelled"

    class Kind(models.TextChoices):
        STANDARD = "standard", "Standard"
        BLANKET = "blanket", "Blanket"
        RELEASE = "release", "Release"
        EMERGENCY = "emergency", "Emergency"

    number = models.CharField(max_length=32, null=True, editable=False)
    legacy_number = models.CharField(max_length=64, blank=True, help_text="Number it came with.")
    revision = models.PositiveSmallIntegerField(default=1, editable=False)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.STANDARD)
    title = models.CharField(max_length=200, blank=True)
    vendor = models.ForeignKey(Vendor, on_delete=models.PROTECT, related_name="orders")
    contract = models.ForeignKey(
        Contract, null=True, blank=True, on_delete=models.PROTECT, related_name="orders"
    )
    agreement = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="releases",
        help_text="The blanket order that a release draws on.",
    )
    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    currency = models.CharField(max_length=3)
    rate = RateField(default=1, help_text="Base currency for one unit, frozen when issued.")
    delivery_terms = models.CharField(max_length=120, blank=True)
    payment_terms_days = models.PositiveSmallIntegerField(default=30)
    ship_to = models.TextField(blank=True)
    bill_to = models.TextField(blank=True)
    note = models.TextField(blank=True, help_text="Printed on the order.")
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)
    net = AmountField(default=0, editable=False)
    tax = AmountField(default=0, editable=False)
    total = AmountField(default=0, editable=False, help_text="Net and tax.")
    budget_reason = models.TextField(
        blank=True, help_text="Why it should be bought although a budget warns."
    )
    status = StateField(choices=Status, default=Status.DRAFT, protected=True)
    submitted_at = models.DateTimeField(null=True, editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)
    issued_at = models.DateTimeField(null=True, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    close_reason = models.TextField(blank=True)
    history = HistoricalRecords()

    objects = PurchaseOrderQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "number"], name="order_number_once"),
            models.UniqueConstraint(
                fields=["entity", "vendor", "legacy_number"],
                condition=~Q(legacy_number=""),
                name="order_taken_over_once",
            ),
            models.CheckConstraint(
                condition=Q(kind="release") | Q(agreement__isnull=True),
                name="only_releases_draw",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["issued", "on_hold", "closed"])
                | Q(issued_at__isnull=False, number__isnull=False),
                name="issued_order_has_number",
            ),
            models.CheckConstraint(
                condition=Q(total=F("net") + F("tax")), name="order_total_adds_up"
            ),
        ]
        indexes: ClassVar = [
            # list page by keyset, and filtered by state
            models.Index(fields=["entity", "-id"], name="orders_newest"),
            models.Index(fields=["entity", "status", "-id"], name="orders_by_state"),
            # orders of a vendor
            models.Index(fields=["vendor", "-id"], name="orders_of_vendor"),
            # what a buyer decided alone lately
            models.Index(
                fields=["buyer", "issued_at"],
                condition=Q(approved_at=None),
                name="orders_decided_alone",
            ),
            # order found by the number it came with
            models.Index(fields=["entity", "legacy_number"], name="orders_by_old_number"),
        ]

    def __str__(self) -> str:
        return self.number or self.title or "Draft order"

    @property
    def is_blanket(self) -> bool:
        """Whether it orders nothing itself: its releases do."""
        return self.kind == self.Kind.BLANKET

    @transition(status, source=Status.DRAFT, target=Status.IN_APPROVAL, permission=_BUYS)
    def submit(self, *, at: Any, **_: Any) -> None:
        """Ask for the order itself to be approved, where no approved request covers it."""
        self.submitted_at = at

    @transition(status, source=Status.IN_APPROVAL, target=Status.APPROVED, permission=not_its_buyer)
    def approve(self, *, at: Any, **_: Any) -> None:
        """Called when its round ends well, or where the policy asks nobody."""
        self.approved_at = at

    @transition(status, source=Status.IN_APPROVAL, target=Status.REJECTED, permission=not_its_buyer)
    def reject(self, **_: Any) -> None:
        """Called when its round ends with a no."""

    @transition(status, source=Status.IN_APPROVAL, target=Status.DRAFT, permission=not_its_buyer)
    def send_back(self, **_: Any) -> None:
        """Called when an approver wants it otherwise."""

    @transition(status, source=Status.IN_APPROVAL, target=Status.DRAFT, permission=_BUYS)
    def withdraw(self, **_: Any) -> None:
        """Take it back from approval."""

    @transition(
        status, source=[Status.APPROVED, Status.REJECTED], target=Status.DRAFT, permission=_BUYS
    )
    def rework(self, **_: Any) -> None:
        """Say it otherwise; what was decided of it counts no more."""
        self.approved_at, self.budget_reason = None, ""

    @transition(
        status,
        source=[Status.DRAFT, Status.APPROVED],
        target=Status.ISSUED,
        permission=either(_BUYS, portal),
    )
    def issue(self, *, at: Any, **_: Any) -> None:
        """Send it out as a binding order."""
        self.issued_at = at

    @transition(status, source=Status.ISSUED, target=Status.ON_HOLD, permission=_BUYS)
    def hold(self, **_: Any) -> None:
        """Stop receiving and paying for now."""

    @transition(status, source=Status.ON_HOLD, target=Status.ISSUED, permission=_BUYS)
    def resume(self, **_: Any) -> None:
        """Go on after a hold."""

    @transition(
        status,
        source=[
            Status.DRAFT,
            Status.APPROVED,
            Status.REJECTED,
            Status.ISSUED,
            Status.ON_HOLD,
        ],
        target=Status.CANCELLED,
        permission=_BUYS,
    )
    def cancel(self, *, at: Any, reason: str = "", **_: Any) -> None:
        """Take it back whole. Refused by the service once anything was received or billed."""
        self.closed_at, self.close_reason = at, reason

    @transition(
        status,
        source=[Status.ISSUED, Status.ON_HOLD],
        target=Status.CLOSED,
        permission=either(_BUYS, portal),
    )
    def close(self, *, at: Any, reason: str = "", **_: Any) -> None:
        """Nothing more is expected; what is committed and unused goes back."""
        self.closed_at, self.close_reason = at, reason

    @transition(
        status, source=Status.CLOSED, target=Status.ISSUED, permission=either(_BUYS, portal)
    )
    def reopen(self, **_: Any) -> None:
        """Expect more after all, with a new funds check."""
        self.closed_at, self.close_reason = None, ""


@told.changes("quantity", "unit_price", "net", "is_cancelled", by=["order"])
class PurchaseOrderLine(DocumentLine):
    """A line of an order with its running facts.

    `received`, `billed_*` change with posted receipts and cleared invoices, under the line's lock.
    """

    order = models.ForeignKey(PurchaseOrder, on_delete=models.CASCADE, related_name="lines")
    requisition_line = models.ForeignKey(
        RequisitionLine, null=True, on_delete=models.PROTECT, related_name="order_lines"
    )
    agreement_line = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="release_lines",
        help_text="The line of the blanket order that a release takes from.",
    )
    match_type = models.CharField(max_length=8, choices=MatchType, default=MatchType.THREE_WAY)
    tax_percent = PercentField(default=0)
    tax_category = models.CharField(max_length=2, default="S")
    recoverable_percent = PercentField(default=100)
    over_receipt_percent = PercentField(default=0, help_text="Tolerance, frozen when issued.")
    received = QuantityField(default=0, editable=False)
    rejected = QuantityField(default=0, editable=False)
    billed_quantity = QuantityField(default=0, editable=False, help_text="Cleared, minus credits.")
    billed_amount = AmountField(default=0, editable=False, help_text="Cleared net, minus credits.")
    is_final = models.BooleanField(default=False, help_text="No more invoices expected.")
    is_cancelled = models.BooleanField(
        default=False, help_text="Taken off by a change order: nothing of it is ordered any more."
    )

    class Meta:
        ordering: ClassVar = ["line_number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "line_number"], name="order_line_number_once"),
            models.CheckConstraint(
                condition=(Q(quantity__gt=0) | Q(quantity=0, net=0, is_cancelled=True))
                & Q(unit_price__gte=0)
                & Q(net__gte=0),
                name="order_line_positive",
            ),
            models.CheckConstraint(condition=Q(received__gte=0), name="received_not_negative"),
        ]
        indexes: ClassVar = [
            # received, not invoiced: the few lines that wait for their invoice
            models.Index(
                fields=["order"],
                condition=Q(received__gt=F("billed_quantity")) | Q(basis="amount", received__gt=0),
                name="lines_to_accrue",
            ),
        ]

    @property
    def open_quantity(self) -> Decimal:
        return max(self.quantity - self.received, Decimal(0))


class OrderDistribution(Distribution):
    line = models.ForeignKey(
        PurchaseOrderLine, on_delete=models.CASCADE, related_name="distributions"
    )
    requisition_distribution_id = models.UUIDField(null=True)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["line", "position"], name="order_distribution_once"),
        ]
