"""Emergencies looked at afterwards: every bypass, how it was settled, and how often it happens.

A bypass is an approved emergency. It counts on the day of its approval, and stands in the report as
it stood at the end of the period: settled later, it was still due then.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from accounts.models import Entity, User
from approvals.models import ApprovalRequest, ApprovalStep, Ratification
from core.money import ZERO
from reports.accruals import end_of

DUE, OVERDUE = "due", "overdue"
RATIFIED, OBJECTED = Ratification.Status.RATIFIED.value, Ratification.Status.OBJECTED.value


@dataclass(frozen=True, slots=True)
class Bypass:
    """One approved emergency. `status` is due, overdue, ratified or objected; `late`: settled
    after it was due. `amount` is base currency."""

    task: Ratification
    decided_by: tuple[User, ...]
    status: str
    late: bool

    @property
    def round_(self) -> ApprovalRequest:
        return self.task.request

    @property
    def approved_at(self) -> datetime:
        return self.task.created_at

    @property
    def amount(self) -> Decimal:
        return self.round_.amount


@dataclass(frozen=True, slots=True)
class Usage:
    """How somebody used the path."""

    person: User
    count: int
    amount: Decimal
    objected: int


@dataclass(frozen=True)
class Review:
    """`bypasses` come overdue first, then the latest first. `approved` counts all requests that
    were approved in the period, emergencies among them."""

    entity: Entity
    since: date | None
    as_of: date | None
    bypasses: list[Bypass]
    approved: int

    @property
    def rate(self) -> Decimal:
        """Which share of the approved requests were emergencies; 0 of none."""
        return Decimal(len(self.bypasses)) / self.approved if self.approved else ZERO

    @property
    def amount(self) -> Decimal:
        return sum((each.amount for each in self.bypasses), ZERO)

    @property
    def late(self) -> int:
        return sum(each.late for each in self.bypasses)

    def of_status(self, *statuses: str) -> int:
        return sum(each.status in statuses for each in self.bypasses)

    @property
    def overdue(self) -> int:
        return self.of_status(OVERDUE)

    @property
    def objected(self) -> int:
        return self.of_status(OBJECTED)

    @property
    def due(self) -> int:
        return self.of_status(DUE)

    @cached_property
    def usage(self) -> list[Usage]:
        """By requester, the most frequent first."""
        theirs: dict[User, list[Bypass]] = defaultdict(list)
        for each in self.bypasses:
            theirs[each.task.requester].append(each)
        made = [
            Usage(
                person,
                len(rows),
                sum((row.amount for row in rows), ZERO),
                sum(row.status == OBJECTED for row in rows),
            )
            for person, rows in theirs.items()
        ]
        return sorted(made, key=lambda each: (-each.count, -each.amount, each.person.name))


def review(
    *, entity: Entity, now: datetime, since: date | None = None, as_of: date | None = None
) -> Review:
    """What was approved as an emergency from the start of `since` to the end of `as_of`.

    Statements: 3.
    """
    start = datetime.combine(since, time.min, entity.zone) if since else None
    end = min(end_of(entity, as_of), now) if as_of else now
    tasks = Ratification.objects.filter(entity=entity, created_at__lt=end)
    rounds = ApprovalRequest.objects.filter(
        entity=entity,
        subject_type="requisition",
        status=ApprovalRequest.Status.APPROVED,
        closed_at__lt=end,
    )
    if start is not None:
        tasks, rounds = tasks.filter(created_at__gte=start), rounds.filter(closed_at__gte=start)
    found = list(
        tasks.select_related("request", "requester", "assignee", "settled_by").order_by("-id")
    )
    signed = _signers({task.request_id for task in found})
    bypasses = [_bypass(task, signed.get(task.request_id, ()), end) for task in found]
    bypasses.sort(key=lambda each: each.status != OVERDUE)
    return Review(entity, since, as_of, bypasses, rounds.count())


def _signers(rounds: Iterable[UUID]) -> dict[UUID, tuple[User, ...]]:
    steps = ApprovalStep.objects.filter(
        request__in=rounds, status=ApprovalStep.Status.APPROVED
    ).select_related("decided_by")
    found: dict[UUID, tuple[User, ...]] = defaultdict(tuple)
    for step in steps.order_by("decided_at", "id"):
        if step.decided_by is not None:
            found[step.request_id] += (step.decided_by,)
    return found


def _bypass(task: Ratification, signed: tuple[User, ...], end: datetime) -> Bypass:
    settled = task.settled_at is not None and task.settled_at < end
    open_ = OVERDUE if task.due_at < end else DUE
    late = settled and task.settled_at is not None and task.settled_at > task.due_at
    return Bypass(task, signed, str(task.status) if settled else open_, late)
