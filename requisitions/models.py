"""Requisitions: internal requests to buy, with coded lines."""

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import transition

from accounts.models import EntityOwned, Role
from accounts.permissions import either, named, person, portal, role
from approvals.models import ApprovalStep, Ratification
from budgets.models import CostCenter, GLAccount, Project
from core import told
from core.documents import Document
from core.fields import AmountField, PercentField, PriceField, QuantityField, RateField
from core.history import HistoricalRecords
from core.ids import new_id
from core.states import StateField
from vendors.models import CatalogItem, ServiceType, Vendor

_REQUESTER = person("requester")
_SEES_ALL = (
    Role.BUYER,
    Role.AP_CLERK,
    Role.AP_MANAGER,
    Role.CONTROLLER,
    Role.AUDITOR,
    Role.ADMINISTRATOR,
)


class RequisitionQuerySet(models.QuerySet["Requisition"]):
    def visible_to(self, user: Any) -> "RequisitionQuerySet":
        """One's own, what one was asked to approve or to look at afterwards, what one's budget
        pays; some roles see all.

        Others' drafts are nobody's business.
        """
        own = self.filter(entity_id=user.entity_id)
        if user.has_role(*_SEES_ALL):
            return own.filter(Q(requester=user) | ~Q(status=Requisition.Status.DRAFT))
        return own.filter(
            Q(requester=user)
            | Q(pk__in=_asked_to_approve(user))
            | Q(pk__in=_looked_at_afterwards(user))
            | Q(pk__in=_paid_by_budgets_of(user)) & ~Q(status=Requisition.Status.DRAFT)
        )


@named("approvers, never its requester")
def _not_the_requester(requisition: Any, user: Any) -> bool:
    """Whoever decides a round, or the portal by policy; never the person who asked."""
    return user is None or (
        user.is_active
        and user.entity_id == requisition.entity_id
        and user.pk != requisition.requester_id
    )


def _asked_to_approve(user: Any) -> Any:
    """What waits or waited for this person, or for who lets them decide at present."""
    return ApprovalStep.objects.visible_to(user).values("request__subject_id")


def _looked_at_afterwards(user: Any) -> Any:
    """Emergencies that fall to this person, and those that they ratified or objected to."""
    fell = Ratification.objects.filter(Q(assignee=user) | Q(settled_by=user))
    return fell.values("request__subject_id")


def _paid_by_budgets_of(user: Any) -> Any:
    return RequisitionDistribution.objects.filter(cost_center__owner=user).values(
        "line__requisition"
    )


