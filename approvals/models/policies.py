"""Who must approve what: versions of rules, and the references that they ask for."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import transition

from accounts.models import EntityOwned
from core import told
from core.documents import Document
from core.history import HistoricalRecords
from core.states import StateField


@told.changes()
class ApprovalPolicy(EntityOwned, Document):
    """A version of the rules that decide who must approve. One is active per entity and name."""

    document_type = "approval_policy"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        RETIRED = "retired", "Retired"

    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    policy_version = models.PositiveIntegerField(default=1)
    applies_to = models.CharField(max_length=32, help_text="Document type, such as requisition.")
    priority = models.PositiveSmallIntegerField(
        default=100,
        help_text="Policies are tried in this order; the first with a matching rule wins.",
    )
    status = StateField(choices=Status, default=Status.DRAFT, protected=True)
    editors = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        related_name="+",
        help_text="Whoever worked on this version; none of them may put it into force.",
    )
    activated_at = models.DateTimeField(null=True, editable=False)
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    retirement_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who wants it out of force; somebody else has to agree.",
    )
    history = HistoricalRecords()

    class Meta:
        verbose_name_plural = "approval policies"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["entity", "name"],
                condition=Q(status="active"),
                name="one_active_policy_version",
            ),
            models.UniqueConstraint(
                fields=["entity", "name", "policy_version"], name="policy_version_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.policy_version}"

    @transition(status, source=Status.DRAFT, target=Status.ACTIVE)
    def activate(self, **_: Any) -> None:
        """Let it decide from now on; running chains keep their own version."""

    @transition(status, source=Status.ACTIVE, target=Status.RETIRED)
    def retire(self, **_: Any) -> None:
        """Stop deciding."""


@told.rows(by=["policy"])
class PolicyRule(models.Model):
    """When its conditions hold, its steps make the chain. Rules are tried in order.

    `conditions` is {"all": [...]} and/or {"any": [...]} of {"fact", "operator", "value"}.
    `steps` is a list of {"mode": "any"|"all"|"quorum", "quorum": k, "with_previous": bool,
    "sla_hours": working hours or null, "approvers": [{"kind", "value"}]}, where kind is role,
    person, manager, manager_chain, budget_owner, service_owner or on_call; a step that goes
    "with_previous" is asked at the same time as the one before it. No steps: approved at once.
    """

    policy = models.ForeignKey(ApprovalPolicy, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)
    conditions = models.JSONField(default=dict)
    steps = models.JSONField(default=list)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["policy", "position"], name="rule_position_once"),
        ]

    def __str__(self) -> str:
        return self.name


@told.rows(by=["policy"])
class PolicyRequirement(models.Model):
    """A reference that a document must carry when the conditions hold. All that hold apply."""

    class Reference(models.TextChoices):
        BUSINESS_CASE = "business_case", "Business case"
        DPIA = "dpia", "Data protection impact assessment"
        CHANGE_TICKET = "change_ticket", "Change ticket"
        INCIDENT = "incident", "Incident"
        PROJECT = "project", "Project"
        RISK = "risk_register", "Risk register entry"
        SOW = "sow", "Statement of work"

    policy = models.ForeignKey(
        ApprovalPolicy, on_delete=models.CASCADE, related_name="requirements"
    )
    position = models.PositiveSmallIntegerField()
    reference = models.CharField(max_length=16, choices=Reference)
    conditions = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["policy", "position"], name="requirement_position_once"
            ),
        ]

    def __str__(self) -> str:
        return self.get_reference_display()
