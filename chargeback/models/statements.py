"""What a department is charged or shown for a month, and what it said to that."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import transition

from accounts.models import EntityOwned, Role
from accounts.permissions import named, role
from budgets.models import CostCenter
from chargeback.models.allocations import Allocation
from chargeback.models.rules import MAKERS, READERS
from core import told
from core.documents import Document
from core.fields import AmountField, PercentField, QuantityField
from core.history import HistoricalRecords
from core.states import StateField

_MAKES = role(*MAKERS)


@named("the owner of the cost centre")
def _department(line: Any, user: Any) -> bool:
    return user is not None and user.is_active and line.cost_center.owner_id == user.pk


@named(f"the service owner, {Role.CONTROLLER.label}; never who disputed it")
def _service(line: Any, user: Any) -> bool:
    """Who answers for the service, as the rule's revision names that person; never the disputer."""
    if user is None or not user.is_active or user.pk == line.disputed_by_id:
        return False
    return line.allocation.revision.service_owner_id == user.pk or _MAKES(line, user)


class StatementQuerySet(models.QuerySet["Statement"]):
    def visible_to(self, user: Any) -> "StatementQuerySet":
        """Controllers and auditors see all of their entity, owners of a cost centre their own,
        owners of a service those that it stands on."""
        own = self.filter(entity_id=user.entity_id)
        if user.has_role(*READERS):
            return own
        served = StatementLine.objects.filter(allocation__revision__service_owner=user)
        return own.filter(Q(cost_center__owner=user) | Q(pk__in=served.values("statement")))


class Statement(EntityOwned, Document):
    """The shared costs of one cost centre in one month."""

    document_type = "statement"

    cost_center = models.ForeignKey(CostCenter, on_delete=models.PROTECT, related_name="statements")
    month = models.DateField(help_text="The first day of the month.")

    objects = StatementQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cost_center", "month"], name="statement_once"),
        ]
        indexes: ClassVar = [
            # list page by keyset
            models.Index(fields=["entity", "-id"], name="statements_newest"),
        ]

    def __str__(self) -> str:
        return f"Statement {self.cost_center.code} {self.month:%B %Y}"


class StatementLineQuerySet(models.QuerySet["StatementLine"]):
    def visible_to(self, user: Any) -> "StatementLineQuerySet":
        """Of a statement its department sees every line, the owner of a service the own ones."""
        own = self.filter(entity_id=user.entity_id)
        if user.has_role(*READERS):
            return own
        return own.filter(Q(cost_center__owner=user) | Q(allocation__revision__service_owner=user))


@told.changes("status", "amount", by=["pk", "allocation"])
class StatementLine(EntityOwned, Document):
    """What one cost centre bears of one allocation; base currency.

    `moved` is what the ledger moved to it: nothing by showback, nor what it had spent itself. A
    line is never edited: a mirror takes it back, a new line may take its place.
    """

    document_type = "statement_line"

    class Status(models.TextChoices):
        STANDS = "stands", "Stands"
        DISPUTED = "disputed", "Disputed"
        KEPT = "kept", "Kept"
        CORRECTED = "corrected", "Corrected"
        REVERSED = "reversed", "Reversed"

    HOLDS: ClassVar = (Status.STANDS, Status.DISPUTED, Status.KEPT)

    allocation = models.ForeignKey(Allocation, on_delete=models.PROTECT, related_name="lines")
    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="lines")
    line_number = models.PositiveIntegerField()
    cost_center = models.ForeignKey(CostCenter, on_delete=models.PROTECT, related_name="+")
    units = QuantityField(null=True)
    percent = PercentField()
    amount = AmountField()
    moved = AmountField(default=0)
    mirrors = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="mirror"
    )
    replaces = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="replacement"
    )
    status = StateField(choices=Status, default=Status.STANDS, protected=True)
    disputed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    disputed_at = models.DateTimeField(null=True, editable=False)
    dispute_reason = models.TextField(blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, editable=False)
    resolution = models.TextField(blank=True, help_text="What the service owner said.")
    history = HistoricalRecords()

    objects = StatementLineQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["allocation", "line_number"], name="statement_line_number_once"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["kept", "corrected"], resolved_at__isnull=False)
                | Q(status__in=["stands", "disputed", "reversed"], resolved_at__isnull=True)
                | Q(status="reversed", resolved_at__isnull=False),
                name="statement_line_resolution_stamped",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["disputed", "kept", "corrected"], disputed_at__isnull=False)
                | Q(status="stands", disputed_at__isnull=True)
                | Q(status="reversed"),
                name="statement_line_dispute_stamped",
            ),
            models.CheckConstraint(
                condition=Q(resolved_by__isnull=True) | ~Q(resolved_by=F("disputed_by")),
                name="statement_line_resolved_by_another",
            ),
        ]
        indexes: ClassVar = [
            # disputes that wait for their service owner
            models.Index(
                fields=["entity", "id"],
                condition=Q(status="disputed"),
                name="statement_lines_disputed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.allocation} line {self.line_number}"

    @property
    def is_share(self) -> bool:
        """Whether it charges or shows something, rather than taking something back."""
        return self.mirrors_id is None

    @transition(
        status,
        source=Status.STANDS,
        target=Status.DISPUTED,
        permission=_department,
        conditions=[lambda line: line.is_share],
    )
    def dispute(self, *, actor: Any, at: Any, reason: str, **_: Any) -> None:
        """Say why it is wrong; it returns to the owner of the service."""
        self.disputed_by, self.disputed_at, self.dispute_reason = actor, at, reason

    @transition(status, source=Status.DISPUTED, target=Status.KEPT, permission=_service)
    def keep(self, *, actor: Any, at: Any, resolution: str, **_: Any) -> None:
        """Leave it as it is, with words."""
        self.resolved_by, self.resolved_at, self.resolution = actor, at, resolution

    @transition(status, source=Status.DISPUTED, target=Status.CORRECTED, permission=_service)
    def correct(self, *, actor: Any, at: Any, resolution: str, **_: Any) -> None:
        """Take it back by its mirror; a new line takes its place."""
        self.resolved_by, self.resolved_at, self.resolution = actor, at, resolution

    @transition(
        status,
        source=[Status.STANDS, Status.DISPUTED, Status.KEPT],
        target=Status.REVERSED,
        permission=_MAKES,
        conditions=[lambda line: line.is_share],
    )
    def reverse(self, **_: Any) -> None:
        """Take it back by its mirror, with all of its allocation."""
