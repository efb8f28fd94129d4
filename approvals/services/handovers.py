"""A step that changes hands by its person's own choice."""

from datetime import datetime

from accounts.models import User
from approvals.models import ApprovalStep
from approvals.services import decisions, rounds
from approvals.wording import require_comment
from core import events, refusals, transactions
from core.transitions import perform


@refusals.told("approval.refused", about="step")
@transactions.atomic
def forward(
    *, step: ApprovalStep, to: User, actor: User, at: datetime, comment: str = ""
) -> ApprovalStep:
    """Let `to` decide in the actor's place; returns the new step.

    Raises SelfApproval for the requester on either side, NotAllowed and IllegalTransition as a
    decision would, LimitTooLow when the step needs a limit that `to` lacks, Invalid when `to` is
    no approver of this entity, Conflict when `to` has a say in this round already.
    """
    require_comment(comment)
    round_, steps = rounds.locked_round(step)
    step = next(each for each in steps if each.pk == step.pk)
    decisions.refuse_requester(round_, actor)
    decisions.refuse_requester_side(round_, to, at)
    perform(step.hand_on, actor=actor, at=at, comment=comment.strip())
    decisions.require_role(step)
    decisions.require_newcomer(step, steps, to, "/to")
    decisions.require_limit(step, to)
    step.save()
    events.publish(
        "approval.forwarded",
        step,
        actor=actor,
        at=at,
        reason=step.comment,
        data={**rounds.about(round_), "to": str(to.pk)},
    )
    return _replace(step, to, why=f"Forwarded by {actor}", at=at)


def _replace(step: ApprovalStep, person: User, *, why: str, at: datetime) -> ApprovalStep:
    successor = rounds.successor_of(step, person, why=why)
    successor.created_at = at
    rounds.open_steps([successor], at=at)
    return successor
