"""Deciding: who may, on what, under which locks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django_fsm import has_transition_perm

from accounts.duties import require_apart
from accounts.models import Duty, Role, User
from approvals import queries, safeguards, subjects
from approvals.models import (
    DECIDING_ROLES,
    ApprovalRequest,
    ApprovalStep,
    Delegation,
    furthest,
)
from approvals.services import rounds
from approvals.wording import require_comment
from core import events, refusals, transactions
from core.errors import (
    Conflict,
    DomainError,
    FieldError,
    IllegalTransition,
    Invalid,
    Missing,
    NotAllowed,
)
from core.money import minor_units
from core.transitions import perform

APPROVE, REJECT, RETURN = "approve", "reject", "return"
DECISIONS = (APPROVE, REJECT, RETURN)


class SelfApproval(NotAllowed):
    slug = "self-approval"
    title = "Nobody decides on their own request."


class LimitTooLow(NotAllowed):
    slug = "limit-too-low"
    title = "The amount is above your approval limit."


class OnePersonOnce(Conflict):
    slug = "one-person-once"
    title = "One person decides once."


class DocumentChanged(Conflict):
    slug = "document-changed"
    title = "The document was changed; review it again."
    leaves_trace = True


@refusals.told("approval.refused", about="step")
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
    """Approve, reject or return what waits for `actor` in this step, or for whom they stand in.

    `digest` is that of the content the person saw. Raises SelfApproval for the requester and
    whoever decides for them, IllegalTransition when the step is not open any more, NotAllowed for
    anybody but its person and their delegates, also where its person lost the role that they were
    asked for, LimitTooLow when the limit that counts does not cover the amount, OnePersonOnce for
    who has a say in the round already, DutiesConflict for who did another duty on the purchase that
    is kept apart from approving, DocumentChanged when the content is not what the round is about,
    Invalid without a decision or a reason to reject.
    """
    comment = comment.strip()
    _require_words(decision, comment)
    round_, steps = rounds.locked_round(step)
    step = next(each for each in steps if each.pk == step.pk)
    refuse_requester_side(round_, actor, at)
    step.acting_under = _delegation_for(step, actor, at)
    move = {APPROVE: step.approve, REJECT: step.reject, RETURN: step.send_back}[decision]
    perform(move, actor=actor, at=at, channel=channel, comment=comment)
    if decision == APPROVE:
        _require_apart(round_, actor, at)
    if decision == APPROVE and step.delegation is None:
        require_limit(step, actor)
    _require_hand(step, steps, actor)
    _require_same_content(round_, digest)
    step.save()
    events.publish(
        f"approval.{step.status}",
        step,
        actor=actor,
        at=at,
        reason=comment,
        on_behalf_of=step.assignee if step.delegation is not None else None,
        data={**rounds.about(round_), "channel": channel},
    )
    _go_on(step, round_, steps, decision)
    return step


@dataclass(frozen=True)
class Outcome:
    """What became of one of many decisions; `slug` names the refusal."""

    step_id: UUID
    ok: bool
    detail: str = ""
    slug: str = ""


def decide_many(
    *,
    steps: Sequence[tuple[UUID, str | None]],
    decision: str,
    actor: User,
    at: datetime,
    comment: str = "",
    channel: str = "web",
    first: Callable[[ApprovalStep], None] | None = None,
) -> list[Outcome]:
    """The same decision on many steps, each with the digest of what was seen.

    Each is a unit of work of its own: one refusal leaves the others alone. `first` may refuse an
    open one before it is decided. Raises Invalid for a decision or comment that no step would take;
    every other refusal is an outcome.
    """
    _require_words(decision, comment.strip())
    said: dict[str, Any] = {
        "decision": decision,
        "comment": comment,
        "channel": channel,
        "first": first,
    }
    return [_decide_one(step_id, digest, actor=actor, at=at, **said) for step_id, digest in steps]


def _decide_one(
    step_id: UUID,
    digest: str | None,
    *,
    actor: User,
    at: datetime,
    first: Callable[[ApprovalStep], None] | None,
    **said: Any,
) -> Outcome:
    step = ApprovalStep.objects.visible_to(actor, at).filter(pk=step_id).first()
    if step is None:
        safeguards.note_attempt(actor, step_id, at=at)
        return Outcome(step_id, False, Missing.title, Missing.slug)
    try:
        with transactions.atomic():
            if first is not None and step.status == ApprovalStep.Status.ACTIVE:
                first(step)
            decide(step=step, actor=actor, at=at, digest=digest, **said)
    except DomainError as refusal:
        return Outcome(step_id, False, refusal.detail, refusal.slug)
    return Outcome(step_id, True)


def refuse_requester(round_: ApprovalRequest, person: User) -> None:
    """The requester has no say in the own request, whatever roles or flags they carry."""
    if person.pk == round_.requester_id:
        raise SelfApproval(f"{person} requested this and cannot decide on it.")


def refuse_requester_side(round_: ApprovalRequest, person: User, at: datetime) -> None:
    """Nobody of the requester's side: themselves, whom it is about, and who decides for these."""
    refuse_requester(round_, person)
    if str(person.pk) in round_.facts.get("excluded", ()):
        raise SelfApproval(f"This is about {person}, who cannot decide on it.")
    if person.pk in requester_side(round_, at):
        raise SelfApproval(
            f"{person} decides for {round_.requester} or somebody else whom this is about at "
            "present, so not on this."
        )


