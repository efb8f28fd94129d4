"""People and the legal entities they work for: roles, limits, calendars, tax codes, tokens."""

from datetime import date, datetime, time
from functools import cached_property
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from knox.models import AbstractAuthToken, AuthTokenManager

from core import told
from core.fields import AmountField, PercentField
from core.history import HistoricalRecords
from core.ids import new_id


class Role(models.TextChoices):
    REQUESTER = "requester", "Requester"
    APPROVER = "approver", "Approver"
    BUYER = "buyer", "Buyer"
    RECEIVER = "receiver", "Receiver"
    AP_CLERK = "ap_clerk", "AP clerk"
    AP_MANAGER = "ap_manager", "AP manager"
    BUDGET_OWNER = "budget_owner", "Budget owner"
    CONTROLLER = "controller", "Controller"
    AUDITOR = "auditor", "Auditor"
    VENDOR_MANAGER = "vendor_manager", "Vendor manager"
    ADMINISTRATOR = "administrator", "Administrator"
    SECURITY = "security", "Security"
    LEGAL = "legal", "Legal"
    FINANCE = "finance", "Finance"


class Control(models.TextChoices):
    """What happens when a request does not fit its budget."""

    STOP = "stop", "Stop"
    WARN = "warn", "Warn"
    TRACK = "track", "Track"


class Recorded(models.Model):
    """A record whose changes stand in the audit trail, like those of a document.

    `version` counts the changes that the trail tells of; signing in is none of them.
    """

    document_type: ClassVar[str]

    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        abstract = True

    @property
    def reference(self) -> str:
        return str(self)


@told.changes()
class Entity(Recorded):
    """A legal entity: the wall around documents, with its currency, calendar and fiscal year."""

    document_type = "entity"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=200)
    currency = models.CharField(max_length=3)
    country = models.CharField(max_length=2)
    subdivision = models.CharField(max_length=8, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    fiscal_year_starts_month = models.PositiveSmallIntegerField(default=1)
    day_starts = models.TimeField(default=time(9))
    day_ends = models.TimeField(default=time(17))
    address = models.TextField(blank=True)
    tax_id = models.CharField(max_length=32, blank=True)
    registration = models.CharField(max_length=64, blank=True)
    purchasing_email = models.EmailField(blank=True)
    purchase_terms = models.TextField(blank=True)
    email_decision_limit = AmountField(
        default=0, help_text="Base currency; deciding from a mail above it asks for sign-in."
    )
    unbudgeted_control = models.CharField(
        max_length=8, choices=Control, default=Control.STOP, help_text="Where no budget was set."
    )
    fallback_approver = models.ForeignKey(
        "User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    on_call_approver = models.ForeignKey(
        "User",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Decides emergencies.",
    )
    emergency_cap = AmountField(
        default=0, help_text="Base currency; most that an emergency may cost. 0: no such path."
    )
    splitting_window_days = models.PositiveSmallIntegerField(
        default=30, help_text="Requests of one person to one vendor family in it are one amount."
    )
    change_order_percent = PercentField(
        default=5, help_text="An order may cost so much more by one change without approval …"
    )
    change_order_amount = AmountField(
        default=0, help_text="… or so much, where that is more. Base currency."
    )
    change_order_cumulative_percent = PercentField(
        default=10, help_text="All changes together may add so much to what was first approved."
    )
    change_order_days = models.PositiveSmallIntegerField(
        default=14, help_text="Days may move by so many days without approval."
    )
    bank_cooling_hours = models.PositiveSmallIntegerField(
        default=72, help_text="A vendor's bank account counts so many hours after it is verified."
    )
    order_over_requisition_percent = PercentField(
        default=0, help_text="An order may cost so much more than its approved request."
    )
    finance_second_factor = models.BooleanField(
        default=False, help_text="Who works in finance must have a second factor."
    )
    people_kept_years = models.PositiveSmallIntegerField(
        default=10, help_text="Names and addresses of who left are forgotten after so many years."
    )
    legal_hold = models.BooleanField(
        default=False, help_text="Nothing is forgotten: a court or an authority may ask for it."
    )
    history = HistoricalRecords()

    class Meta:
        verbose_name_plural = "entities"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(people_kept_years__gte=7), name="people_kept_seven_years"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def stream(self) -> str:
        return str(self.pk)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def day_of(self, moment: datetime) -> date:
        """The calendar day it is for this entity at an aware moment."""
        return moment.astimezone(self.zone).date()

    def fiscal_year_of(self, day: date) -> int:
        """The fiscal year a day belongs to, named by the calendar year in which it starts."""
        return day.year if day.month >= self.fiscal_year_starts_month else day.year - 1


class EntityOwned(models.Model):
    """A record of exactly one entity; the entity's chain is its audit stream."""

    entity = models.ForeignKey(Entity, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True

    @property
    def stream(self) -> str:
        return str(self.entity_id)


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, user: "User") -> "UserQuerySet":
        """People of one's own entity."""
        return self.filter(entity_id=user.entity_id)


@told.changes(
    "email", "name", "job_title", "entity", "manager", "approval_limit", "delegated_order_limit",
    "variance_limit", "is_active", "is_staff", "is_superuser",
)  # fmt: skip
class User(Recorded, AbstractBaseUser, PermissionsMixin):
    """A person, signed in by email, working for one entity."""

    document_type = "person"
    trail_reference = ""  # a name in the trail could never be taken out again

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    job_title = models.CharField(max_length=120, blank=True)
    entity = models.ForeignKey(Entity, null=True, on_delete=models.PROTECT, related_name="people")
    manager = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="reports"
    )
    approval_limit = AmountField(
        null=True, blank=True, help_text="Base currency; empty: approves nothing by limit."
    )
    delegated_order_limit = AmountField(
        default=0, help_text="Base currency; catalog requests up to it need no approval."
    )
    variance_limit = AmountField(
        default=0, help_text="Base currency; invoice variances up to it may be accepted."
    )
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    history = HistoricalRecords(excluded_fields=["password", "last_login"])

    objects = UserManager.from_queryset(UserQuerySet)()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def stream(self) -> str:
        return str(self.entity_id)

    @cached_property
    def roles(self) -> frozenset[str]:
        """Roles in the person's own entity, read once per instance."""
        return frozenset(
            self.role_assignments.filter(entity_id=self.entity_id).values_list("role", flat=True)
        )

    def has_role(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.name.split()[:2]).upper()


