"""One approval of one version of one document: the round and the say of each person in it."""

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django_fsm import transition

from accounts.models import EntityOwned
from accounts.permissions import named, person
from approvals.models.delegations import Delegation, lent_to
from approvals.models.policies import ApprovalPolicy
from core import told
from core.documents import Document
from core.fields import AmountField
from core.history import HistoricalRecords
from core.states import StateField


@told.changes("status", "amount", "digest")
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
    status = StateField(choices=Status, default=Status.PENDING, protected=True)
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

    @property
    def trail_reference(self) -> str | None:
        """Nothing where it may be called by the person that it is about."""
        return "" if self.subject_type == "setting_change" else None

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


@named("its assignee, or who decides for them")
def _decider(step: Any, user: Any) -> bool:
    """The assignee, or the delegate under whose delegation the step is looked at."""
    under = step.acting_under
    return _ASSIGNEE(step, user) or (
        under is not None
        and user is not None
        and user.is_active
        and (under.to_user_id, under.from_user_id) == (user.pk, step.assignee_id)
    )


class ApprovalStepQuerySet(models.QuerySet["ApprovalStep"]):
    def visible_to(self, user: Any, at: datetime | None = None) -> "ApprovalStepQuerySet":
        """What waits or waited for this person, what they decided, what they may decide for others.

        Delegations count as of `at`, by default now. Requesters see theirs through the document.
        """
        own = Q(assignee=user) | Q(decided_by=user)
        lent = _lent(user, at or timezone.now(), settled=True)
        return self.filter(own | lent, entity_id=user.entity_id)

    def awaiting(self, user: Any, at: datetime) -> "ApprovalStepQuerySet":
        """Open steps that this person may decide: their own, and others' while a delegation stands.

        Of two queries the first is about delegations only.
        """
        mine = Q(assignee=user) | _lent(user, at)
        return self.filter(mine, status=ApprovalStep.Status.ACTIVE)


def _lent(user: Any, at: datetime, *, settled: bool = False) -> Q:
    """Open steps of those who delegated to this person, as far as each delegation goes.

    Not where the person, or who delegated to them, is the requester; nor where they have a say of
    their own in the round, or had it: one hand decides once. `settled`: also what the others
    decided themselves since then.
    """
    delegations = lent_to(user, at)
    if not delegations:
        return Q(pk__in=[])
    lent, requesters = Q(pk__in=[]), Q(request__requester=user)
    for each in delegations:
        types = Q(request__subject_type__in=each.duties) if each.duties else Q()
        amount = Q() if each.cap is None else Q(request__amount__lte=each.cap)
        limit = Q(required_limit__isnull=True) | Q(required_limit__lte=each.limit)
        state = Q(status=ApprovalStep.Status.ACTIVE)
        if settled:
            state |= Q(decided_at__gte=each.valid_from)
        lent |= Q(assignee=each.from_user_id) & types & amount & limit & state
        requesters |= Q(request__requester=each.from_user_id) & types
    own = ApprovalStep.objects.filter(request=OuterRef("request")).filter(
        Q(decided_by=user) | Q(assignee=user) & ~Q(status__in=ApprovalStep.GONE)
    )
    return lent & ~requesters & ~Q(Exists(own))


@told.changes("status", "assignee", "decided_by", by=["pk", "request"])
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

    GONE = (Status.SKIPPED, Status.ESCALATED)
    # The delegation under which somebody other than the assignee looks at it; not stored.
    acting_under: Delegation | None = None

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
    status = StateField(choices=Status, default=Status.WAITING, protected=True)
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
            # what waits for somebody who left
            models.Index(
                fields=["assignee"],
                condition=Q(status__in=["waiting", "active"]),
                name="steps_open_by_person",
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

    @property
    def trail_reference(self) -> str | None:
        return self.request.trail_reference

    @property
    def asked_as(self) -> str:
        """The role that the assignee was found by; empty where it was for anything else.

        Whoever took a step over was put there by somebody, or by their place above, not by a role.
        """
        by, _, role = self.kind.partition(":")
        return role if by == "role" and not self.replaces_id else ""

    @property
    def is_entitled(self) -> bool:
        """Whether the assignee works here and has the role still that they were asked for."""
        person = self.assignee
        return person.is_active and (not self.asked_as or person.has_role(self.asked_as))

    def _decided(self, actor: Any, at: Any, channel: str, comment: str) -> None:
        self.decided_by, self.decided_at = actor, at
        self.delegation = None if actor.pk == self.assignee_id else self.acting_under
        self.channel, self.comment = channel, comment
        self.next_nudge_at = None

    @transition(status, source=Status.WAITING, target=Status.ACTIVE)
    def open(self, *, at: Any, due_at: Any, next_nudge_at: Any, **_: Any) -> None:
        """It is this person's turn."""
        self.activated_at, self.due_at, self.next_nudge_at = at, due_at, next_nudge_at

    @transition(status, source=Status.ACTIVE, target=Status.APPROVED, permission=_decider)
    def approve(self, *, actor: Any, at: Any, channel: str, comment: str = "", **_: Any) -> None:
        """Agree."""
        self._decided(actor, at, channel, comment)

    @transition(status, source=Status.ACTIVE, target=Status.REJECTED, permission=_decider)
    def reject(self, *, actor: Any, at: Any, channel: str, comment: str = "", **_: Any) -> None:
        """Say no: this ends the round."""
        self._decided(actor, at, channel, comment)

    @transition(status, source=Status.ACTIVE, target=Status.RETURNED, permission=_decider)
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
