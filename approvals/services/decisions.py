"""Deciding: who may, on what, under which locks."""

from datetime import datetime
from decimal import Decimal

from accounts.models import User
from approvals import subjects
from approvals.models import ApprovalRequest, ApprovalStep
from approvals.services import rounds
from core import events, text, transactions
from core.errors import Conflict, FieldError, Invalid, NotAllowed
from core.money import minor_units
from core.transitions import perform

APPROVE, REJECT, RETURN = "approve", "reject", "return"
MOST_COMMENT = 2000
DECISIONS = (APPROVE, REJECT, RETURN)


class SelfApproval(NotAllowed):
    slug = "self-approval"
    title = "Nobody decides on their own request."


class LimitTooLow(NotAllowed):
    slug = "limit-too-low"
    title = "The amount is above your approval limit."


class DocumentChanged(Conflict):
    slug = "document-changed"
    title = "The document was changed; review it again."


@transactions.atomic
def decide(
    *,
    step: ApprovalStep,
    decision: str,
    actor: User,
    at: datetime,
    comment: str = "",
    channel: str = "web",
    digest: str | None = None,
) -> ApprovalStep:
    """Approve, reject or return what waits for `actor` in this step.

    `digest` is that of the content the person saw. Raises SelfApproval for the requester,
    IllegalTransition when the step is not open any more, NotAllowed for anybody but its person,
    LimitTooLow when that person's limit no longer covers the amount, DocumentChanged when the
    content is not what the round is about, Invalid without a decision or a reason to reject.
    """
    comment = comment.strip()
    _require_words(decision, comment)
    round_, steps = rounds.locked_round(step.pk)
    step = next(each for each in steps if each.pk == step.pk)
    refuse_requester(round_, actor)
    move = {APPROVE: step.approve, REJECT: step.reject, RETURN: step.send_back}[decision]
    perform(move, actor=actor, at=at, channel=channel, comment=comment)
    if decision == APPROVE:
        require_limit(step, actor)
    _require_same_content(round_, digest)
    step.save()
    events.publish(
        f"approval.{step.status}",
        step,
        actor=actor,
        at=at,
        reason=comment,
        data={**rounds.about(round_), "channel": channel},
    )
    _go_on(step, round_, steps, decision)
    return step


def refuse_requester(round_: ApprovalRequest, person: User) -> None:
    """The requester has no say in the own request, whatever roles or flags they carry."""
    if person.pk == round_.requester_id:
        raise SelfApproval(f"{person} requested this and cannot decide on it.")


def require_limit(step: ApprovalStep, person: User) -> None:
    """The limit counts as it is now, not as it was when the chain was built. Equal suffices."""
    needed = step.required_limit
    if needed is None:
        return
    limit = User.objects.values_list("approval_limit", flat=True).get(pk=person.pk) or Decimal(0)
    if limit < needed:
        currency = step.entity.currency
        decimals = minor_units(currency)
        raise LimitTooLow(
            f"This needs a limit of {needed:,.{decimals}f} {currency}; {person} has "
            f"{limit:,.{decimals}f}. Forward it to somebody who may."
        )


def _require_words(decision: str, comment: str) -> None:
    if decision not in DECISIONS:
        detail = "Choose approve, return or reject."
        raise Invalid(detail, errors=[FieldError("/decision", "required", detail)])
    if decision == REJECT and not comment:
        detail = "Say why it is rejected."
        raise Invalid(detail, errors=[FieldError("/comment", "required", detail)])
    require_comment(comment)


def require_comment(comment: str) -> None:
    """Raise Invalid for a comment that is too long or holds characters that may not enter."""
    errors = text.check(comment, "/comment", most=MOST_COMMENT, multiline=True)
    if errors:
        raise Invalid(errors=errors)


def _require_same_content(round_: ApprovalRequest, seen: str | None) -> None:
    present = subjects.of(round_.subject_type).present_digest(round_.subject_id)
    if present != round_.digest or seen not in (None, round_.digest):
        raise DocumentChanged(
            f"{round_.subject_title} was changed after it was shown to you; review it again."
        )


def _go_on(
    step: ApprovalStep, round_: ApprovalRequest, steps: list[ApprovalStep], decision: str
) -> None:
    """What follows from a decision: the next group, or the end of the round."""
    said = {"actor": step.decided_by, "at": step.decided_at}
    if decision == APPROVE:
        if step.mode == "any":
            others = [each for each in steps if each.group == step.group]
            rounds.skip_open(others, **said, reason=f"{step.decided_by} approved")
        rounds.advance(round_, steps, **said, comment=step.comment)
        return
    ending = round_.reject if decision == REJECT else round_.send_back
    rounds.end_badly(round_, steps, ending, **said, comment=step.comment)
