"""Approval as a mechanism that knows no document: policies, chains, steps, one-time links."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import FSMField, transition
from simple_history.models import HistoricalRecords

from accounts.models import EntityOwned
from accounts.permissions import person
from core.documents import Document
from core.fields import AmountField
from core.ids import new_id


class ApprovalPolicy(EntityOwned, Document):
    """A version of the rules that decide who must approve. One is active per entity and name."""

    document_type = "approval_policy"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        RETIRED = "retired", "Retired"

    name = models.CharField(max_length=120)
    policy_version = models.PositiveIntegerField(default=1)
    applies_to = models.CharField(max_length=32, help_text="Document type, such as requisition.")
    priority = models.PositiveSmallIntegerField(
        default=100,
        help_text="Policies are tried in this order; the first with a matching rule wins.",
    )
    status = FSMField(choices=Status, default=Status.DRAFT, protected=True)
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


class PolicyRule(models.Model):
    """When its conditions hold, its steps make the chain. Rules are tried in order.

    `conditions` is {"all": [...]} or {"any": [...]} of {"fact", "operator", "value"};
    `steps` is a list of {"mode": "any"|"all", "approvers": [{"kind", "value"}]}, where kind is
    role, person, manager, manager_chain, or budget_owner. No steps: approved by policy at once.
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


class ApprovalRequest(EntityOwned, Document):
    """One round of approval of one version of one document: a snapshot, not a live rule.

    `digest` is the SHA-256 of the content that is being approved; a changed document has another
    one, and this round then counts for nothing.
    """

    document_type = "approval_request"

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        RETURNED = "returned", "Returned"
        CANCELLED = "cancelled", "Cancelled"

    subject_type = models.CharField(max_length=32)
    subject_id = models.UUIDField()
    subject_title = models.CharField(max_length=200)
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    digest = models.CharField(max_length=64)
    amount = AmountField(help_text="Base currency, without recoverable tax.")
    facts = models.JSONField(default=dict)
    policy = models.ForeignKey(ApprovalPolicy, null=True, on_delete=models.PROTECT)
    policy_version = models.PositiveIntegerField(default=0)
    rule_name = models.CharField(max_length=120, blank=True)
    status = FSMField(choices=Status, default=Status.PENDING, protected=True)
    closed_at = models.DateTimeField(null=True)
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject_id"],
                condition=Q(status="pending"),
                name="one_pending_round_per_document",
            ),
        ]
        indexes: ClassVar = [
            # rounds on a document's page
            models.Index(fields=["subject_id", "id"], name="rounds_of_document"),
        ]

    def __str__(self) -> str:
        return self.subject_title

    @property
    def reference(self) -> str:
        return self.subject_title

    def _close(self, at: Any) -> None:
        self.closed_at = at

    @transition(status, source=Status.PENDING, target=Status.APPROVED)
    def approve(self, *, at: Any, **_: Any) -> None:
        """Everybody who had to agree did, or the policy asks nobody."""
        self._close(at)

    @transition(status, source=Status.PENDING, target=Status.REJECTED)
    def reject(self, *, at: Any, **_: Any) -> None:
        """One of them said no."""
        self._close(at)

    @transition(status, source=Status.PENDING, target=Status.RETURNED)
    def send_back(self, *, at: Any, **_: Any) -> None:
        """One of them wants changes."""
        self._close(at)

    @transition(status, source=Status.PENDING, target=Status.CANCELLED)
    def cancel(self, *, at: Any, **_: Any) -> None:
        """The document was taken back; nobody decides any more."""
        self._close(at)


_ASSIGNEE = person("assignee")


class ApprovalStepQuerySet(models.QuerySet["ApprovalStep"]):
    def visible_to(self, user: Any) -> "ApprovalStepQuerySet":
        """Steps that wait or waited for this person; requesters see theirs through the document."""
        return self.filter(entity_id=user.entity_id, assignee=user)

    def awaiting(self, user: Any) -> "ApprovalStepQuerySet":
        return self.filter(assignee=user, status=ApprovalStep.Status.ACTIVE)


