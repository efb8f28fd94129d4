"""What waits for whom, and how a document's rounds went."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import calendars
from accounts.models import Entity, User
from approvals.models import (
    ApprovalPolicy,
    ApprovalRequest,
    ApprovalStep,
    Delegation,
    StepQuestion,
    furthest,
    given_by,
    lent_to,
)
from core.models import TrailEvent

MEASURED_OVER = timedelta(days=90)


def inbox(user: User, at: datetime) -> QuerySet[ApprovalStep]:
    """Steps that wait for this person or for whom they stand in, the most urgent first.

    With what a list shows; a step that is not the person's own is decided for its assignee.
    Statements: 1 here, which asks for delegations, and 1 when it is read.
    """
    return (
        ApprovalStep.objects.awaiting(user, at)
        .select_related("entity", "request", "request__requester", "assignee")
        .order_by("due_at", "id")
    )


def waiting_count(user: User, at: datetime) -> int:
    """How many decisions wait for this person, for others too."""
    return ApprovalStep.objects.awaiting(user, at).count()


def pending_of(user: User) -> QuerySet[ApprovalRequest]:
    """What this person asked approval for and others have to decide, the newest first."""
    return (
        ApprovalRequest.objects.filter(requester=user, status=ApprovalRequest.Status.PENDING)
        .select_related("entity")
        .order_by("-id")
    )


def policies_for_another(user: User) -> QuerySet[ApprovalPolicy]:
    """Drafts that this person did not work on, and policies that somebody else wants to end."""
    drafts = Q(status=ApprovalPolicy.Status.DRAFT) & ~Q(editors=user)
    ending = Q(status=ApprovalPolicy.Status.ACTIVE, retirement_asked_by__isnull=False)
    return (
        ApprovalPolicy.objects.filter(drafts | ending & ~Q(retirement_asked_by=user))
        .filter(entity=user.entity_id)
        .select_related("retirement_asked_by")
        .order_by("id")
    )


def questions_for(user: User) -> QuerySet[StepQuestion]:
    """What approvers want to know from this person, the oldest first."""
    return (
        StepQuestion.objects.filter(asked_of=user, answered_at=None)
        .select_related("asked_by", "step__request")
        .order_by("asked_at", "id")
    )


def acting_for(user: User, step: ApprovalStep, at: datetime) -> Delegation | None:
    """Under which delegation this person may decide the step for its assignee; None if not so."""
    if user.pk == step.assignee_id:
        return None
    if not ApprovalStep.objects.awaiting(user, at).filter(pk=step.pk).exists():
        return None
    given = Delegation.objects.lending_to(user, at).filter(from_user=step.assignee_id)
    return furthest(given, step.request.subject_type)


def look_for(user: User, steps: Iterable[ApprovalStep], at: datetime) -> None:
    """Note on others' steps under which delegation the person looks at them. Statements: 1.

    Whether it goes far enough is judged by what made the list, and again by the decision.
    """
    others = [step for step in steps if step.assignee_id != user.pk]
    given: dict[UUID, list[Delegation]] = defaultdict(list)
    if others:
        for each in lent_to(user, at):
            given[each.from_user_id].append(each)
    for step in others:
        step.acting_under = furthest(given[step.assignee_id], step.request.subject_type)


def requester_sides(rounds: Iterable[ApprovalRequest], at: datetime) -> dict[UUID, frozenset[UUID]]:
    """Who never decides on each: its requester, whom it is about, and the delegates of these.

    Statements: 1.
    """
    rounds = list(rounds)
    sides = {
        each.pk: {each.requester_id, *(UUID(str(pk)) for pk in each.facts.get("excluded", ()))}
        for each in rounds
    }
    given: dict[UUID, list[Delegation]] = defaultdict(list)
    for lent in given_by(set().union(*sides.values()), at):
        given[lent.from_user_id].append(lent)
    return {
        each.pk: frozenset(sides[each.pk]).union(
            lent.to_user_id
            for person in sides[each.pk]
            for lent in given[person]
            if lent.covers(each.subject_type)
        )
        for each in rounds
    }


def standing_delegations(user: User, at: datetime) -> QuerySet[Delegation]:
    """Who decides for this person at present, for whom a mail alone is then not enough."""
    return Delegation.objects.standing(at).filter(from_user=user).select_related("to_user")


def delegations(user: User) -> QuerySet[Delegation]:
    """Those that a person gave, received or looks after, newest first."""
    return (
        Delegation.objects.visible_to(user)
        .select_related("entity", "from_user", "to_user", "created_by")
        .order_by("-id")
    )


@dataclass(frozen=True)
class DueGroup:
    """Inbox rows that are due in the same stretch of time."""

    title: str
    tone: str
    steps: list[ApprovalStep] = field(default_factory=list)


def by_due_time(steps: Iterable[ApprovalStep], *, now: datetime) -> list[DueGroup]:
    """Overdue, today, later: by the calendar day of each step's entity; empty groups left out."""
    groups = [DueGroup("Overdue", "bad"), DueGroup("Due today", "wait"), DueGroup("Later", "plain")]
    for step in steps:
        zone = step.entity.zone
        if step.due_at is not None and step.due_at < now:
            groups[0].steps.append(step)
        elif (
            step.due_at is not None
            and step.due_at.astimezone(zone).date() == now.astimezone(zone).date()
        ):
            groups[1].steps.append(step)
        else:
            groups[2].steps.append(step)
    return [group for group in groups if group.steps]


