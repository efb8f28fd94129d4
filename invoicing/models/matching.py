"""What matching found, how far it may be off, and the exceptions people resolve."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import transition

from accounts.models import EntityOwned
from accounts.permissions import either, portal
from core import told
from core.documents import Document
from core.fields import AmountField
from core.history import HistoricalRecords
from core.ids import new_id
from core.states import StateField
from invoicing.models.invoices import PAYABLES, Invoice, InvoiceLine


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

    def about_fraud(self) -> "MatchExceptionQuerySet":
        """As `MatchException.is_about_fraud`."""
        return self.filter(Q(check_name="remit_to") | Q(rule="D5"))


@told.changes("status", "assignee", "resolution")
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
    status = StateField(choices=Status, default=Status.OPEN, protected=True)
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

    @property
    def is_about_fraud(self) -> bool:
        """Another account than the vendor's, or what a vendor in disguise billed before (D5)."""
        return self.check_name == "remit_to" or self.rule == "D5"

    @transition(
        status, source=[Status.OPEN, Status.ASSIGNED], target=Status.ASSIGNED, permission=PAYABLES
    )
    def assign(self, *, assignee: Any, **_: Any) -> None:
        """Give it to somebody."""
        self.assignee = assignee

    @transition(
        status,
        source=[Status.OPEN, Status.ASSIGNED],
        target=Status.RESOLVED,
        permission=either(PAYABLES, portal),
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