class ApprovalStep(EntityOwned, Document):
    """One person's say in a round. A `group`'s steps are open together; groups follow in order."""

    document_type = "approval"

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        ACTIVE = "active", "Active"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        RETURNED = "returned", "Returned"
        SKIPPED = "skipped", "Skipped"
        ESCALATED = "escalated", "Escalated"

    class Channel(models.TextChoices):
        WEB = "web", "Inbox"
        EMAIL = "email", "Email link"
        API = "api", "API"

    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="steps")
    group = models.PositiveSmallIntegerField()
    mode = models.CharField(
        max_length=4, default="all", help_text="any: one of the group suffices."
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="approval_steps"
    )
    why = models.CharField(max_length=200, help_text="Why this person, in words.")
    required_limit = AmountField(
        null=True, help_text="Base currency; whoever approves needs this limit when they do."
    )
    replaces = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="replaced_by",
        help_text="The step that was forwarded or escalated to this person.",
    )
    status = FSMField(choices=Status, default=Status.WAITING, protected=True)
    activated_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    next_nudge_at = models.DateTimeField(null=True, help_text="Next reminder or escalation.")
    nudges = models.PositiveSmallIntegerField(default=0)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    channel = models.CharField(max_length=8, choices=Channel, blank=True)
    comment = models.TextField(blank=True)

    objects = ApprovalStepQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["request", "assignee"],
                condition=~Q(status__in=["skipped", "escalated"]),
                name="one_person_decides_once",
            ),
            models.CheckConstraint(
                condition=Q(decided_at__isnull=True)
                | Q(status__in=["approved", "rejected", "returned"]),
                name="step_stamp_agrees",
            ),
        ]
        indexes: ClassVar = [
            # a person's inbox, by due time
            models.Index(
                fields=["assignee", "due_at"], condition=Q(status="active"), name="steps_inbox"
            ),
            # reminders and escalations that are due
            models.Index(
                fields=["next_nudge_at"], condition=Q(status="active"), name="steps_to_nudge"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request} · {self.assignee}"

    @property
    def reference(self) -> str:
        return self.request.subject_title

    def _decided(self, actor: Any, at: Any, channel: str, comment: str) -> None:
        self.decided_by, self.decided_at = actor, at
        self.channel, self.comment = channel, comment
        self.next_nudge_at = None

    @transition(status, source=Status.WAITING, target=Status.ACTIVE)
    def open(self, *, at: Any, due_at: Any, next_nudge_at: Any, **_: Any) -> None:
        """It is this person's turn."""
        self.activated_at, self.due_at, self.next_nudge_at = at, due_at, next_nudge_at

    @transition(status, source=Status.ACTIVE, target=Status.APPROVED, permission=_ASSIGNEE)
    def approve(self, *, actor: Any, at: Any, channel: str, comment: str = "", **_: Any) -> None:
        """Agree."""
        self._decided(actor, at, channel, comment)

    @transition(status, source=Status.ACTIVE, target=Status.REJECTED, permission=_ASSIGNEE)
    def reject(self, *, actor: Any, at: Any, channel: str, comment: str = "", **_: Any) -> None:
        """Say no: this ends the round."""
        self._decided(actor, at, channel, comment)

    @transition(status, source=Status.ACTIVE, target=Status.RETURNED, permission=_ASSIGNEE)
    def send_back(self, *, actor: Any, at: Any, channel: str, comment: str = "", **_: Any) -> None:
        """Ask for changes: this ends the round."""
        self._decided(actor, at, channel, comment)

    @transition(status, source=Status.ACTIVE, target=Status.SKIPPED, permission=_ASSIGNEE)
    def hand_on(self, *, comment: str = "", **_: Any) -> None:
        """Somebody else decides in its place, by the assignee's own choice."""
        self.comment, self.next_nudge_at = comment, None

    @transition(status, source=[Status.WAITING, Status.ACTIVE], target=Status.SKIPPED)
    def skip(self, **_: Any) -> None:
        """Not needed any more: the round ended, or one of its group sufficed."""
        self.next_nudge_at = None

    @transition(status, source=[Status.WAITING, Status.ACTIVE], target=Status.ESCALATED)
    def escalate(self, **_: Any) -> None:
        """Waited too long: somebody higher decides in its place."""
        self.next_nudge_at = None


class ActionToken(models.Model):
    """A one-time email link: only the SHA-256 of 256 random bits is kept.

    Bound to one step, one person and one digest; dead after use, after `expires_at`, or when
    `void_reason` says why.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    token_hash = models.CharField(max_length=64, unique=True)
    step = models.ForeignKey(ApprovalStep, on_delete=models.PROTECT, related_name="tokens")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    void_reason = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"link for {self.person}"
