"""One month of one rule, shared."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import transition

from accounts.models import EntityOwned
from accounts.permissions import portal, role
from budgets.models import BudgetCell
from chargeback.models.rules import MAKERS, AllocationRule, RuleRevision
from core import told
from core.documents import Document
from core.fields import AmountField
from core.history import HistoricalRecords
from core.states import StateField

_MAKES = role(*MAKERS)


class AllocationQuerySet(models.QuerySet["Allocation"]):
    def visible_to(self, user: Any) -> "AllocationQuerySet":
        """As far as its rule is."""
        return self.filter(rule__in=AllocationRule.objects.visible_to(user))


@told.changes("status", "total")
class Allocation(EntityOwned, Document):
    """What a rule made of the spend of a month; amounts are base currency.

    Asked for by a person, done by the queue, taken back by mirrors. Of one rule and month there is
    at most one that waits or holds; its number is taken when it is posted.
    """

    document_type = "allocation"

    class Status(models.TextChoices):
        QUEUED = "queued", "Waiting to run"
        POSTED = "posted", "Posted"
        FAILED = "failed", "Refused"
        REVERSED = "reversed", "Reversed"

    LIVE: ClassVar = (Status.QUEUED, Status.POSTED)

    number = models.CharField(max_length=32, null=True, editable=False)
    rule = models.ForeignKey(AllocationRule, on_delete=models.PROTECT, related_name="allocations")
    revision = models.ForeignKey(RuleRevision, on_delete=models.PROTECT, related_name="+")
    month = models.DateField(help_text="The first day of the month.")
    posting_date = models.DateField(help_text="The last day of the month.")
    total = AmountField(default=0, help_text="The spend that was shared.")
    status = StateField(choices=Status, default=Status.QUEUED, protected=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    posted_at = models.DateTimeField(null=True, editable=False)
    reversed_at = models.DateTimeField(null=True, editable=False)
    refusal = models.TextField(blank=True, help_text="Why it could not be run.")
    history = HistoricalRecords()

    objects = AllocationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["rule", "month"],
                condition=Q(status__in=["queued", "posted"]),
                name="allocation_of_month_once",
            ),
            models.UniqueConstraint(fields=["entity", "number"], name="allocation_number_once"),
            models.CheckConstraint(
                condition=Q(status__in=["queued", "failed"], posted_at__isnull=True)
                | Q(status__in=["posted", "reversed"], posted_at__isnull=False),
                name="allocation_posting_stamped",
            ),
            models.CheckConstraint(
                condition=Q(status="reversed", reversed_at__isnull=False)
                | Q(status__in=["queued", "posted", "failed"], reversed_at__isnull=True),
                name="allocation_reversal_stamped",
            ),
        ]
        indexes: ClassVar = [
            # list page by keyset
            models.Index(fields=["entity", "-id"], name="allocations_newest"),
        ]

    def __str__(self) -> str:
        return self.number or f"Allocation for {self.month:%B %Y}"

    @transition(status, source=Status.QUEUED, target=Status.POSTED, permission=portal)
    def post(self, *, at: Any, total: Any, **_: Any) -> None:
        """Share the spend of the month among those who bear it."""
        self.posted_at, self.total = at, total

    @transition(status, source=Status.QUEUED, target=Status.FAILED, permission=portal)
    def fail(self, *, refusal: str, **_: Any) -> None:
        """Say why it could not be run; nothing was moved."""
        self.refusal = refusal

    @transition(status, source=Status.POSTED, target=Status.REVERSED, permission=_MAKES)
    def reverse(self, *, at: Any, **_: Any) -> None:
        """Take it back by the mirror of every line."""
        self.reversed_at = at


class SharedSpend(models.Model):
    """What one budget had spent when the month was shared; it only grows."""

    id = models.BigAutoField(primary_key=True)
    allocation = models.ForeignKey(Allocation, on_delete=models.PROTECT, related_name="spends")
    cell = models.ForeignKey(BudgetCell, on_delete=models.PROTECT, related_name="+")
    amount = AmountField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["allocation", "cell"], name="shared_spend_once"),
        ]

    def __str__(self) -> str:
        return f"{self.cell_id} {self.amount}"
