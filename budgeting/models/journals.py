"""Outside actuals: what other books say was spent, kept as it was told and posted once."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import transition

from accounts.models import EntityOwned, Role
from accounts.permissions import role
from budgets.models import CostCenter, GLAccount, Project
from core import told
from core.documents import Document
from core.fields import AmountField, RateField
from core.history import HistoricalRecords
from core.ids import new_id
from core.states import StateField

KEEPERS = (Role.CONTROLLER,)
_SEES_ALL = (Role.CONTROLLER, Role.AUDITOR, Role.ADMINISTRATOR, Role.BUYER, Role.AP_MANAGER)


class JournalQuerySet(models.QuerySet["Journal"]):
    def visible_to(self, user: Any) -> "JournalQuerySet":
        """Finance, purchasing and audit see all of their entity, others what their budgets pay."""
        own = self.filter(entity_id=user.entity_id)
        if user.has_role(*_SEES_ALL):
            return own
        return own.filter(
            pk__in=JournalLine.objects.filter(cost_center__owner=user).values("journal")
        )


@told.changes("status", "total")
class Journal(EntityOwned, Document):
    """A journal of another system, known by that system's own id.

    It states what happened, so it is posted whole when it comes and undone only by its mirror.
    """

    document_type = "journal"

    class Status(models.TextChoices):
        POSTED = "posted", "Posted"
        REVERSED = "reversed", "Reversed"

    number = models.CharField(max_length=32, editable=False)
    external_id = models.CharField(max_length=64, help_text="The other system's own id.")
    source = models.CharField(max_length=64, blank=True, help_text="Which system said so.")
    description = models.CharField(max_length=500)
    posting_date = models.DateField()
    currency = models.CharField(max_length=3)
    rate = RateField(help_text="Base currency for one unit, at the posting date.")
    total = AmountField(editable=False, help_text="Sum of its lines, its own currency.")
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of what it says.")
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    status = StateField(choices=Status, default=Status.POSTED, protected=True)
    reversed_at = models.DateTimeField(null=True, editable=False)
    reversed_on = models.DateField(null=True, editable=False)
    history = HistoricalRecords()

    objects = JournalQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "number"], name="journal_number_once"),
            models.UniqueConstraint(fields=["entity", "external_id"], name="journal_external_once"),
            models.CheckConstraint(
                condition=Q(status="posted", reversed_at__isnull=True, reversed_on__isnull=True)
                | Q(status="reversed", reversed_at__isnull=False, reversed_on__isnull=False),
                name="journal_stamp_agrees",
            ),
        ]
        indexes: ClassVar = [
            # list page by keyset
            models.Index(fields=["entity", "-id"], name="journals_newest"),
        ]

    def __str__(self) -> str:
        return self.description

    @transition(status, source=Status.POSTED, target=Status.REVERSED, permission=role(*KEEPERS))
    def reverse(self, *, at: Any, on: Any, **_: Any) -> None:
        """Undo it by the exact mirror of its entries."""
        self.reversed_at, self.reversed_on = at, on


class JournalLine(models.Model):
    """What one budget paid, in the journal's currency; below zero it is money back."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    journal = models.ForeignKey(Journal, on_delete=models.CASCADE, related_name="lines")
    line_number = models.PositiveIntegerField()
    description = models.CharField(max_length=500, blank=True)
    cost_center = models.ForeignKey(CostCenter, on_delete=models.PROTECT, related_name="+")
    gl_account = models.ForeignKey(GLAccount, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    amount = AmountField(help_text="Signed.")

    class Meta:
        ordering: ClassVar = ["line_number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["journal", "line_number"], name="journal_line_number_once"
            ),
            models.CheckConstraint(condition=~Q(amount=0), name="journal_line_moves"),
        ]

    def __str__(self) -> str:
        return f"{self.line_number} {self.description}"
