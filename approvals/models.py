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
    description = models.TextField(blank=True)
    policy_version = models.PositiveIntegerField(default=1)
    applies_to = models.CharField(max_length=32, help_text="Document type, such as requisition.")
    priority = models.PositiveSmallIntegerField(
        default=100,
        help_text="Policies are tried in this order; the first with a matching rule wins.",
    )
    status = FSMField(choices=Status, default=Status.DRAFT, protected=True)
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


class PolicyRequirement(models.Model):
    """A reference that a document must carry when the conditions hold. All that hold apply."""

    class Reference(models.TextChoices):
        BUSINESS_CASE = "business_case", "Business case"
        DPIA = "dpia", "Data protection impact assessment"
        CHANGE_TICKET = "change_ticket", "Change ticket"
        INCIDENT = "incident", "Incident"
        PROJECT = "project", "Project"
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
    parts = models.JSONField(
        default=dict, help_text="Digests of the parts of the content, for what a change touches."
    )
    emergency = models.BooleanField(default=False)
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
            # the simulator's rounds of a period, and measured history
            models.Index(fields=["entity", "subject_type", "created_at"], name="rounds_of_period"),
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


class Delegation(EntityOwned, Document):
    """Somebody decides for somebody else for a while: dated, capped, one hop, revocable at once.

    An own decision stays possible: the delegate may decide *as well*, and signs as "B for A".
    """

    document_type = "delegation"

    class Status(models.TextChoices):
        STANDING = "standing", "Standing"
        REVOKED = "revoked", "Revoked"

    from_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="delegations_given"
    )
    to_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="delegations_received"
    )
    duties = models.JSONField(
        default=list, help_text="Document types it covers; empty: all that can be approved."
    )
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField()
    max_amount = AmountField(
        null=True, help_text="Base currency; never above the limit of the one who delegates."
    )
    reason = models.CharField(max_length=200)
    status = FSMField(choices=Status, default=Status.STANDING, protected=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(valid_to__gt=models.F("valid_from")), name="delegation_has_length"
            ),
            models.CheckConstraint(
                condition=~Q(from_user=models.F("to_user")), name="delegation_to_another"
            ),
        ]
        indexes: ClassVar = [
            # for whom somebody may decide now, and who decides for somebody
            models.Index(
                fields=["to_user", "valid_to"],
                condition=Q(status="standing"),
                name="delegations_received",
            ),
            models.Index(
                fields=["from_user", "valid_to"],
                condition=Q(status="standing"),
                name="delegations_given",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.to_user} for {self.from_user}"

    @property
    def reference(self) -> str:
        return str(self)

    @transition(status, source=Status.STANDING, target=Status.REVOKED)
    def revoke(self, *, at: Any, **_: Any) -> None:
        """End it now."""
        self.revoked_at = at


_ASSIGNEE = person("assignee")


class ApprovalStepQuerySet(models.QuerySet["ApprovalStep"]):
    def visible_to(self, user: Any) -> "ApprovalStepQuerySet":
        """Steps that wait or waited for this person; requesters see theirs through the document."""
        return self.filter(entity_id=user.entity_id, assignee=user)

    def awaiting(self, user: Any) -> "ApprovalStepQuerySet":
        return self.filter(assignee=user, status=ApprovalStep.Status.ACTIVE)


class ApprovalStep(EntityOwned, Document):
    """One person's say in a round.

    The steps of a `stage` are open together, and stages follow in order. Within a stage, a
    `group` is done once its mode is met: all of it, any one, or `quorum` of its people.
    """

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
    stage = models.PositiveSmallIntegerField(default=1)
    group = models.PositiveSmallIntegerField()
    mode = models.CharField(
        max_length=8, default="all", help_text="all, any, or quorum: k of the group suffice."
    )
    quorum = models.PositiveSmallIntegerField(
        default=0, help_text="How many of the group suffice; 0: as the mode says."
    )
    kind = models.CharField(
        max_length=32, blank=True, help_text="How the person was found, such as role:security."
    )
    scope = models.JSONField(
        default=list, help_text="Parts of the content that this say is about; empty: all of it."
    )
    sla_hours = models.DecimalField(
        null=True,
        max_digits=6,
        decimal_places=2,
        help_text="Working hours until it is due; null: one working day.",
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
    kept_from = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The approval of an earlier round that the change did not touch.",
    )
    status = FSMField(choices=Status, default=Status.WAITING, protected=True)
    activated_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(
        null=True, help_text="A question is open since then; the clock waits."
    )
    due_at = models.DateTimeField(null=True)
    next_nudge_at = models.DateTimeField(null=True, help_text="Next reminder or escalation.")
    nudges = models.PositiveSmallIntegerField(default=0)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    delegation = models.ForeignKey(
        Delegation,
        null=True,
        on_delete=models.PROTECT,
        related_name="decisions",
        help_text="Under which somebody else decided for the assignee.",
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
            models.UniqueConstraint(
                fields=["request", "decided_by"],
                condition=Q(decided_by__isnull=False),
                name="one_hand_decides_once",
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


class StepQuestion(models.Model):
    """What an approver wants to know before deciding; the step's clock waits for the answer."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    step = models.ForeignKey(ApprovalStep, on_delete=models.PROTECT, related_name="questions")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    asked_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="approval_questions"
    )
    asked_at = models.DateTimeField()
    question = models.TextField()
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["step"],
                condition=Q(answered_at__isnull=True),
                name="one_open_question_per_step",
            ),
        ]

    def __str__(self) -> str:
        return self.question[:80]


class Ratification(EntityOwned, Document):
    """The look afterwards at what was approved as an emergency, due in one working day."""

    document_type = "ratification"

    class Status(models.TextChoices):
        DUE = "due", "Due"
        RATIFIED = "ratified", "Ratified"
        OBJECTED = "objected", "Objected to"

    request = models.OneToOneField(
        ApprovalRequest, on_delete=models.PROTECT, related_name="ratification"
    )
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="ratifications"
    )
    incident = models.CharField(max_length=64)
    due_at = models.DateTimeField()
    status = FSMField(choices=Status, default=Status.DUE, protected=True)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    comment = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar = [
            # the overdue list, and whether a requester has one
            models.Index(
                fields=["entity", "due_at"], condition=Q(status="due"), name="ratifications_due"
            ),
            models.Index(
                fields=["requester", "due_at"],
                condition=Q(status="due"),
                name="ratifications_of_requester",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request} · {self.incident}"

    @property
    def reference(self) -> str:
        return self.request.subject_title

    def _settle(self, actor: Any, at: Any, comment: str) -> None:
        self.settled_by, self.settled_at, self.comment = actor, at, comment

    @transition(status, source=Status.DUE, target=Status.RATIFIED, permission=person("assignee"))
    def ratify(self, *, actor: Any, at: Any, comment: str = "", **_: Any) -> None:
        """It was right to act first."""
        self._settle(actor, at, comment)

    @transition(status, source=Status.DUE, target=Status.OBJECTED, permission=person("assignee"))
    def object_to(self, *, actor: Any, at: Any, comment: str = "", **_: Any) -> None:
        """It should have gone the ordinary way; the report of bypasses names it."""
        self._settle(actor, at, comment)


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
