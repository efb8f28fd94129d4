"""What the pages of administration show."""

from datetime import date
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from accounts.models import Entity, Mitigation, RoleAssignment, User
from administration.models import READERS, ChangeRequest
from core import called
from core.models import TrailEvent
from invoicing import limits
from invoicing.models import Tolerance


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
        "entity", "person", "policy", "vendor", "proposed_by", "decided_by"
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
    return called.by_name(events.order_by("-sequence")[:50])


def tolerances(entity: Entity, *, on: date, past: bool) -> list[Tolerance]:
    """Rows in the order in which they are resolved: by check, the most specific first.

    Those that hold or will; `past`: those that do not any more, the newest first. Statements: 1.
    """
    rows = Tolerance.objects.filter(entity=entity)
    rows = rows.filter(valid_to__lt=on) if past else rows.exclude(valid_to__lt=on)
    checks = {check: index for index, check in enumerate(Tolerance.Check.values)}
    found = list(rows.select_related("vendor", "entity").order_by("-pk" if past else "pk"))
    if past:
        return found

    def place(row: Tolerance) -> tuple[Any, ...]:
        check = checks.get(row.check_name, len(checks))
        return (check, row.direction, -limits.rank(row), limits.scope(row), row.pk)

    return sorted(found, key=place)


def changes_of(row: Tolerance) -> QuerySet[ChangeRequest]:
    """Every change that was ever proposed for the scope of a tolerance, newest first."""
    vendor = {"after__vendor__id": str(row.vendor_id)} if row.vendor_id else {"after__vendor": None}
    return ChangeRequest.objects.filter(
        entity_id=row.entity_id,
        kind=ChangeRequest.Kind.TOLERANCE,
        after__check=row.check_name,
        after__direction=row.direction,
        after__category=row.category,
        **vendor,
    ).order_by("-pk")


def versions_of(row: Tolerance) -> list[Tolerance]:
    """Every row there ever was of the scope of a tolerance, newest first. Statements: 1."""
    return list(Tolerance.objects.of_scope(row).select_related("vendor"))


def events_of(changes: QuerySet[ChangeRequest]) -> QuerySet[TrailEvent]:
    """What happened to these changes, newest first."""
    events = TrailEvent.objects.filter(document_id__in=changes.order_by().values("pk"))
    return events.select_related("actor", "on_behalf_of").order_by("-sequence")
