"""Which emergencies still wait for the look afterwards."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import Role, User
from approvals.models import Ratification

_SEES_ALL = (Role.ADMINISTRATOR, Role.CONTROLLER, Role.AUDITOR)


def overdue_ratification(user: User, at: datetime) -> Ratification | None:
    """The oldest overdue one of a requester; until it is settled, the path is shut."""
    return overdue(at).filter(requester=user).first()


def overdue(at: datetime) -> QuerySet[Ratification]:
    """What should have been ratified by now, the oldest first."""
    return (
        Ratification.objects.filter(status=Ratification.Status.DUE, due_at__lt=at)
        .select_related("request", "requester", "assignee")
        .order_by("due_at", "id")
    )


def falling_to(user: User) -> QuerySet[Ratification]:
    """What this person has to look at, the most urgent first."""
    return (
        Ratification.objects.filter(status=Ratification.Status.DUE, assignee=user)
        .select_related("request", "requester", "entity")
        .order_by("due_at", "id")
    )


def bypasses(entity: Any) -> QuerySet[Ratification]:
    """Every approved emergency of an entity, newest first: the report of bypasses."""
    return (
        Ratification.objects.filter(entity=entity)
        .select_related("request", "requester", "assignee", "settled_by")
        .order_by("-id")
    )


def visible_to(user: User) -> QuerySet[Ratification]:
    """Those of one's own emergencies, those that fall to one, or settled by one; oversight all."""
    entity = Ratification.objects.filter(entity=user.entity_id)
    if user.has_role(*_SEES_ALL):
        return entity
    return entity.filter(Q(requester=user) | Q(assignee=user) | Q(settled_by=user))