def requester_side(round_: ApprovalRequest, at: datetime) -> frozenset[UUID]:
    """Who never decides on this; see `queries.requester_sides`."""
    return queries.requester_sides([round_], at)[round_.pk]


def require_limit(step: ApprovalStep, person: User) -> None:
    """The limit counts as it is now, not as it was when the chain was built. Equal suffices.

    The step was read when it was locked, with its assignee.
    """
    needed = step.required_limit
    if needed is None:
        return
    now = step.assignee if person.pk == step.assignee_id else User.objects.get(pk=person.pk)
    limit = now.approval_limit or Decimal(0)
    if limit < needed:
        has = f"{limit:,.{minor_units(step.entity.currency)}f}"
        raise LimitTooLow(
            f"This needs a limit of {_money(needed, step)}; {person} has {has}. "
            "Forward it to somebody who may."
        )


def require_newcomer(
    step: ApprovalStep, steps: list[ApprovalStep], person: User, pointer: str
) -> None:
    """Somebody who may decide in this entity, Invalid at the pointer; and who has no say in the
    round yet, Conflict."""
    if (
        not person.is_active
        or person.entity_id != step.entity_id
        or not person.has_role(*DECIDING_ROLES)
    ):
        detail = "Choose somebody who may approve in this entity."
        raise Invalid(detail, errors=[FieldError(pointer, "invalid", detail)])
    if person.pk == step.assignee_id or any(
        each.decided_by_id == person.pk
        or (each.assignee_id == person.pk and each.status not in ApprovalStep.GONE)
        for each in steps
    ):
        raise Conflict(f"{person} is asked in this round already.")


def require_role(step: ApprovalStep) -> None:
    """A role counts as it is now, like a limit: whoever lost it signs no more for what it says."""
    if step.asked_as and not step.is_entitled:
        role = Role(step.asked_as).label
        raise NotAllowed(f"{step.assignee} was asked as {role} and is not {role} any more.")


def _delegation_for(step: ApprovalStep, actor: User, at: datetime) -> Delegation | None:
    """Under which the actor decides for the step's person: the one that goes furthest.

    Its row stays locked: a revocation comes before the decision or after it.
    """
    if actor.pk == step.assignee_id:
        return None
    found = (
        Delegation.objects.lending_to(actor, at)
        .filter(from_user=step.assignee_id)
        .select_for_update(of=("self",), no_key=True)
    )
    return furthest(found, step.request.subject_type)


def require_say(step: ApprovalStep, steps: list[ApprovalStep], actor: User, at: datetime) -> None:
    """Raise what a decision would unless the open step waits for this person or their delegator."""
    if step.status != ApprovalStep.Status.ACTIVE:
        raise IllegalTransition(f"{step.reference} does not wait for a decision any more.")
    step.acting_under = _delegation_for(step, actor, at)
    if not has_transition_perm(step.approve, actor):
        raise NotAllowed(f"This decision is {step.assignee}'s.")
    _require_hand(step, steps, actor)


def _require_hand(step: ApprovalStep, steps: list[ApprovalStep], actor: User) -> None:
    """Who signed in this round does not sign again; who has a seat in it signs for nobody else.

    A delegate decides no further than the cap, nor than the delegator's own limit now.
    """
    require_role(step)
    under = step.acting_under
    for other in steps:
        seated = other.assignee_id == actor.pk and other.status not in ApprovalStep.GONE
        if other.pk != step.pk and (other.decided_by_id == actor.pk or (seated and under)):
            raise OnePersonOnce(f"{actor} has a say in this round already.")
    if under is None:
        return
    asked = [(step.request.amount, under.reach)]
    if step.required_limit is not None:
        asked.append((step.required_limit, under.limit))
    for amount, most in asked:
        if amount > most:
            raise LimitTooLow(
                f"You decide for {under.from_user} up to {_money(most, step)}; "
                f"this is about {_money(amount, step)}."
            )


def _money(amount: Decimal, step: ApprovalStep) -> str:
    currency = step.entity.currency
    return f"{amount:,.{minor_units(currency)}f} {currency}"


def _require_words(decision: str, comment: str) -> None:
    if decision not in DECISIONS:
        detail = "Choose approve, return or reject."
        raise Invalid(detail, errors=[FieldError("/decision", "required", detail)])
    if decision == REJECT and not comment:
        detail = "Say why it is rejected."
        raise Invalid(detail, errors=[FieldError("/comment", "required", detail)])
    require_comment(comment)


def _require_apart(round_: ApprovalRequest, actor: User, at: datetime) -> None:
    """Approving is one duty of a purchase; the document says who did the others."""
    require_apart(
        entity=round_.entity,
        person=actor,
        duty=Duty.APPROVE,
        performed=subjects.of(round_.subject_type).performed_on(round_.subject_id),
        at=at,
        about=round_,
    )


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
        rounds.advance(round_, steps, **said, comment=step.comment)
        return
    ending = round_.reject if decision == REJECT else round_.send_back
    rounds.end_badly(round_, steps, ending, **said, comment=step.comment)
