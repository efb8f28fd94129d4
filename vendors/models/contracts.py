"""What was agreed with a vendor: for how long, at which prices, up to which sum."""

from datetime import date, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import transition

from accounts.models import EntityOwned, Role
from accounts.permissions import named, portal, role
from core import told
from core.documents import Document
from core.fields import AmountField, PriceField
from core.history import HistoricalRecords
from core.states import StateField
from vendors.models.vendors import Vendor

READERS = (
    Role.BUYER,
    Role.VENDOR_MANAGER,
    Role.LEGAL,
    Role.FINANCE,
    Role.AP_CLERK,
    Role.AP_MANAGER,
    Role.CONTROLLER,
    Role.AUDITOR,
    Role.ADMINISTRATOR,
)
DRAFTERS = (Role.VENDOR_MANAGER, Role.BUYER)
_SIGNERS = (Role.VENDOR_MANAGER, Role.BUYER, Role.LEGAL, Role.CONTROLLER)
_DRAFTS = role(*DRAFTERS)
_SIGNS = role(*_SIGNERS)


@named(
    f"{', '.join(Role(each).label for each in _SIGNERS)}; "
    "neither who drafted it nor who changed it last"
)
def _another(contract: Any, user: Any) -> bool:
    """Two people: the portal itself only signs what it drafted (set-up)."""
    if user is None:
        return contract.drafted_by_id is None
    return _SIGNS(contract, user) and user.pk not in (contract.drafted_by_id, contract.edited_by_id)


class ContractQuerySet(models.QuerySet["Contract"]):
    def visible_to(self, user: Any) -> "ContractQuerySet":
        """For those who buy, pay, sign and oversee; what was agreed is nobody else's business."""
        return self.filter(entity_id=user.entity_id) if user.has_role(*READERS) else self.none()

    def in_force(self, on: date) -> "ContractQuerySet":
        """Those that hold on a day, whether or not the nightly job has looked at them yet."""
        return self.filter(
            Q(valid_to__isnull=True) | Q(valid_to__gte=on),
            status__in=Contract.LIVE,
            valid_from__lte=on,
        )


@told.changes()
class Contract(EntityOwned, Document):
    """A master agreement with one vendor; while it holds, orders are priced by it."""

    document_type = "contract"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        EXPIRING = "expiring", "Expiring"
        EXPIRED = "expired", "Expired"
        TERMINATED = "terminated", "Terminated"

    LIVE: ClassVar = (Status.ACTIVE, Status.EXPIRING)

    number = models.CharField(max_length=64)
    vendor = models.ForeignKey(Vendor, on_delete=models.PROTECT, related_name="contracts")
    title = models.CharField(max_length=200)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, help_text="Last day; empty: until it is terminated.")
    notice_days = models.PositiveSmallIntegerField(
        default=0, help_text="So many days before its end somebody must decide what follows."
    )
    currency = models.CharField(max_length=3)
    spend_cap = AmountField(null=True, help_text="Orders under it may come to this, net.")
    sla_terms = models.JSONField(default=list, help_text="What was promised, a sentence each.")
    status = StateField(choices=Status, default=Status.DRAFT, protected=True)
    drafted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    activated_at = models.DateTimeField(null=True, editable=False)
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    ended_at = models.DateTimeField(null=True, editable=False)
    history = HistoricalRecords()

    objects = ContractQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "number"], name="contract_number_once"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="contract_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(spend_cap__isnull=True) | Q(spend_cap__gt=0),
                name="contract_cap_positive",
            ),
            models.CheckConstraint(
                condition=Q(status="draft", activated_at__isnull=True)
                | Q(status="terminated")
                | Q(status__in=["active", "expiring", "expired"], activated_at__isnull=False),
                name="contract_activation_stamped",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["expired", "terminated"], ended_at__isnull=False)
                | Q(status__in=["draft", "active", "expiring"], ended_at__isnull=True),
                name="contract_end_stamped",
            ),
            models.CheckConstraint(
                condition=Q(activated_by__isnull=True)
                | (
                    ~Q(activated_by=F("drafted_by"))
                    & (Q(edited_by__isnull=True) | ~Q(activated_by=F("edited_by")))
                ),
                name="contract_activated_by_another",
            ),
        ]
        indexes: ClassVar = [
            # list page by keyset
            models.Index(fields=["entity", "-id"], name="contracts_newest"),
            # what covers a line on a day
            models.Index(
                fields=["vendor", "valid_from"],
                condition=Q(status__in=["active", "expiring"]),
                name="contracts_in_force",
            ),
            # the nightly look at what ends
            models.Index(
                fields=["valid_to"],
                condition=Q(status__in=["active", "expiring"]),
                name="contracts_by_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def decide_by(self) -> date | None:
        """The last day to give notice, or to say what follows it; None: it does not end."""
        return self.valid_to and self.valid_to - timedelta(days=self.notice_days)

    @transition(status, source=Status.DRAFT, target=Status.ACTIVE, permission=_another)
    def activate(self, *, actor: Any, at: Any, **_: Any) -> None:
        """Somebody else than its author says that it was agreed like this."""
        self.activated_by, self.activated_at = actor, at

    @transition(status, source=Status.ACTIVE, target=Status.EXPIRING, permission=portal)
    def near_end(self, **_: Any) -> None:
        """The day to give notice has come."""

    @transition(
        status, source=[Status.ACTIVE, Status.EXPIRING], target=Status.EXPIRED, permission=portal
    )
    def expire(self, *, at: Any, **_: Any) -> None:
        """Its last day is over."""
        self.ended_at = at

    @transition(
        status,
        source=[Status.DRAFT, Status.ACTIVE, Status.EXPIRING],
        target=Status.TERMINATED,
        permission=_DRAFTS,
    )
    def terminate(self, *, at: Any, **_: Any) -> None:
        """It ends now; what is ordered goes on."""
        self.ended_at = at


@told.rows(by=["contract"])
class ContractPrice(models.Model):
    """The agreed price of one article number, in the contract's currency."""

    contract = models.ForeignKey(Contract, on_delete=models.CASCADE, related_name="prices")
    sku = models.CharField(max_length=64)
    unit = models.CharField(
        max_length=8, blank=True, help_text="UN/ECE Recommendation 20 code; empty: any."
    )
    unit_price = PriceField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["contract", "sku"], name="contract_price_once"),
            models.CheckConstraint(
                condition=Q(unit_price__gte=0), name="contract_price_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sku}: {self.unit_price}"
