"""A question that nobody answers: who was asked is reminded, then the decision waits no more."""

from datetime import datetime

from django.db.models import QuerySet

from accounts import calendars
from approvals import clock
from approvals.models import ApprovalStep, StepQuestion
from approvals.services import rounds
from core import events, transactions

MOST_AT_ONCE = 200


def remind_unanswered(*, at: datetime) -> dict[str, int]:
    """Remind who was asked when the step's own time passed without an answer, and again after as
    much more; after the third who asked is told, and the step's clock goes on.

    Working time of the step's entity, a tenth in an emergency, as for decisions. However late or
    often this runs, a question gets only the highest that is due. It stays open: a late answer
    still counts. Counts what it did: reminded, told. Each is a unit of work of its own, 200 at a
    time; the next tick takes the rest.
    """
    counts = {"reminded": 0, "told": 0}
    late = [each for each in _unanswered() if _level(each, at) > each.reminders]
    for question in late[:MOST_AT_ONCE]:
        done = _remind(question, at)
        if done:
            counts[done] += 1
    return counts


def _unanswered() -> QuerySet[StepQuestion]:
    """What a decision waits for; questions to people who left end in another way."""
    return (
        StepQuestion.objects.filter(
            answered_at=None,
            reminders__lt=clock.ESCALATE_AT,
            asked_of__is_active=True,
            step__status=ApprovalStep.Status.ACTIVE,
        )
        .select_related("step__entity", "step__request")
        .order_by("asked_at", "pk")
    )


def _level(question: StepQuestion, at: datetime) -> int:
    step = question.step
    allowed = clock.allowed_time(step)
    return sum(
        calendars.add_working_time(step.entity, question.asked_at, allowed * times) <= at
        for times in range(1, clock.ESCALATE_AT + 1)
    )


@transactions.atomic
def _remind(question: StepQuestion, at: datetime) -> str:
    """What was done about a late question; nothing where it was answered or overtaken meanwhile."""
    level = _level(question, at)
    round_, steps = rounds.locked_round(question.step)
    step = next(each for each in steps if each.pk == question.step_id)
    rows = _unanswered().select_for_update(of=("self",), no_key=True)
    fresh = rows.filter(pk=question.pk, reminders__lt=level).select_related(None).first()
    if fresh is None:
        return ""
    fresh.reminders = level
    fresh.save(update_fields=["reminders"])
    data = {**rounds.about(round_), "question": str(fresh.pk), "level": level}
    if level < clock.ESCALATE_AT:
        events.publish("approval.question_reminded", step, actor=None, at=at, data=data)
        return "reminded"
    if step.paused_at is not None:
        clock.resume(step, at)
        step.save()
    events.publish("approval.question_unanswered", step, actor=None, at=at, data=data)
    return "told"
