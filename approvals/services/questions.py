"""Asking before deciding: the step's clock waits for the answer."""

from datetime import datetime

from accounts.models import User
from approvals import clock
from approvals.models import ApprovalStep, StepQuestion
from approvals.services import decisions, rounds
from approvals.wording import require_words
from core import events, transactions
from core.errors import Conflict, FieldError, IllegalTransition, Invalid, NotAllowed


@transactions.atomic
def ask(*, step: ApprovalStep, of: User, question: str, actor: User, at: datetime) -> StepQuestion:
    """Ask the requester, or somebody else of the round, before deciding; one question at a time.

    Raises SelfApproval for the requester, IllegalTransition for a step that is not open,
    NotAllowed for anybody but its person, Conflict while a question is open, Invalid without a
    question or for somebody who has no part in the round.
    """
    require_words(question, "/question", "Write your question.")
    round_, steps = rounds.locked_round(step)
    step = next(each for each in steps if each.pk == step.pk)
    decisions.refuse_requester(round_, actor)
    if step.status != ApprovalStep.Status.ACTIVE:
        raise IllegalTransition(f"{step.reference} does not wait for a decision of yours any more.")
    if actor.pk != step.assignee_id or not actor.is_active:
        raise NotAllowed(f"This decision is {step.assignee}'s.")
    if step.questions.filter(answered_at=None).exists():
        raise Conflict("Your last question is not answered yet.")
    if of.pk == actor.pk or of.pk not in {round_.requester_id, *(s.assignee_id for s in steps)}:
        detail = "Ask the requester or somebody who decides on this, too."
        raise Invalid(detail, errors=[FieldError("/of", "invalid", detail)])
    asked = StepQuestion.objects.create(
        step=step, asked_by=actor, asked_of=of, asked_at=at, question=question.strip()
    )
    clock.pause(step, at)
    step.save()
    data = {**rounds.about(round_), "question": str(asked.pk), "of": str(of.pk), "of_name": str(of)}
    events.publish("approval.asked", step, actor=actor, at=at, reason=asked.question, data=data)
    return asked


@transactions.atomic
def answer(*, question: StepQuestion, answer: str, actor: User, at: datetime) -> StepQuestion:
    """Answer what was asked; the approver's clock goes on by what was left of it.

    Raises NotAllowed for anybody but the person asked, Conflict when it is answered already,
    Invalid without words. Whoever decided without waiting is not asked again.
    """
    require_words(answer, "/answer", "Write your answer.")
    round_, steps = rounds.locked_round(question.step)
    step = next(each for each in steps if each.pk == question.step_id)
    question = StepQuestion.objects.select_for_update(of=("self",), no_key=True).get(pk=question.pk)
    if actor.pk != question.asked_of_id or not actor.is_active:
        raise NotAllowed(f"{question.asked_of} was asked this.")
    if question.answered_at is not None:
        raise Conflict("This is answered already.")
    question.answer, question.answered_at = answer.strip(), at
    question.save()
    if step.status == ApprovalStep.Status.ACTIVE and step.paused_at is not None:
        clock.resume(step, at)
        step.save()
    data = {**rounds.about(round_), "question": str(question.pk), "to": str(question.asked_by_id)}
    events.publish("approval.answered", step, actor=actor, at=at, reason=question.answer, data=data)
    return question


@transactions.atomic
def give_up(*, question: StepQuestion, at: datetime) -> bool:
    """End a question to somebody who left; the approver's clock goes on. False if it is over."""
    round_, steps = rounds.locked_round(question.step)
    step = next(each for each in steps if each.pk == question.step_id)
    question = (
        StepQuestion.objects.select_for_update(of=("self",), no_key=True)
        .select_related("asked_of")
        .get(pk=question.pk)
    )
    if question.answered_at is not None or question.asked_of.is_active:
        return False
    question.answered_at = at
    question.save()
    if step.status == ApprovalStep.Status.ACTIVE and step.paused_at is not None:
        clock.resume(step, at)
        step.save()
    events.publish(
        "approval.question_ended",
        step,
        actor=None,
        at=at,
        reason="Whoever was asked left",
        data={**rounds.about(round_), "question": str(question.pk)},
    )
    return True