@told.changes("status", "total", "currency", "rate", "vendor")
class Requisition(EntityOwned, Document):
    """A request to buy. Its number is taken when it is first submitted."""

    document_type = "requisition"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SUBMITTED = "submitted", "In approval"
        APPROVED = "approved", "Approved"
        PARTIALLY_ORDERED = "partially_ordered", "Partially ordered"
        ORDERED = "ordered", "Ordered"
        CLOSED = "closed", "Closed"
        RETURNED = "returned", "Returned"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"
        CANCELLED = "cancelled", "Cancelled"

    number = models.CharField(max_length=32, null=True, editable=False)
    title = models.CharField(max_length=200)
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="requisitions"
    )
    vendor = models.ForeignKey(Vendor, null=True, blank=True, on_delete=models.PROTECT)
    currency = models.CharField(max_length=3)
    rate = RateField(default=1, help_text="Base currency for one unit, at the submission day.")
    service_type = models.CharField(max_length=32, choices=ServiceType, default=ServiceType.OTHER)
    need_by = models.DateField(null=True, blank=True)
    ship_to = models.TextField(blank=True)
    justification = models.TextField(blank=True)
    external_reference = models.CharField(max_length=64, blank=True)
    budget_reason = models.TextField(
        blank=True, help_text="Why it should be bought although a budget warns."
    )
    emergency = models.BooleanField(default=False)
    emergency_reason = models.TextField(blank=True)
    personal_data = models.BooleanField(default=False)
    data_residency = models.CharField(max_length=2, blank=True, help_text="ISO 3166 country.")
    regulated = models.BooleanField(default=False)
    third_party_access = models.BooleanField(default=False)
    references = models.JSONField(
        default=dict,
        help_text="By kind: business_case, dpia, change_ticket, incident, project, "
        "risk_register, sow.",
    )
    total = AmountField(default=0, editable=False, help_text="Net, document currency.")
    status = StateField(choices=Status, default=Status.DRAFT, protected=True)
    submitted_at = models.DateTimeField(null=True, editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)
    history = HistoricalRecords()

    objects = RequisitionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "number"], name="requisition_number_once"),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "cancelled"]) | Q(submitted_at__isnull=False),
                name="requisition_stamp_agrees",
            ),
        ]
        indexes: ClassVar = [
            # list page by keyset, and filtered by state
            models.Index(fields=["entity", "-id"], name="requisitions_newest"),
            models.Index(fields=["entity", "status", "-id"], name="requisitions_by_state"),
            # what one person asked for lately, and what was asked for lately at all
            models.Index(fields=["requester", "submitted_at"], name="requisitions_by_requester"),
            models.Index(fields=["entity", "submitted_at"], name="requisitions_lately"),
        ]

    def __str__(self) -> str:
        return self.title

    @transition(
        status,
        source=[Status.DRAFT, Status.RETURNED],
        target=Status.SUBMITTED,
        permission=_REQUESTER,
    )
    def submit(self, *, at: Any, **_: Any) -> None:
        """Ask for approval."""
        self.submitted_at = at

    @transition(
        status,
        source=Status.SUBMITTED,
        target=Status.APPROVED,
        permission=_not_the_requester,
    )
    def approve(self, *, at: Any, **_: Any) -> None:
        """Called when its approval round ends well; who may decide is the round's business."""
        self.approved_at = at

    @transition(
        status,
        source=Status.SUBMITTED,
        target=Status.REJECTED,
        permission=_not_the_requester,
    )
    def reject(self, **_: Any) -> None:
        """Called when its round ends with a no."""

    @transition(
        status,
        source=Status.SUBMITTED,
        target=Status.RETURNED,
        permission=_not_the_requester,
    )
    def send_back(self, **_: Any) -> None:
        """Called when an approver wants changes."""

    @transition(
        status,
        source=[Status.DRAFT, Status.RETURNED, Status.WITHDRAWN],
        target=Status.DRAFT,
        permission=_REQUESTER,
    )
    def edit(self, **_: Any) -> None:
        """Change it; what was returned or withdrawn is taken up again."""

    @transition(status, source=Status.SUBMITTED, target=Status.WITHDRAWN, permission=_REQUESTER)
    def withdraw(self, **_: Any) -> None:
        """Take it back before it is decided."""

    @transition(
        status,
        source=[Status.DRAFT, Status.RETURNED, Status.APPROVED],
        target=Status.CANCELLED,
        permission=either(_REQUESTER, role(Role.BUYER)),
    )
    def cancel(self, **_: Any) -> None:
        """Not needed any more; what was reserved goes back."""

    @transition(
        status,
        source=[Status.APPROVED, Status.PARTIALLY_ORDERED],
        target=Status.PARTIALLY_ORDERED,
        permission=either(role(Role.BUYER), _REQUESTER, portal),
    )
    def order_part(self, **_: Any) -> None:
        """Some of its lines are on an order now."""

    @transition(
        status,
        source=[Status.APPROVED, Status.PARTIALLY_ORDERED],
        target=Status.ORDERED,
        permission=either(role(Role.BUYER), _REQUESTER, portal),
    )
    def order_all(self, **_: Any) -> None:
        """All of it is on orders now."""

    @transition(
        status,
        source=[Status.PARTIALLY_ORDERED, Status.ORDERED],
        target=Status.APPROVED,
        permission=either(role(Role.BUYER), portal),
    )
    def free_all(self, **_: Any) -> None:
        """Its orders were cancelled: all of it can be ordered again."""

    @transition(
        status,
        source=[Status.PARTIALLY_ORDERED, Status.ORDERED],
        target=Status.PARTIALLY_ORDERED,
        permission=either(role(Role.BUYER), portal),
    )
    def free_part(self, **_: Any) -> None:
        """An order was cancelled: what it took can be ordered again."""

    @transition(
        status,
        source=[Status.APPROVED, Status.PARTIALLY_ORDERED, Status.ORDERED],
        target=Status.CLOSED,
        permission=either(role(Role.BUYER), portal),
    )
    def close(self, **_: Any) -> None:
        """Nothing more will be ordered from it; the rest of its reservation goes back."""


