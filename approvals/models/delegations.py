"""Who decides for whom, and until when."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import transition

from accounts.models import EntityOwned, Role
from accounts.permissions import either, named, portal, role
from core import told
from core.composed import Composed
from core.documents import Document
from core.fields import AmountField
from core.states import StateField

DECIDING_ROLES = (
    *(Role.APPROVER, Role.BUDGET_OWNER, Role.CONTROLLER, Role.AP_MANAGER),
    *(Role.SECURITY, Role.LEGAL, Role.FINANCE),
)
_SEES_DELEGATIONS = (Role.ADMINISTRATOR, Role.CONTROLLER, Role.AUDITOR)


@named("the delegator")
def _delegator(delegation: Any, user: Any) -> bool:
    return user is not None and user.is_active and delegation.from_user_id == user.pk


@named("the delegator's manager")
def _manager_of_delegator(delegation: Any, user: Any) -> bool:
    return user is not None and user.is_active and delegation.from_user.manager_id == user.pk


def _may_decide(user: Any) -> bool:
    return bool(user.is_active and user.has_role(*DECIDING_ROLES))


class DelegationQuerySet(models.QuerySet["Delegation"]):
    def visible_to(self, user: Any) -> "DelegationQuerySet":
        """One's own, given and received, and those of one's people; some roles see all."""
        own = self.filter(entity_id=user.entity_id)
        if user.has_role(*_SEES_DELEGATIONS):
            return own
        return own.filter(Q(from_user=user) | Q(to_user=user) | Q(from_user__manager=user))

    def standing(self, at: datetime) -> "DelegationQuerySet":
        """What holds at this moment."""
        return self.filter(status=Delegation.Status.STANDING, valid_from__lte=at, valid_to__gt=at)

    def lending_to(self, user: Any, at: datetime) -> "DelegationQuerySet":
        """Under which this person decides for others; none for who may not decide at all."""
        return self.to_person(user.pk, user.entity_id, at) if _may_decide(user) else self.none()

    def to_person(self, person: UUID, entity: UUID, at: datetime) -> "DelegationQuerySet":
        """What was given to somebody and holds, by people who still work here."""
        return (
            self.standing(at)
            .filter(to_user=person, entity_id=entity, from_user__is_active=True)
            .select_related("from_user")
            .order_by("id")
        )


@told.rows()
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
    status = StateField(choices=Status, default=Status.STANDING, protected=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True)

    objects = DelegationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(valid_to__gt=F("valid_from")), name="delegation_has_length"
            ),
            models.CheckConstraint(
                condition=~Q(from_user=F("to_user")), name="delegation_to_another"
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

    trail_reference = ""  # it is called by two people

    @property
    def reference(self) -> str:
        return str(self)

    @property
    def last_day(self) -> date:
        """The day in its entity on which it ends, or before whose midnight."""
        return (self.valid_to - timedelta(microseconds=1)).astimezone(self.entity.zone).date()

    @property
    def cap(self) -> Decimal | None:
        """Most that a document may cost, base currency, never above the delegator's limit now.

        None: the delegator's say is not one by amount, so the delegate's is not, either.
        """
        given = (self.max_amount, self.from_user.approval_limit)
        return min((each for each in given if each is not None), default=None)

    @property
    def limit(self) -> Decimal:
        """Up to which required limit it lets approve: the delegator's now, or the lower cap."""
        own = self.from_user.approval_limit or Decimal(0)
        return own if self.cap is None else min(own, self.cap)

    @property
    def reach(self) -> Decimal:
        """Up to which amount it goes."""
        return Decimal("Infinity") if self.cap is None else self.cap

    def covers(self, document_type: str) -> bool:
        return not self.duties or document_type in self.duties

    @transition(
        status,
        source=Status.STANDING,
        target=Status.REVOKED,
        permission=either(_delegator, _manager_of_delegator, role(Role.ADMINISTRATOR), portal),
    )
    def revoke(self, *, at: Any, **_: Any) -> None:
        """End it now."""
        self.revoked_at = at


_lending = Composed[Delegation](lambda *asked: Delegation.objects.to_person(*asked))
given_by = Composed[Delegation](
    lambda people, at: Delegation.objects.standing(at).filter(from_user__in=people)
)


def lent_to(user: Any, at: datetime) -> list[Delegation]:
    """As `DelegationQuerySet.lending_to`, read at once. Statements: 1, or none."""
    return _lending(user.pk, user.entity_id, at) if _may_decide(user) else []


def furthest(delegations: Iterable[Delegation], document_type: str) -> Delegation | None:
    """Of those that cover documents of this type the one that goes furthest."""
    covering = [each for each in delegations if each.covers(document_type)]
    return max(covering, key=lambda each: (each.reach, each.pk), default=None)
