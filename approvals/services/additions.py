"""Another pair of eyes: whoever decides may ask somebody else to agree as well."""

from datetime import datetime

from accounts.models import User
from approvals.models import ApprovalStep
from approvals.services import decisions, rounds
from approvals.wording import require_comment
from core import events, refusals, transactions


@refusals.told("approval.refused", about="step")
@transactions.atomic
def add_approver(
    *, step: ApprovalStep, person: User, actor: User, at: datetime, comment: str = ""
) -> ApprovalStep:
    """Ask `person` to agree in the same stage, besides whoever is asked; returns their step.

    Raises SelfApproval for the requester and their delegates on either side, NotAllowed and
    IllegalTransition as a decision would, Invalid when `person` is no approver of this entity,
    Conflict when they have a say in this round already.
    """
    require_comment(comment)
    round_, steps = rounds.locked_round(step)
    step = next(each for each in steps if each.pk == step.pk)
    decisions.refuse_requester_side(round_, actor, at)
    decisions.refuse_requester_side(round_, person, at)
    decisions.require_say(step, steps, actor, at)
    decisions.require_newcomer(step, steps, person, "/person")
    added = _seat(step, steps, person, actor, at)
    events.publish(
        "approval.approver_added",
        step,
        actor=actor,
        at=at,
        reason=comment.strip(),
        on_behalf_of=None if actor.pk == step.assignee_id else step.assignee,
        data={**rounds.about(round_), "to": str(person.pk)},
    )
    rounds.open_steps([added], at=at)
    return added


def _seat(
    step: ApprovalStep, steps: list[ApprovalStep], person: User, actor: User, at: datetime
) -> ApprovalStep:
    """A group of its own: nobody else's yes does away with it."""
    return ApprovalStep(
        entity=step.entity,
        request=step.request,
        stage=step.stage,
        group=max(each.group for each in steps) + 1,
        mode="all",
        kind="added",
        sla_hours=step.sla_hours,
        assignee=person,
        why=f"Added by {actor}"[:200],
        created_at=at,
    )
