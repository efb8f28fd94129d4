"""Proposed releases: orders that nobody seems to need any more, with what they still commit."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import transition

from accounts.models import EntityOwned, Role
from accounts.permissions import portal, role
from core.documents import ProtectedStates
from core.fields import AmountField
from core.ids import new_id
from core.states import StateField
from purchase_orders.models.orders import PurchaseOrder

_DECIDES = role(Role.BUYER, Role.CONTROLLER)


class ReleaseBatch(EntityOwned):
    """What one person accepted at one time: its orders were closed, and are reopened, together."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reason = models.TextField()
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    accepted_at = models.DateTimeField()
    reversed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reversed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(reversed_at__isnull=True, reversed_by__isnull=True)
                | Q(reversed_at__isnull=False, reversed_by__isnull=False),
                name="release_batch_stamp_agrees",
            ),
        ]

    def __str__(self) -> str:
        return self.reason


class ReleaseProposalQuerySet(models.QuerySet["ReleaseProposal"]):
    def visible_to(self, user: Any) -> "ReleaseProposalQuerySet":
        """Buyers, controllers and auditors see what is proposed in their entity."""
        own = self.filter(entity_id=user.entity_id)
        return own if user.has_role(Role.BUYER, Role.CONTROLLER, Role.AUDITOR) else own.none()


class ReleaseProposal(EntityOwned, ProtectedStates):
    """An order that looks finished: why, since when, and what it would give back."""

    class Kind(models.TextChoices):
        STALE = "stale", "Stale"
        EXPIRED = "expired", "Expired"

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        ACCEPTED = "accepted", "Accepted"
        KEPT = "kept", "Kept"
        LAPSED = "lapsed", "Lapsed"
        REVERSED = "reversed", "Reversed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order = models.ForeignKey(
        PurchaseOrder, on_delete=models.PROTECT, related_name="release_proposals"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    since = models.DateField(help_text="The last day on which something happened or was due.")
    amount = AmountField(help_text="What it still commits, base currency.")
    found_on = models.DateField()
    status = StateField(choices=Status, default=Status.OPEN, protected=True)
    batch = models.ForeignKey(
        ReleaseBatch, null=True, on_delete=models.PROTECT, related_name="proposals"
    )
    kept_until = models.DateField(null=True, help_text="Not proposed again before this day.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = ReleaseProposalQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["order"], condition=Q(status="open"), name="one_open_release_proposal"
            ),
        ]
        indexes: ClassVar = [
            # list page by keyset
            models.Index(fields=["entity", "status", "-id"], name="release_proposals_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.order}: {self.kind} since {self.since}"

    @property
    def reference(self) -> str:
        """What people call it: its order."""
        return f"The proposal to release {self.order.reference}"

    @transition(status, source=Status.OPEN, target=Status.ACCEPTED, permission=_DECIDES)
    def accept(self, *, actor: Any, batch: ReleaseBatch, **_: Any) -> None:
        """Close the order with this reason; what it still commits goes back."""
        self.decided_by, self.batch = actor, batch

    @transition(status, source=Status.OPEN, target=Status.KEPT, permission=_DECIDES)
    def keep(self, *, actor: Any, until: Any, **_: Any) -> None:
        """The order is still needed; ask again later."""
        self.decided_by, self.kept_until = actor, until

    @transition(status, source=Status.OPEN, target=Status.LAPSED, permission=portal)
    def lapse(self, **_: Any) -> None:
        """Something happened on the order meanwhile."""

    @transition(status, source=Status.ACCEPTED, target=Status.REVERSED, permission=_DECIDES)
    def reverse(self, **_: Any) -> None:
        """The order was reopened with the others of its batch."""