class DocumentLine(models.Model):
    """What requisition and order lines share. Net = round(quantity × unit price)."""

    class Kind(models.TextChoices):
        GOODS = "goods", "Goods"
        SERVICE = "service", "Service"
        MILESTONE = "milestone", "Milestone"
        SUBSCRIPTION = "subscription", "Subscription"

    class Basis(models.TextChoices):
        QUANTITY = "quantity", "By quantity"
        AMOUNT = "amount", "By amount"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    line_number = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.GOODS)
    catalog_item = models.ForeignKey(CatalogItem, null=True, blank=True, on_delete=models.PROTECT)
    sku = models.CharField(max_length=64, blank=True)
    description = models.CharField(max_length=500)
    quantity = QuantityField()
    unit = models.CharField(max_length=8, default="C62", help_text="UN/ECE Rec 20; C62 is a piece.")
    unit_price = PriceField()
    tax_code = models.CharField(max_length=16, blank=True)
    net = AmountField(editable=False)
    need_by = models.DateField(null=True, blank=True)
    period_from = models.DateField(
        null=True, blank=True, help_text="First day of the service that the line pays for …"
    )
    period_to = models.DateField(null=True, blank=True, help_text="… and its last day.")
    basis = models.CharField(max_length=8, choices=Basis, default=Basis.QUANTITY)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.line_number} {self.description}"

    @property
    def period(self) -> tuple[date, date] | None:
        """The first and the last day of the service that it pays for; later years pay theirs."""
        if self.period_from is None or self.period_to is None:
            return None
        return self.period_from, self.period_to


class Distribution(models.Model):
    """The part of a line that one cost centre, GL account and project pay for."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    position = models.PositiveSmallIntegerField(default=1)
    cost_center = models.ForeignKey(CostCenter, on_delete=models.PROTECT, related_name="+")
    gl_account = models.ForeignKey(GLAccount, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    percent = PercentField(default=Decimal(100))
    amount = AmountField(editable=False, help_text="Its share of the line's net; parts add up.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.percent} %"


class RequisitionLine(DocumentLine):
    requisition = models.ForeignKey(Requisition, on_delete=models.CASCADE, related_name="lines")
    vendor = models.ForeignKey(
        Vendor, null=True, blank=True, on_delete=models.PROTECT, help_text="If not the header's."
    )
    ordered_quantity = QuantityField(default=0, editable=False)
    ordered_amount = AmountField(default=0, editable=False)

    class Meta:
        ordering: ClassVar = ["line_number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["requisition", "line_number"], name="requisition_line_number_once"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0) & Q(unit_price__gte=0) & Q(net__gte=0),
                name="requisition_line_positive",
            ),
            models.CheckConstraint(
                condition=Q(ordered_quantity__gte=0) & Q(ordered_quantity__lte=F("quantity")),
                name="requisition_line_not_ordered_twice",
            ),
        ]


class RequisitionDistribution(Distribution):
    line = models.ForeignKey(
        RequisitionLine, on_delete=models.CASCADE, related_name="distributions"
    )

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["line", "position"], name="requisition_distribution_once"
            ),
        ]