@told.rows(by=["user", "entity"])
class RoleAssignment(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="role_assignments")
    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=16, choices=Role)
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "entity", "role"], name="role_once"),
        ]
        indexes: ClassVar = [
            # people of an entity by role (approver resolution)
            models.Index(fields=["entity", "role"], name="people_by_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.get_role_display()}"


class Duty(models.TextChoices):
    """What a person can do along one purchase."""

    REQUEST = "request", "Request"
    APPROVE = "approve", "Approve"
    ORDER = "order", "Order"
    RECEIVE = "receive", "Receive"
    ENTER_INVOICE = "enter_invoice", "Enter invoices"
    RESOLVE = "resolve", "Resolve exceptions"
    VENDOR_BANK = "vendor_bank", "Change a vendor's bank"
    RELEASE = "release", "Release payments"


@told.rows(by=["entity"])
class DutyPair(EntityOwned):
    """Two duties that one person must not hold on the same purchase (`first` < `second`).

    `at_grant`: nor may one person hold the roles of both.
    """

    first = models.CharField(max_length=16, choices=Duty)
    second = models.CharField(max_length=16, choices=Duty)
    at_grant = models.BooleanField(default=False)
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "first", "second"], name="duty_pair_once"),
            models.CheckConstraint(
                condition=models.Q(first__lt=models.F("second")), name="duty_pair_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_first_display()} and {self.get_second_display()}"


@told.rows(by=["person", "entity"])
class Mitigation(EntityOwned):
    """An approved exception for one person from one pair of duties, until a day."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="mitigations")
    first = models.CharField(max_length=16, choices=Duty)
    second = models.CharField(max_length=16, choices=Duty)
    reason = models.TextField()
    approved_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField()
    valid_until = models.DateField(help_text="The last day on which it holds.")
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(person=models.F("approved_by")), name="mitigated_by_another"
            ),
        ]
        indexes: ClassVar = [
            # whether a person is excepted from a pair
            models.Index(fields=["person", "first", "second"], name="mitigations_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.first} and {self.second}"


@told.rows(by=["entity"])
class TaxCode(models.Model):
    """A tax rate of an entity with its EN 16931 category (S, Z, E, AE, K, G, O)."""

    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="tax_codes")
    code = models.CharField(max_length=16)
    name = models.CharField(max_length=80)
    category = models.CharField(max_length=2, default="S")
    percent = PercentField(default=0)
    recoverable_percent = PercentField(default=100, help_text="The rest is spend.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "code"], name="tax_code_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Listed(models.Aggregate):
    """Words of several rows as one, with commas between them."""

    function = "STRING_AGG"
    template = "%(function)s(%(expressions)s, ',')"
    output_field = models.CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, function="GROUP_CONCAT", **more)


class ApiTokenManager(AuthTokenManager):
    def with_holders(self) -> models.QuerySet["ApiToken"]:
        """Tokens with their person and entity, and the person's roles there in `held`."""
        roles = RoleAssignment.objects.filter(
            user=models.OuterRef("user"), entity=models.OuterRef("user__entity")
        )
        held = roles.order_by().values("user").annotate(words=Listed("role")).values("words")
        return self.select_related("user__entity").annotate(held=models.Subquery(held))


class ApiToken(AbstractAuthToken):
    """A bearer token of a user, kept as a digest, limited to its scopes."""

    name = models.CharField(max_length=80, blank=True)
    scopes = models.JSONField(default=list)
    second_factor = models.BooleanField(default=False, help_text="Made with a second factor.")

    objects = ApiTokenManager()

    def holder(self) -> User:
        """Whose it is, with the roles that were read with it (`with_holders`)."""
        self.user.roles = frozenset(self.held.split(",") if self.held else ())
        return self.user
