"""A step that changes hands: forwarded by its person, or escalated because it waited too long."""

from datetime import datetime
from uuid import UUID

from accounts import calendars
from accounts.models import Role, User
from approvals import chain
from approvals.models import ApprovalRequest, ApprovalStep
from approvals.services import decisions, rounds
from core import events, transactions
from core.errors import Conflict, FieldError, Invalid
from core.transitions import perform

DECIDING_ROLES = (Role.APPROVER, Role.BUDGET_OWNER, Role.CONTROLLER, Role.AP_MANAGER)
ESCALATE_AFTER_DAYS = 3  # working days; reminders after the first and the second
_GONE = (ApprovalStep.Status.SKIPPED, ApprovalStep.Status.ESCALATED)


@transactions.atomic
def forward(
    *, step: ApprovalStep, to: User, actor: User, at: datetime, comment: str = ""
) -> ApprovalStep:
    """Let `to` decide in the actor's place; returns the new step.

    Raises SelfApproval for the requester on either side, NotAllowed and IllegalTransition as a
    decision would, LimitTooLow when the step needs a limit that `to` lacks, Invalid when `to` is
    no approver of this entity, Conflict when `to` has a say in this round already.
    """
    decisions.require_comment(comment)
    round_, steps = rounds.locked_round(step.pk)
    step = next(each for each in steps if each.pk == step.pk)
    decisions.refuse_requester(round_, actor)
    decisions.refuse_requester(round_, to)
    perform(step.hand_on, actor=actor, at=at, comment=comment.strip())
    if not to.is_active or to.entity_id != step.entity_id or not to.has_role(*DECIDING_ROLES):
        detail = "Choose somebody who may approve in this entity."
        raise Invalid(detail, errors=[FieldError("/to", "invalid", detail)])
    if to.pk == actor.pk or any(
        each.assignee_id == to.pk and each.status not in _GONE for each in steps
    ):
        raise Conflict(f"{to} is asked in this round already.")
    decisions.require_limit(step, to)
    step.save()
    events.publish(
        "approval.forwarded",
        step,
        actor=actor,
        at=at,
        reason=step.comment,
        data={**rounds.about(round_), "to": str(to.pk), "to_name": str(to)},
    )
    return _replace(step, to, why=f"Forwarded by {actor}", at=at)


def nudge(*, at: datetime) -> dict[str, int]:
    """Remind after one and two working days, escalate after three; each once per step.

    However late or often this runs, a step gets only the highest that is due. Counts what it did.
    """
    due = ApprovalStep.objects.filter(
        status=ApprovalStep.Status.ACTIVE, next_nudge_at__lte=at
    ).order_by("next_nudge_at")
    counts = {"reminded": 0, "escalated": 0, "stuck": 0}
    for step_id in due.values_list("pk", flat=True):
        done = _nudge_one(step_id, at)
        if done:
            counts[done] += 1
    return counts


@transactions.atomic
def _nudge_one(step_id: UUID, at: datetime) -> str:
    round_, steps = rounds.locked_round(step_id)
    step = next(each for each in steps if each.pk == step_id)
    if step.status != ApprovalStep.Status.ACTIVE or (step.next_nudge_at or at) > at:
        return ""  # decided or nudged by somebody else since the query
    level = _level(step, at)
    if level < ESCALATE_AFTER_DAYS:
        _remind(step, level, at)
        return "reminded"
    return _escalate(round_, steps, step, at)


def _level(step: ApprovalStep, at: datetime) -> int:
    """How many working days it has waited, three at most."""
    return sum(_threshold(step, days) <= at for days in range(1, ESCALATE_AFTER_DAYS + 1))


def _threshold(step: ApprovalStep, days: int) -> datetime:
    entity = step.entity
    return calendars.add_working_time(
        entity, step.activated_at, calendars.working_days(entity, days)
    )


def _remind(step: ApprovalStep, level: int, at: datetime) -> None:
    step.nudges, step.next_nudge_at = level, _threshold(step, level + 1)
    step.save()
    events.publish(
        "approval.reminded",
        step,
        actor=None,
        at=at,
        data={**rounds.about(step.request), "level": level},
    )


def _escalate(
    round_: ApprovalRequest, steps: list[ApprovalStep], step: ApprovalStep, at: datetime
) -> str:
    """Hand the step to the manager or whoever stands above; without anybody it stays, told once."""
    heir = _heir(round_, steps, step)
    data = rounds.about(round_)
    if heir is None:
        step.nudges, step.next_nudge_at = ESCALATE_AFTER_DAYS, None
        step.save()
        events.publish("approval.stuck", step, actor=None, at=at, data=data)
        return "stuck"
    perform(step.escalate, actor=None, at=at)
    step.save()
    reason = f"{step.assignee} did not answer within {ESCALATE_AFTER_DAYS} working days"
    data |= {"to": str(heir.pk), "to_name": str(heir)}
    events.publish("approval.escalated", step, actor=None, at=at, reason=reason, data=data)
    _join_or_replace(steps, step, heir, at)
    return "escalated"


def _heir(round_: ApprovalRequest, steps: list[ApprovalStep], step: ApprovalStep) -> User | None:
    """Managers upwards, then the fallback approver: active, not the requester, not heard yet."""
    fallback = round_.entity.fallback_approver
    heard = {each.assignee_id for each in steps if _has_own_say(each, step)}
    for person in [*chain.superiors(step.assignee), *([fallback] if fallback else [])]:
        if (
            person.is_active
            and person.entity_id == round_.entity_id
            and person.pk != round_.requester_id
            and person.pk not in heard
            and (step.required_limit is None or (person.approval_limit or 0) >= step.required_limit)
        ):
            return person
    return None


def _has_own_say(other: ApprovalStep, step: ApprovalStep) -> bool:
    """Whether this person's say must not be merged with the escalated one.

    Who is merely waiting for a later turn can be asked now instead; not so in place of an `any`
    step, where a colleague's yes would do away with a later yes that is a must.
    """
    if other.status in _GONE:
        return False
    return other.status != ApprovalStep.Status.WAITING or (other.mode, step.mode) == ("all", "any")


def _join_or_replace(
    steps: list[ApprovalStep], step: ApprovalStep, heir: User, at: datetime
) -> None:
    """A new step for the heir; whoever was to be asked later anyway is asked now, once."""
    later = next(
        (
            each
            for each in steps
            if each.assignee_id == heir.pk and each.status == ApprovalStep.Status.WAITING
        ),
        None,
    )
    if later is None:
        _replace(step, heir, why=f"Escalated from {step.assignee}", at=at)
        return
    limits = [each for each in (later.required_limit, step.required_limit) if each is not None]
    later.required_limit = max(limits, default=None)
    later.stage, later.group, later.mode = step.stage, step.group, step.mode
    later.replaces = step
    rounds.open_steps([later], at=at)


def _replace(step: ApprovalStep, person: User, *, why: str, at: datetime) -> ApprovalStep:
    successor = ApprovalStep(
        entity=step.entity,
        request=step.request,
        stage=step.stage,
        group=step.group,
        mode=step.mode,
        quorum=step.quorum,
        kind=step.kind,
        scope=step.scope,
        sla_hours=step.sla_hours,
        assignee=person,
        why=why[:200],
        required_limit=step.required_limit,
        replaces=step,
        created_at=at,
    )
    rounds.open_steps([successor], at=at)
    return successor
