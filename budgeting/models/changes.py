"""Changes of budgets as documents: proposed by one person, approved by another, applied at once."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import transition

from accounts.models import EntityOwned, Role
from accounts.permissions import named, person
from approvals.models import ApprovalStep
from budgets.models import BudgetAdjustment, BudgetCell
from core import told
from core.documents import Document
from core.fields import AmountField
from core.history import HistoricalRecords
from core.ids import new_id
from core.states import StateField

PROPOSERS = (Role.CONTROLLER, Role.BUDGET_OWNER)
_PROPOSER = person("proposed_by")
_SEES_ALL = (Role.CONTROLLER, Role.AUDITOR, Role.ADMINISTRATOR, Role.BUDGET_OWNER)


@named("approvers, never its proposer")
def _another(change: Any, user: Any) -> bool:
    """Whoever decides its round; never who proposed it, and never the portal without a person."""
    return (
        user is not None
        and user.is_active
        and user.entity_id == change.entity_id
        and user.pk != change.proposed_by_id
    )


class BudgetChangeQuerySet(models.QuerySet["BudgetChange"]):
    def visible_to(self, user: Any) -> "BudgetChangeQuerySet":
        """Who answers for budgets sees all of the entity, others their own and what they were
        asked to decide. Others' drafts are nobody's business."""
        own = self.filter(entity_id=user.entity_id)
        if user.has_role(*_SEES_ALL):
            return own.filter(Q(proposed_by=user) | ~Q(status=BudgetChange.Status.DRAFT))
        asked = ApprovalStep.objects.visible_to(user).values("request__subject_id")
        return own.filter(Q(proposed_by=user) | Q(pk__in=asked))


@told.changes("status", "total")
class BudgetChange(EntityOwned, Document):
    """Amounts that go into budgets, out of them, or from one to another.

    Its number is taken when it is first submitted. All its budgets are of one fiscal year.
    """

    document_type = "budget_change"

    class Kind(models.TextChoices):
        TRANSFER = "transfer", "Transfer"
        REVISION = "revision", "Revision"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        IN_APPROVAL = "in_approval", "In approval"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        RETURNED = "returned", "Returned"
        WITHDRAWN = "withdrawn", "Withdrawn"

    number = models.CharField(max_length=32, null=True, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    title = models.CharField(max_length=200, editable=False)
    reason = models.TextField()
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="budget_changes"
    )
    reverses = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="reversed_by", editable=False
    )
    total = AmountField(
        default=0, editable=False, help_text="What goes in or out, whichever is more; base."
    )
    status = StateField(choices=Status, default=Status.DRAFT, protected=True)
    submitted_at = models.DateTimeField(null=True, editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    history = HistoricalRecords()

    objects = BudgetChangeQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "number"], name="budget_change_number_once"),
            models.CheckConstraint(
                condition=Q(status="draft") | Q(submitted_at__isnull=False),
                name="budget_change_stamp_agrees",
            ),
            models.CheckConstraint(
                condition=~Q(status="approved")
                | Q(decided_by__isnull=False, decided_at__isnull=False)
                & ~Q(decided_by=F("proposed_by")),
                name="budget_change_by_another",
            ),
        ]
        indexes: ClassVar = [
            # list page by keyset, and filtered by state
            models.Index(fields=["entity", "-id"], name="budget_changes_newest"),
            models.Index(fields=["entity", "status", "-id"], name="budget_changes_by_state"),
        ]

    def __str__(self) -> str:
        return self.title

    @transition(
        status,
        source=[Status.DRAFT, Status.RETURNED, Status.WITHDRAWN],
        target=Status.DRAFT,
        permission=_PROPOSER,
    )
    def edit(self, **_: Any) -> None:
        """Change it; what was returned or withdrawn is taken up again."""

    @transition(
        status,
        source=[Status.DRAFT, Status.RETURNED],
        target=Status.IN_APPROVAL,
        permission=_PROPOSER,
    )
    def submit(self, *, at: Any, **_: Any) -> None:
        """Ask for approval; budgets stay as they are until then."""
        self.submitted_at = at
        self.decided_by = self.decided_at = None

    @transition(status, source=Status.IN_APPROVAL, target=Status.APPROVED, permission=_another)
    def approve(self, *, actor: Any, at: Any, **_: Any) -> None:
        """Called when its round ends well: its budgets change in the same transaction."""
        self.decided_by, self.decided_at = actor, at

    @transition(status, source=Status.IN_APPROVAL, target=Status.REJECTED, permission=_another)
    def reject(self, *, actor: Any, at: Any, **_: Any) -> None:
        """Called when its round ends with a no; budgets stay as they are."""
        self.decided_by, self.decided_at = actor, at

    @transition(status, source=Status.IN_APPROVAL, target=Status.RETURNED, permission=_another)
    def send_back(self, *, actor: Any, at: Any, **_: Any) -> None:
        """Called when an approver wants it otherwise."""
        self.decided_by, self.decided_at = actor, at

    @transition(status, source=Status.IN_APPROVAL, target=Status.WITHDRAWN, permission=_PROPOSER)
    def withdraw(self, **_: Any) -> None:
        """Take it back before it is decided."""


class BudgetChangeLine(models.Model):
    """What one budget gets (positive) or gives (negative), in base currency."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    change = models.ForeignKey(BudgetChange, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    cell = models.ForeignKey(BudgetCell, on_delete=models.PROTECT, related_name="change_lines")
    amount = AmountField(help_text="Signed.")
    adjustment = models.OneToOneField(
        BudgetAdjustment,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="change_line",
        help_text="What it did to its budget, once approved.",
    )

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["change", "cell"], name="budget_change_cell_once"),
            models.CheckConstraint(condition=~Q(amount=0), name="budget_change_line_moves"),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.amount}"