def rounds_of(subject_id: UUID) -> QuerySet[ApprovalRequest]:
    """A document's rounds, newest first."""
    return ApprovalRequest.objects.filter(subject_id=subject_id).order_by("-id")


def steps_of(subject_id: UUID) -> list[ApprovalStep]:
    """The steps of a document's newest round in the order in which they were or will be asked."""
    newest = rounds_of(subject_id).first()
    if newest is None:
        return []
    steps = (
        ApprovalStep.objects.filter(request=newest)
        .select_related("assignee", "decided_by", "replaces__assignee")
        .order_by("stage", "group", "id")
    )
    return list(steps)


def chain_of(subject_id: UUID) -> list[dict[str, Any]]:
    """The newest round as rows for a chain: who, why, what they decided, when, by which channel."""
    rows: list[dict[str, Any]] = []
    seen_choice: set[int] = set()
    steps = steps_of(subject_id)
    for step in steps:
        if step.mode == "any" and not step.decided_at:
            open_choice = [
                each
                for each in steps
                if each.group == step.group and each.status in ("waiting", "active")
            ]
            if step in open_choice:
                if step.group not in seen_choice:
                    seen_choice.add(step.group)
                    rows.append(_row(step, [each.assignee for each in open_choice]))
                continue
        rows.append(_row(step, [step.assignee]))
    return rows


def _row(step: ApprovalStep, people: list[User]) -> dict[str, Any]:
    return {
        "step": step,
        "group": step.group,
        "label": step.why,
        "people": people,
        "status": step.status,
        "decided_by": step.decided_by,
        "on_behalf_of": step.assignee if step.delegation_id else None,
        "decided_at": step.decided_at,
        "due_at": step.due_at,
        "comment": step.comment,
        "channel": step.get_channel_display(),
    }


def holder_of(subject_id: UUID) -> User | None:
    """Who must act now: the person of the first open step of the pending round."""
    step = (
        ApprovalStep.objects.filter(
            request__subject_id=subject_id,
            request__status=ApprovalRequest.Status.PENDING,
            status=ApprovalStep.Status.ACTIVE,
        )
        .select_related("assignee")
        .order_by("stage", "group", "id")
        .first()
    )
    return step.assignee if step else None


def holders_of(subject_ids: Iterable[UUID]) -> dict[UUID, User]:
    """`holder_of` for a list page: one query however many documents."""
    steps = (
        ApprovalStep.objects.filter(
            request__subject_id__in=list(subject_ids),
            request__status=ApprovalRequest.Status.PENDING,
            status=ApprovalStep.Status.ACTIVE,
        )
        .select_related("assignee", "request")
        .order_by("stage", "group", "id")
    )
    holders: dict[UUID, User] = {}
    for step in steps:
        holders.setdefault(step.request.subject_id, step.assignee)
    return holders


def approved_steps(subject_ids: Any) -> QuerySet[ApprovalStep]:
    """The steps of these documents that somebody's own hand approved: ids, or a query of them."""
    return ApprovalStep.objects.filter(
        request__subject_id__in=subject_ids,
        status=ApprovalStep.Status.APPROVED,
        decided_by__isnull=False,
    )


def history_of(subject_id: UUID) -> list[ApprovalStep]:
    """Every decided step of every round of a document, oldest first."""
    return list(
        ApprovalStep.objects.filter(request__subject_id=subject_id, decided_at__isnull=False)
        .select_related("assignee", "decided_by", "request", "delegation")
        .order_by("decided_at", "id")
    )


def trail_ids(subject_id: UUID) -> list[UUID]:
    """Ids of a document's rounds and steps: their events belong on the document's timeline."""
    rounds = rounds_of(subject_id).values_list("pk", flat=True)
    steps = ApprovalStep.objects.filter(request__subject_id=subject_id).values_list("pk", flat=True)
    return [*rounds, *steps]


def usual_hours(
    entity: Entity, people: Iterable[User], at: datetime | None = None
) -> dict[UUID, Decimal]:
    """How many working hours each of these people took lately from being asked to deciding.

    The median of the last 90 days, of the newest 50 decisions each on average (5 000 in all); who
    decided nothing is left out. Statements: 1.
    """
    wanted = [person.pk for person in people]
    decided = (
        ApprovalStep.objects.filter(
            entity=entity,
            assignee__in=wanted,
            decided_at__gte=(at or timezone.now()) - MEASURED_OVER,
            activated_at__isnull=False,
        )
        .order_by("-decided_at")
        .values_list("assignee_id", "activated_at", "decided_at")
    )
    taken: dict[UUID, list[float]] = defaultdict(list)
    for person, since, until in decided[: min(50 * len(wanted), 5000)]:
        passed = calendars.working_time_between(entity, since, until)
        taken[person].append(passed.total_seconds() / 3600)
    return {
        person: Decimal(str(median(hours))).quantize(Decimal("0.1"))
        for person, hours in taken.items()
    }


def submitted_content(subject_id: UUID, digest: str, *, event: str) -> Any:
    """What a document said when it was submitted under a digest, as its event kept it; None where
    no such content was. Statements: 1."""
    submitted = TrailEvent.objects.filter(document_id=subject_id, type=event, data__digest=digest)
    found = submitted.order_by("sequence").last()
    return found.data["content"] if found is not None else None
