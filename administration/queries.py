"""What the pages of administration show."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, F, Max, Prefetch, Q, QuerySet

from accounts.models import Entity, Mitigation, RoleAssignment, User
from administration.models import READERS, ChangeRequest
from core.models import TrailEvent
from notifications.models import OutgoingMail
from vendors.models import Vendor


def people(entity: Entity, *, show: str = "", search: str = "") -> QuerySet[User]:
    """People of an entity by name, with their roles. Statements: 2, however many."""
    found = User.objects.filter(entity=entity, is_active=show != "left")
    words = search.strip()
    if words:
        found = found.filter(
            Q(name__icontains=words) | Q(email__icontains=words) | Q(job_title__icontains=words)
        )
    given = RoleAssignment.objects.filter(entity=entity).order_by("role")
    return (
        found.select_related("manager")
        .prefetch_related(Prefetch("role_assignments", queryset=given, to_attr="given"))
        .order_by("name", "pk")
    )


def changes(user: User, *, open_only: bool) -> QuerySet[ChangeRequest]:
    """Changes a person may see, newest first. Statements: 1."""
    found = ChangeRequest.objects.visible_to(user).select_related(
        "entity", "person", "policy", "proposed_by", "decided_by"
    )
    proposed = Q(status=ChangeRequest.Status.PROPOSED)
    return found.filter(proposed if open_only else ~proposed).order_by("-pk")


def open_count(user: User) -> int:
    """Open changes, for those who oversee them."""
    if not user.has_role(*READERS):
        return 0
    return ChangeRequest.objects.filter(
        entity_id=user.entity_id, status=ChangeRequest.Status.PROPOSED
    ).count()


def mitigations(entity: Entity) -> QuerySet[Mitigation]:
    """All exceptions ever approved, the longest lasting first. Statements: 1."""
    return (
        Mitigation.objects.filter(entity=entity)
        .select_related("person", "approved_by")
        .order_by("-valid_until", "-pk")
    )


def standing_mitigations(entity: Entity, *, on: date) -> QuerySet[Mitigation]:
    """Exceptions that hold on a day. Statements: 1."""
    return mitigations(entity).filter(valid_until__gte=on)


def history_of(person: User) -> list[TrailEvent]:
    """What was changed about a person, newest first."""
    events = TrailEvent.objects.filter(document_id=person.pk).select_related("actor")
    return list(events.order_by("-sequence")[:50])


@dataclass(frozen=True)
class Bounce:
    """An address that mail does not reach: whose it is, how often, since when, and why."""

    address: str
    owner: str
    count: int
    failed_at: datetime
    error: str


def bounces(entity: Entity, *, most: int = 100) -> list[Bounce]:
    """Addresses of an entity's people and vendors that mail failed to reach and that none reached
    since, the latest first. Statements: 4, however many."""
    failed = Q(status=OutgoingMail.Status.FAILED)
    grouped = list(
        OutgoingMail.objects.order_by()
        .values("recipient")
        .annotate(
            count=Count("pk", filter=failed),
            failed_at=Max("created_at", filter=failed),
            reached_at=Max("sent_at"),
        )
        .filter(Q(reached_at=None) | Q(reached_at__lt=F("failed_at")), count__gt=0)
        .order_by("-failed_at")[:most]
    )
    addresses = [each["recipient"] for each in grouped]
    owners = dict(
        Vendor.objects.filter(entity=entity, order_email__in=addresses).values_list(
            "order_email", "name"
        )
    )
    owners |= dict(
        User.objects.filter(entity=entity, email__in=addresses).values_list("email", "name")
    )
    mails = OutgoingMail.objects.filter(failed, recipient__in=addresses).order_by("created_at")
    errors = dict(mails.values_list("recipient", "error"))
    return [
        Bounce(address, owners[address], each["count"], each["failed_at"], errors[address])
        for each in grouped
        if (address := each["recipient"]) in owners
    ]
