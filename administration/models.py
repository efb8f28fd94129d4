"""Changes of the set-up: proposed by one person, approved by another, applied in one step."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import transition

from accounts import permissions
from accounts.models import EntityOwned, Role
from approvals.models import ApprovalPolicy
from core import told
from core.documents import Document
from core.history import HistoricalRecords
from core.states import StateField
from invoicing.models.tolerances import KEEPERS, Tolerance
from vendors.models import Vendor

READERS = (Role.ADMINISTRATOR, Role.CONTROLLER, Role.AUDITOR)


@permissions.named("whoever decides its approval, never its proposer nor the person it is about")
def _another(change: Any, user: Any) -> bool:
    return (
        user is not None
        and user.is_active
        and user.entity_id == change.entity_id
        and user.pk not in (change.proposed_by_id, change.person_id)
    )


class ChangeRequestQuerySet(models.QuerySet["ChangeRequest"]):
    def visible_to(self, user: Any) -> "ChangeRequestQuerySet":
        """Oversight sees all of its entity, vendor managers those of vendors, heads of accounts
        payable those of tolerances, others what is about them or was theirs to decide."""
        own = self.filter(entity_id=user.entity_id)
        if user.has_role(*READERS):
            return own
        asked = user.approval_steps.values("request__subject_id")
        theirs = Q(person=user) | Q(proposed_by=user) | Q(pk__in=asked)
        if user.has_role(Role.VENDOR_MANAGER):
            theirs |= Q(vendor__isnull=False)
        if user.has_role(*KEEPERS):
            theirs |= Q(kind=ChangeRequest.Kind.TOLERANCE)
        return own.filter(theirs)


@told.changes("status", "before", "after")
class ChangeRequest(EntityOwned, Document):
    """One change of roles, limits, settings, tolerances or of a vendor and where it is paid.

    `before` is what it was when it was proposed.
    """

    document_type = "setting_change"

    @property
    def trail_reference(self) -> str | None:
        """Nothing where it is called by the person it is about."""
        return "" if self.person_id else None

    class Kind(models.TextChoices):
        ROLES = "roles", "Roles"
        LIMITS = "limits", "Limits"
        MANAGER = "manager", "Manager"
        MITIGATION = "mitigation", "Mitigation"
        POLICY = "policy", "Approval policy"
        DUTY_PAIRS = "duty_pairs", "Duties kept apart"
        ENTITY = "entity", "Entity settings"
        SECOND_FACTOR = "second_factor", "Second factor"
        SERVICE_OWNERS = "service_owners", "Service owners"
        RESERVING = "reserving", "When accounts reserve"
        TOLERANCE = "tolerance", "Tolerance"
        VENDOR = "vendor", "Master data"
        BANK = "bank", "Bank account"

    class Status(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        APPLIED = "applied", "Applied"
        REJECTED = "rejected", "Rejected"
        RETURNED = "returned", "Returned"
        WITHDRAWN = "withdrawn", "Withdrawn"

    kind = models.CharField(max_length=16, choices=Kind)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="changes",
        help_text="Whom it is about; has no say in it.",
    )
    policy = models.ForeignKey(
        ApprovalPolicy, null=True, on_delete=models.PROTECT, related_name="+"
    )
    vendor = models.ForeignKey(
        Vendor,
        null=True,
        on_delete=models.PROTECT,
        related_name="changes",
        help_text="The vendor whose master data it changes.",
    )
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.TextField()
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    status = StateField(choices=Status, default=Status.PROPOSED, protected=True)
    decided_at = models.DateTimeField(null=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    note = models.TextField(
        blank=True, editable=False, help_text="What whoever approved it said to that."
    )
    history = HistoricalRecords()

    objects = ChangeRequestQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(status="applied")
                | Q(decided_by__isnull=False) & ~Q(decided_by=models.F("proposed_by")),
                name="applied_by_another",
            ),
        ]
        indexes: ClassVar = [
            # list page by keyset, and the open ones
            models.Index(fields=["entity", "-id"], name="changes_newest"),
            models.Index(
                fields=["entity", "-id"], condition=Q(status="proposed"), name="changes_open"
            ),
        ]

    def __str__(self) -> str:
        if self.kind == ChangeRequest.Kind.TOLERANCE:
            compared = dict(Tolerance.Check.choices).get(str(self.after.get("check")), "")
            return f"{self.get_kind_display()}: {compared}"
        about = self.person or self.policy or self.vendor or self.entity
        return f"{self.get_kind_display()} of {about}"

    def _decided(self, actor: Any, at: Any) -> None:
        self.decided_by, self.decided_at = actor, at

    @transition(status, source=Status.PROPOSED, target=Status.APPLIED, permission=_another)
    def apply(self, *, actor: Any, at: Any, note: str = "", **_: Any) -> None:
        """Somebody else agreed; it holds from this moment."""
        self._decided(actor, at)
        self.note = note

    @transition(status, source=Status.PROPOSED, target=Status.REJECTED, permission=_another)
    def reject(self, *, actor: Any, at: Any, **_: Any) -> None:
        """Somebody else said no; everything stays as it was."""
        self._decided(actor, at)

    @transition(status, source=Status.PROPOSED, target=Status.RETURNED, permission=_another)
    def send_back(self, *, actor: Any, at: Any, **_: Any) -> None:
        """Somebody else wants it otherwise: it is proposed anew, or not at all."""
        self._decided(actor, at)

    @transition(
        status,
        source=Status.PROPOSED,
        target=Status.WITHDRAWN,
        permission=permissions.person("proposed_by"),
    )
    def withdraw(self, *, at: Any, **_: Any) -> None:
        """Take it back before it is decided."""
        self.decided_at = at
