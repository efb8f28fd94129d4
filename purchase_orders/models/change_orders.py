"""Change orders: what an issued order shall become, from a draft to a new revision."""

from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import transition

from accounts.models import EntityOwned, Role
from accounts.permissions import either, portal, role
from approvals.models import ApprovalStep
from core import told
from core.documents import Document
from core.fields import AmountField, PercentField, PriceField
from core.history import HistoricalRecords
from core.states import StateField
from purchase_orders.models.orders import PurchaseOrder, PurchaseOrderLine, not_its_buyer
from requisitions.models import Distribution, DocumentLine
from vendors.models import MatchType

_BUYS = role(Role.BUYER)


class ChangeOrderQuerySet(models.QuerySet["ChangeOrder"]):
    def visible_to(self, user: Any) -> "ChangeOrderQuerySet":
        """Whoever sees the order sees its changes, and so does who is asked to approve one."""
        own = self.filter(entity_id=user.entity_id)
        asked = ApprovalStep.objects.visible_to(user).values("request__subject_id")
        orders = PurchaseOrder.objects.visible_to(user)
        return own.filter(Q(order__in=orders) | Q(pk__in=asked))


@told.changes("status", "before", "after", "difference")
class ChangeOrder(EntityOwned, Document):
    """What shall become of an issued order: its terms as wanted, and the lines that change.

    `before` is what the order said when the change was drafted, `after` what it would say; both
    are what approvers compare and sign. `difference` is the signed net in the order's currency,
    of a blanket order that of its limit.
    """

    document_type = "change_order"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        IN_APPROVAL = "in_approval", "In approval"
        APPROVED = "approved", "Approved"
        ISSUED = "issued", "Issued"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    class Reason(models.TextChoices):
        NEED = "need", "We need more, less or other things"
        PRICE = "price", "The price changed"
        DELIVERY = "delivery", "Delivery changed"
        VENDOR = "vendor", "The vendor asked for it"
        INVOICE = "invoice", "An invoice differs from the order"
        CORRECTION = "correction", "The order was wrong"
        OTHER = "other", "Something else"

    OPEN = (Status.DRAFT, Status.IN_APPROVAL, Status.APPROVED)

    order = models.ForeignKey(PurchaseOrder, on_delete=models.PROTECT, related_name="change_orders")
    sequence = models.PositiveSmallIntegerField(help_text="First, second … change of its order.")
    base_revision = models.PositiveSmallIntegerField(help_text="The revision that it changes.")
    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="change_orders"
    )
    reason_code = models.CharField(max_length=16, choices=Reason)
    reason = models.TextField()
    budget_reason = models.TextField(
        blank=True, help_text="Why it should be done although a budget warns."
    )
    delivery_terms = models.CharField(max_length=120, blank=True)
    payment_terms_days = models.PositiveSmallIntegerField()
    ship_to = models.TextField(blank=True)
    note = models.TextField(blank=True, help_text="Printed on the order.")
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)
    limit = AmountField(null=True, help_text="The figures of a blanket order as they shall be.")
    minimum = AmountField(null=True)
    allowance_percent = PercentField(null=True)
    release_minimum = AmountField(null=True)
    release_maximum = AmountField(null=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    difference = AmountField(
        default=0,
        editable=False,
        help_text="Net, in its currency; of its limit, if any.",
    )
    needs = models.JSONField(
        default=list, help_text="Why it was put up for approval; empty: policy let it pass."
    )
    status = StateField(choices=Status, default=Status.DRAFT, protected=True)
    submitted_at = models.DateTimeField(null=True, editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)
    issued_at = models.DateTimeField(null=True, editable=False)
    issued_on = models.DateField(null=True, editable=False, help_text="The entity's day.")
    closed_at = models.DateTimeField(null=True, editable=False)
    history = HistoricalRecords()

    objects = ChangeOrderQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "sequence"], name="change_order_once"),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(status__in=["draft", "in_approval", "approved"]),
                name="one_open_change_of_an_order",
            ),
            models.CheckConstraint(
                condition=~Q(status="issued") | Q(issued_at__isnull=False, issued_on__isnull=False),
                name="issued_change_has_day",
            ),
        ]
        indexes: ClassVar = [
            # list page by keyset, and filtered by state
            models.Index(fields=["entity", "-id"], name="change_orders_newest"),
            models.Index(fields=["entity", "status", "-id"], name="change_orders_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.order}, change {self.sequence}"

    @property
    def number(self) -> str:
        """The order's own number with the turn of the change; it takes none of its own."""
        return str(self)

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN

    @property
    def net_after(self) -> Decimal:
        """What the lines would come to, net."""
        return Decimal(self.after["net"])

    @transition(status, source=Status.DRAFT, target=Status.DRAFT, permission=_BUYS)
    def edit(self, **_: Any) -> None:
        """Say otherwise what shall change."""

    @transition(status, source=Status.DRAFT, target=Status.IN_APPROVAL, permission=_BUYS)
    def submit(self, *, at: Any, **_: Any) -> None:
        """Put it up; a rise of the total is held from now on."""
        self.submitted_at = at

    @transition(status, source=Status.IN_APPROVAL, target=Status.APPROVED, permission=not_its_buyer)
    def approve(self, *, at: Any, **_: Any) -> None:
        """Called when its round ends well, or where the policy asks nobody."""
        self.approved_at = at

    @transition(status, source=Status.IN_APPROVAL, target=Status.REJECTED, permission=not_its_buyer)
    def reject(self, *, at: Any, **_: Any) -> None:
        """Called when its round ends with a no: the order stays as it is."""
        self.closed_at = at

    @transition(status, source=Status.IN_APPROVAL, target=Status.DRAFT, permission=not_its_buyer)
    def send_back(self, **_: Any) -> None:
        """Called when an approver wants it otherwise."""

    @transition(
        status,
        source=[Status.DRAFT, Status.IN_APPROVAL, Status.APPROVED],
        target=Status.WITHDRAWN,
        permission=either(_BUYS, portal),
    )
    def withdraw(self, *, at: Any, **_: Any) -> None:
        """Not wanted any more; what was held goes back."""
        self.closed_at = at

    @transition(status, source=Status.APPROVED, target=Status.ISSUED, permission=_BUYS)
    def issue(self, *, at: Any, **_: Any) -> None:
        """Make it binding: the order has a new revision, which goes to the vendor."""
        self.issued_at = self.closed_at = at
        self.issued_on = self.entity.day_of(at)


class ChangeOrderLine(DocumentLine):
    """A line as it shall be: one of the order's, or a new one where `order_line` is empty.

    A cancelled line has quantity 0. `was_unit_price` is what the line cost before it was issued.
    """

    change_order = models.ForeignKey(ChangeOrder, on_delete=models.CASCADE, related_name="lines")
    order_line = models.ForeignKey(
        PurchaseOrderLine, null=True, on_delete=models.PROTECT, related_name="changes"
    )
    is_cancelled = models.BooleanField(default=False)
    match_type = models.CharField(max_length=8, choices=MatchType, default=MatchType.THREE_WAY)
    over_receipt_percent = PercentField(default=0)
    was_unit_price = PriceField(null=True, editable=False)

    class Meta:
        ordering: ClassVar = ["line_number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["change_order", "line_number"], name="change_order_line_number_once"
            ),
            models.CheckConstraint(
                condition=(Q(quantity__gt=0) | Q(quantity=0, net=0, is_cancelled=True))
                & Q(unit_price__gte=0)
                & Q(net__gte=0),
                name="change_order_line_positive",
            ),
        ]


class ChangeOrderDistribution(Distribution):
    """Who pays for a line as it shall be. A rise is held under this row's id while it waits."""

    line = models.ForeignKey(
        ChangeOrderLine, on_delete=models.CASCADE, related_name="distributions"
    )

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["line", "position"], name="change_order_distribution_once"
            ),
        ]
