"""Somebody left: what waited for them goes to others, and nobody decides for them any more."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Role, User
from approvals import chain
from approvals.models import (
    ActionToken,
    ApprovalRequest,
    ApprovalStep,
    Delegation,
    Ratification,
    StepQuestion,
)
from approvals.services import decisions, delegations, questions, ratifications, rounds
from core import events, transactions
from core.models import TrailEvent
from core.transitions import perform

CAUSE = "deactivated"  # why a mail's link died
_WAITING, _ACTIVE = ApprovalStep.Status.WAITING, ApprovalStep.Status.ACTIVE
_OPEN = (_WAITING, _ACTIVE)


def reroute_leaver(*, person: User, at: datetime) -> dict[str, int]:
    """Void the delegations and links of somebody who left; what waits for them goes to another.

    To the entity's fallback approver, else to whoever stands above, who may decide this and has no
    say in the round yet; to one who has to agree anyway where nobody else is left. A step for which
    there is nobody stays, and that is told once: it never passes in silence. Questions to them end,
    and emergencies they had to look at fall to another. Each is a unit of work of its own. Counts
    what it did; does nothing for a person who is active.
    """
    counts = {"delegations": 0, "rerouted": 0, "stuck": 0}
    if User.objects.filter(pk=person.pk, is_active=True).exists():
        return counts
    ends = Delegation.objects.filter(
        Q(from_user=person) | Q(to_user=person), status=Delegation.Status.STANDING, valid_to__gt=at
    )
    for each in ends.order_by("pk"):
        counts["delegations"] += _void(each, person, at)
    ActionToken.objects.filter(person=person, used_at=None, void_reason="").update(
        void_reason=CAUSE
    )
    waiting = ApprovalStep.objects.filter(assignee=person, status__in=_OPEN).order_by("pk")
    for step_id in list(waiting.values_list("pk", flat=True)):
        done = _reroute(step_id, at)
        if done:
            counts[done] += 1
    for question in StepQuestion.objects.filter(asked_of=person, answered_at=None).order_by("pk"):
        questions.give_up(question=question, at=at)
    due = Ratification.objects.filter(assignee=person, status=Ratification.Status.DUE)
    for task in due.order_by("pk"):
        counts[_hand_on(task, at)] += 1
    return counts


def reroute_lost_roles(*, person: User, at: datetime) -> dict[str, int]:
    """Hand on, as for a leaver, what waits for somebody in a role that they do not have any more.

    Counts what it did. What waits for them for another reason stays with them.
    """
    counts = {"rerouted": 0, "stuck": 0}
    asked = ApprovalStep.objects.filter(
        assignee=person, status__in=_OPEN, kind__startswith="role:", replaces=None
    ).select_related("assignee")
    for step in asked.order_by("pk"):
        done = "" if step.is_entitled else _reroute(step.pk, at)
        if done:
            counts[done] += 1
    return counts


def reroute_leavers(*, at: datetime) -> int:
    """Whoever left and still holds something; returns how many. Statements: 1 for nobody."""
    found = list(leavers(at))
    for person in found:
        reroute_leaver(person=person, at=at)
    return len(found)


def leavers(at: datetime) -> QuerySet[User]:
    """Inactive people for whom anything of approval is still open."""
    person = OuterRef("pk")
    standing = Delegation.objects.filter(status=Delegation.Status.STANDING, valid_to__gt=at)
    return User.objects.filter(is_active=False).filter(
        Exists(ApprovalStep.objects.filter(assignee=person, status__in=_OPEN))
        | Exists(standing.filter(from_user=person))
        | Exists(standing.filter(to_user=person))
        | Exists(StepQuestion.objects.filter(asked_of=person, answered_at=None))
        | Exists(Ratification.objects.filter(assignee=person, status=Ratification.Status.DUE))
    )


def _hand_on(task: Ratification, at: datetime) -> str:
    try:
        ratifications.hand_on(ratification=task, at=at)
    except chain.NoApprover:
        return "stuck"  # it stays overdue, which is told where emergencies are
    return "rerouted"


@transactions.atomic
def _void(delegation: Delegation, person: User, at: datetime) -> bool:
    delegation = (
        Delegation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity", "from_user", "to_user")
        .get(pk=delegation.pk)
    )
    if delegation.status != Delegation.Status.STANDING:
        return False  # revoked by somebody since it was looked for
    perform(delegation.revoke, actor=None, at=at)
    delegation.save()
    delegations.void_links(delegation)
    events.publish(
        "delegation.revoked",
        delegation,
        actor=None,
        at=at,
        reason="Who gave it left",
        data=delegations.about(delegation),
    )
    return True


@transactions.atomic
def _reroute(step_id: UUID, at: datetime) -> str:
    round_, steps = rounds.locked_round(ApprovalStep.objects.get(pk=step_id))
    step = next(each for each in steps if each.pk == step_id)
    if step.status not in _OPEN or step.is_entitled:
        return ""  # decided, forwarded or taken back by somebody since it was looked for
    heir = next(_heirs(round_, steps, step, at), None)
    if heir is not None:
        _seat(step, heir, at)
        return "rerouted"
    holder = next(_who_must_agree_anyway(steps, step), None)
    if holder is not None:
        _leave_to(step, holder, at)
        rounds.advance(round_, steps, actor=None, at=at)
        return "rerouted"
    _tell_stuck(step, at)
    return "stuck"


def _heirs(
    round_: ApprovalRequest, steps: list[ApprovalStep], step: ApprovalStep, at: datetime
) -> Iterator[User]:
    """The fallback approver and whoever stands above, as far as they may decide on this."""
    entity = round_.entity
    seated = {each.assignee_id for each in steps if each.status not in ApprovalStep.GONE}
    seated |= {each.decided_by_id for each in steps if each.decided_by_id}
    barred = decisions.requester_side(round_, at)
    for person in _above(entity.fallback_approver, step.assignee):
        if (
            person.is_active
            and person.entity_id == entity.pk
            and person.pk not in seated
            and person.pk not in barred
            and (step.required_limit is None or (person.approval_limit or 0) >= step.required_limit)
        ):
            yield person


def _cause(step: ApprovalStep) -> str:
    """Why its person does not decide any more, after whoever that is."""
    if not step.assignee.is_active:
        return "left"
    return f"is not {Role(step.asked_as).label} any more"


def _above(fallback: User | None, leaver: User) -> Iterable[User]:
    if fallback is not None:
        yield fallback
        yield from chain.superiors(fallback)
    yield from chain.superiors(leaver)


def _seat(step: ApprovalStep, heir: User, at: datetime) -> None:
    successor = rounds.successor_of(step, heir, why=f"{step.assignee} {_cause(step)}")
    successor.created_at = at
    was_active = step.status == _ACTIVE
    _skip(step, heir, at)
    if was_active:
        rounds.open_steps([successor], at=at)
    else:
        successor.save()


def _who_must_agree_anyway(steps: list[ApprovalStep], step: ApprovalStep) -> Iterator[ApprovalStep]:
    """Open steps without which the round cannot end well, of people whose limit suffices here."""
    for each in steps:
        alone = not any(
            other.group == each.group and other.pk != each.pk and other.status in _OPEN
            for other in steps
        )
        if (
            each.status in _OPEN
            and each.pk != step.pk
            and each.is_entitled
            and (each.mode == "all" or alone)
            and (
                step.required_limit is None
                or (each.assignee.approval_limit or 0) >= step.required_limit
            )
        ):
            yield each


def _leave_to(step: ApprovalStep, holder: ApprovalStep, at: datetime) -> None:
    """Whoever has to agree anyway answers for this as well: with the higher of both limits."""
    limits = [each for each in (step.required_limit, holder.required_limit) if each is not None]
    if limits and holder.required_limit != max(limits):
        holder.required_limit = max(limits)
        holder.save()
    _skip(step, holder.assignee, at)


def _skip(step: ApprovalStep, heir: User, at: datetime) -> None:
    perform(step.skip, actor=None, at=at)
    step.save()
    events.publish(
        "approval.rerouted",
        step,
        actor=None,
        at=at,
        reason=f"Whoever was asked {_cause(step)}",
        data={**rounds.about(step.request), "to": str(heir.pk)},
    )


def _tell_stuck(step: ApprovalStep, at: datetime) -> None:
    if not TrailEvent.objects.filter(document_id=step.pk, type="approval.stuck").exists():
        events.publish(
            "approval.stuck",
            step,
            actor=None,
            at=at,
            reason=f"Whoever was asked {_cause(step)}, and nobody else may decide",
            data=rounds.about(step.request),
        )
