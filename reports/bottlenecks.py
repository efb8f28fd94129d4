"""Where approvals wait: how long each kind of step and each person takes, and what waits now.

Hours are working hours of the entity from being asked to deciding. What was kept from an earlier
version was never asked and does not count; neither does who was skipped or whose step moved on.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import ceil
from statistics import median
from typing import Any
from uuid import UUID

from django.db.models import Count, Min, Q

from accounts import calendars
from accounts.models import Entity, Role, User
from approvals import steps
from approvals.models import ApprovalStep
from reports.accruals import end_of

USUALLY = timedelta(days=90)  # looked at where no day is said
MOST = 20_000
_TENTH = Decimal("0.1")
_KINDS = {
    steps.MANAGER: "Manager",
    steps.MANAGER_CHAIN: "Managers up to the limit",
    steps.BUDGET_OWNER: "Budget owner",
    steps.SERVICE_OWNER: "Service owner",
    steps.ON_CALL: "On call",
    steps.PERSON: "Named by the policy",
    "fallback": "Fallback approver",
    "added": "Added by an approver",
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """How one kind of step, or one person, does. Hours are None where nothing was decided.

    `key` is the stored kind of step, or the person's id. `late` were decided after they were due.
    """

    key: str
    name: str
    document_type: str
    count: int
    median_hours: Decimal | None
    p90_hours: Decimal | None
    late: int
    waiting: int
    overdue: int
    oldest: datetime | None


@dataclass(frozen=True)
class Bottlenecks:
    """Slowest first. `complete` unless only the newest decisions of the period were looked at."""

    entity: Entity
    since: date
    as_of: date | None
    steps: list[Stretch]
    people: list[Stretch]
    count: int
    waiting: int
    overdue: int
    median_hours: Decimal | None
    p90_hours: Decimal | None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class _Decision:
    kind: tuple[str, str]
    person: UUID
    hours: float
    late: bool


@dataclass(frozen=True, slots=True)
class _Queue:
    kind: tuple[str, str]
    person: UUID
    count: int
    overdue: int
    oldest: datetime


def bottlenecks(
    *, entity: Entity, now: datetime, since: date | None = None, as_of: date | None = None
) -> Bottlenecks:
    """What was decided from the start of `since` (90 days back) to the end of `as_of`, 20 000
    decisions at most, and what waits now. Statements: 3.
    """
    since = since or entity.day_of(now - USUALLY)
    start = datetime.combine(since, time.min, entity.zone)
    end = end_of(entity, as_of) if as_of else now
    decided, complete = _decided(entity, start, end)
    waiting = _waiting(entity, now)
    people = User.objects.in_bulk({each.person for each in (*decided, *waiting)})
    hours = [each.hours for each in decided]
    return Bottlenecks(
        entity=entity,
        since=since,
        as_of=as_of,
        steps=_stretches(decided, waiting, by=lambda each: each.kind, name=_of_step),
        people=_stretches(
            decided,
            waiting,
            by=lambda each: each.person,
            name=lambda key: (str(key), str(people[key]), ""),
        ),
        count=len(decided),
        waiting=sum(each.count for each in waiting),
        overdue=sum(each.overdue for each in waiting),
        median_hours=_median(hours),
        p90_hours=_p90(hours),
        complete=complete,
    )


def _decided(entity: Entity, start: datetime, end: datetime) -> tuple[list[_Decision], bool]:
    rows = (
        ApprovalStep.objects.filter(
            entity=entity,
            decided_at__gte=start,
            decided_at__lt=end,
            activated_at__isnull=False,
        )
        .order_by("-decided_at")
        .values_list(
            "request__subject_type", "kind", "assignee_id", "activated_at", "decided_at", "due_at"
        )[: MOST + 1]
    )
    found = [
        _Decision(
            (document_type, kind),
            person,
            calendars.working_time_between(entity, since, until).total_seconds() / 3600,
            due is not None and until > due,
        )
        for document_type, kind, person, since, until, due in rows
    ]
    return found[:MOST], len(found) <= MOST


def _waiting(entity: Entity, now: datetime) -> list[_Queue]:
    rows = (
        ApprovalStep.objects.filter(entity=entity, status=ApprovalStep.Status.ACTIVE)
        .order_by()
        .values_list("request__subject_type", "kind", "assignee_id")
        .annotate(
            number=Count("pk"),
            late=Count("pk", filter=Q(due_at__lt=now)),
            oldest=Min("activated_at"),
        )
    )
    return [
        _Queue((document_type, kind), person, number, late, oldest)
        for document_type, kind, person, number, late, oldest in rows
    ]


def _stretches(
    decided: Iterable[_Decision],
    waiting: Iterable[_Queue],
    *,
    by: Callable[[Any], Any],
    name: Callable[[Any], tuple[str, str, str]],
) -> list[Stretch]:
    done: dict[Any, list[_Decision]] = defaultdict(list)
    queues: dict[Any, list[_Queue]] = defaultdict(list)
    for each in decided:
        done[by(each)].append(each)
    for queue in waiting:
        queues[by(queue)].append(queue)
    made = [_stretch(name(key), done[key], queues[key]) for key in {*done, *queues}]
    return sorted(
        made, key=lambda each: (-(each.median_hours or 0), -each.waiting, each.name, each.key)
    )


def _stretch(
    named: tuple[str, str, str], decided: list[_Decision], queues: list[_Queue]
) -> Stretch:
    key, name, document_type = named
    hours = [each.hours for each in decided]
    return Stretch(
        key=key,
        name=name,
        document_type=document_type,
        count=len(decided),
        median_hours=_median(hours),
        p90_hours=_p90(hours),
        late=sum(each.late for each in decided),
        waiting=sum(each.count for each in queues),
        overdue=sum(each.overdue for each in queues),
        oldest=min((each.oldest for each in queues), default=None),
    )


def _of_step(key: tuple[str, str]) -> tuple[str, str, str]:
    document_type, kind = key
    if kind.startswith("role:") and (role := kind.removeprefix("role:")) in Role.values:
        return kind, str(Role(role).label), document_type
    return kind, _KINDS.get(kind, kind or "Approver"), document_type


def _median(hours: list[float]) -> Decimal | None:
    return _hours(median(hours)) if hours else None


def _p90(hours: list[float]) -> Decimal | None:
    """The smallest value that nine of ten do not exceed (nearest rank)."""
    return _hours(sorted(hours)[ceil(0.9 * len(hours)) - 1]) if hours else None


def _hours(value: float) -> Decimal:
    return Decimal(str(value)).quantize(_TENTH)
