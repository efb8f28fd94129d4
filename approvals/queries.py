"""What waits for whom, and how a document's rounds went."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from approvals.models import ApprovalRequest, ApprovalStep


def inbox(user: User) -> QuerySet[ApprovalStep]:
    """Steps that wait for this person, the most urgent first, with what a list shows."""
    return (
        ApprovalStep.objects.awaiting(user)
        .select_related("entity", "request", "request__requester", "assignee")
        .order_by("due_at", "id")
    )


def waiting_count(user: User) -> int:
    """How many decisions wait for this person."""
    return ApprovalStep.objects.awaiting(user).count()


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
        .order_by("group", "id")
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
        .order_by("group", "id")
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
        .order_by("group", "id")
    )
    holders: dict[UUID, User] = {}
    for step in steps:
        holders.setdefault(step.request.subject_id, step.assignee)
    return holders


def approvers_of(subject_ids: Iterable[UUID]) -> set[UUID]:
    """The people whose own hand approved any of these documents. Statements: 1."""
    steps = ApprovalStep.objects.filter(
        request__subject_id__in=list(subject_ids), status=ApprovalStep.Status.APPROVED
    )
    return {pk for pk in steps.values_list("decided_by", flat=True) if pk is not None}


def history_of(subject_id: UUID) -> list[ApprovalStep]:
    """Every decided step of every round of a document, oldest first."""
    return list(
        ApprovalStep.objects.filter(request__subject_id=subject_id, decided_at__isnull=False)
        .select_related("assignee", "decided_by", "request")
        .order_by("decided_at", "id")
    )


def trail_ids(subject_id: UUID) -> list[UUID]:
    """Ids of a document's rounds and steps: their events belong on the document's timeline."""
    rounds = rounds_of(subject_id).values_list("pk", flat=True)
    steps = ApprovalStep.objects.filter(request__subject_id=subject_id).values_list("pk", flat=True)
    return [*rounds, *steps]
