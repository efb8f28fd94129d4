"""Reminders and escalations: whatever is due, each once, in batches.

A batch takes what nobody else holds at that moment: who is deciding right now needs no reminder,
and the next tick finds the rest. Locks are taken in the order of a decision: documents, rounds,
steps.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from approvals import chain, clock, queries, subjects
from approvals.models import ApprovalRequest, ApprovalStep
from approvals.services import rounds
from core import events, rows, transactions
from core.transitions import perform

BATCH = 250
_GONE = (ApprovalStep.Status.SKIPPED, ApprovalStep.Status.ESCALATED)
_NUDGED = ("status", "nudges", "next_nudge_at", "version")
_SEATED = ("stage", "group", "mode", "quorum", "required_limit", "replaces", "sla_hours")
_OPENED = (*_NUDGED, *_SEATED, "activated_at", "due_at")


def nudge(*, at: datetime) -> dict[str, int]:
    """Remind when a step's time is up and again after as much more; escalate after the third.

    However late or often this runs, a step gets only the highest that is due. Counts what it did:
    reminded, escalated, and stuck, where nobody is left to escalate to.
    """
    counts = {"reminded": 0, "escalated": 0, "stuck": 0}
    due = list(_due(at).order_by("next_nudge_at").values_list("pk", flat=True))
    for start in range(0, len(due), BATCH):
        batch = due[start : start + BATCH]
        counts["reminded"] += _remind(batch, at)
        escalated, stuck = _escalate(batch, at)
        counts["escalated"] += escalated
        counts["stuck"] += stuck
    return counts


def _due(at: datetime) -> QuerySet[ApprovalStep]:
    return ApprovalStep.objects.filter(status=ApprovalStep.Status.ACTIVE, next_nudge_at__lte=at)


@transactions.atomic
def _remind(batch: Collection[UUID], at: datetime) -> int:
    steps = list(
        _due(at)
        .filter(pk__in=batch)
        .select_for_update(of=("self",), no_key=True, skip_locked=True)
        .select_related("entity", "request", "assignee")
        .order_by("pk")
    )
    reminded = []
    for step in steps:
        level = clock.level(step, at)
        if level < clock.ESCALATE_AT:
            step.nudges, step.next_nudge_at = level, clock.threshold(step, level + 1)
            step.version += 1
            data = {**rounds.about(step.request), "level": level}
            events.publish("approval.reminded", step, actor=None, at=at, data=data)
            reminded.append(step)
    rows.store(reminded, _NUDGED)
    return len(reminded)


@dataclass
class _Sweep:
    """What a batch of escalations knows, and the rows that it changes."""

    at: datetime
    people: dict[UUID, User]
    barred: dict[UUID, frozenset[UUID]]
    changed: list[ApprovalStep] = field(default_factory=list)
    opened: list[ApprovalStep] = field(default_factory=list)
    added: list[ApprovalStep] = field(default_factory=list)
    stuck: int = 0


@transactions.atomic
def _escalate(batch: Collection[UUID], at: datetime) -> tuple[int, int]:
    """Hand on what has waited three times its time; without anybody it stays, told once."""
    held = _locked_rounds(_due(at).filter(pk__in=batch))
    if not held:
        return 0, 0
    steps_of: dict[UUID, list[ApprovalStep]] = defaultdict(list)
    for step in _locked_steps(held):
        steps_of[step.request_id].append(step)
    people = _people({round_.entity_id for round_ in held})
    sweep = _Sweep(at, people, queries.requester_sides(held, at))
    escalated = 0
    for round_ in held:
        steps = steps_of[round_.pk]
        for step in list(steps):
            if step.pk in batch and _is_due(step, at):
                escalated += _escalate_one(sweep, round_, steps, step)
    rows.store(sweep.changed, _NUDGED)
    rows.store(sweep.opened, _OPENED)
    ApprovalStep.objects.bulk_create(sweep.added)
    for step in [*sweep.opened, *sweep.added]:
        rounds.announce(step, at=at)
    return escalated, sweep.stuck


def _is_due(step: ApprovalStep, at: datetime) -> bool:
    return (
        step.status == ApprovalStep.Status.ACTIVE
        and step.next_nudge_at is not None
        and step.next_nudge_at <= at
        and clock.level(step, at) >= clock.ESCALATE_AT
    )


def _locked_rounds(due: Iterable[ApprovalStep]) -> list[ApprovalRequest]:
    """The rounds of these steps whose documents nobody holds, both locked."""
    wanted = ApprovalRequest.objects.filter(steps__in=due).distinct()
    documents: dict[str, list[UUID]] = defaultdict(list)
    for subject_type, subject_id in wanted.values_list("subject_type", "subject_id"):
        documents[subject_type].append(subject_id)
    free: list[UUID] = []
    for subject_type in sorted(documents):
        free += subjects.lock_free(subject_type, documents[subject_type])
    return list(
        ApprovalRequest.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
        .filter(subject_id__in=free, status=ApprovalRequest.Status.PENDING)
        .select_related("entity", "entity__fallback_approver")
        .order_by("pk")
    )


def _locked_steps(held: list[ApprovalRequest]) -> list[ApprovalStep]:
    round_of = {round_.pk: round_ for round_ in held}
    steps = list(
        ApprovalStep.objects.select_for_update(of=("self",), no_key=True)
        .filter(request__in=round_of)
        .select_related("assignee")
        .order_by("pk")
    )
    for step in steps:
        step.request = round_of[step.request_id]
        step.entity = step.request.entity
    return steps


def _people(entities: Collection[UUID]) -> dict[UUID, User]:
    """Everybody of these entities, their managers at hand without further queries."""
    people = {person.pk: person for person in User.objects.filter(entity__in=entities)}
    for person in people.values():
        if person.manager_id in people:
            person.manager = people[person.manager_id]
    return people


def _escalate_one(
    sweep: _Sweep, round_: ApprovalRequest, steps: list[ApprovalStep], step: ApprovalStep
) -> int:
    heir, data = _heir(sweep, round_, steps, step), rounds.about(round_)
    sweep.changed.append(step)
    step.version += 1
    if heir is None:
        step.nudges, step.next_nudge_at = clock.ESCALATE_AT, None
        events.publish("approval.stuck", step, actor=None, at=sweep.at, data=data)
        sweep.stuck += 1
        return 0
    perform(step.escalate, actor=None, at=sweep.at)
    data |= {"to": str(heir.pk)}
    reason = f"{step.assignee} did not answer in time"
    events.publish("approval.escalated", step, actor=None, at=sweep.at, reason=reason, data=data)
    _join_or_replace(sweep, steps, step, heir)
    return 1


def _heir(
    sweep: _Sweep, round_: ApprovalRequest, steps: list[ApprovalStep], step: ApprovalStep
) -> User | None:
    """Managers upwards, then the fallback approver: active, allowed to decide, not heard yet."""
    fallback = round_.entity.fallback_approver
    heard = {each.assignee_id for each in steps if _has_own_say(each, step)}
    heard |= {each.decided_by_id for each in steps if each.decided_by_id}
    above = chain.superiors(sweep.people.get(step.assignee_id, step.assignee))
    for person in [*above, *([fallback] if fallback else [])]:
        if (
            person.is_active
            and person.entity_id == round_.entity_id
            and person.pk not in sweep.barred[round_.pk]
            and person.pk not in heard
            and (step.required_limit is None or (person.approval_limit or 0) >= step.required_limit)
        ):
            return person
    return None


def _has_own_say(other: ApprovalStep, step: ApprovalStep) -> bool:
    """Whether this person's say must not be merged with the escalated one.

    Who is merely waiting for a later turn can be asked now instead; not so in place of a choice,
    where a colleague's yes would do away with a later yes that is a must.
    """
    if other.status in _GONE:
        return False
    if other.status != ApprovalStep.Status.WAITING:
        return True
    return other.mode == "all" and step.mode != "all"


def _join_or_replace(
    sweep: _Sweep, steps: list[ApprovalStep], step: ApprovalStep, heir: User
) -> None:
    """A new step for the heir; whoever was to be asked later anyway is asked now, once."""
    waiting = ApprovalStep.Status.WAITING
    later = next((s for s in steps if s.assignee_id == heir.pk and s.status == waiting), None)
    if later is None:
        successor = rounds.successor_of(step, heir, why=f"Escalated from {step.assignee}")
        successor.created_at = sweep.at
        steps.append(successor)
        sweep.added.append(successor)
    else:
        successor = later
        limits = [each for each in (later.required_limit, step.required_limit) if each is not None]
        later.required_limit = max(limits, default=None)
        later.stage, later.group, later.mode = step.stage, step.group, step.mode
        later.quorum, later.replaces = step.quorum, step
        later.version += 1
        sweep.opened.append(later)
    rounds.open_in_memory([successor], sweep.at)
