"""The look afterwards: what was approved as an emergency is ratified within a working day."""

from datetime import datetime

from accounts import calendars
from accounts.models import User
from approvals import chain
from approvals.models import ApprovalRequest, ApprovalStep, Ratification
from approvals.wording import require_comment, require_words
from core import events, transactions
from core.transitions import perform

DUE_AFTER_DAYS = 1  # working days
MOST_REMINDED = 200


def open_for(round_: ApprovalRequest, *, at: datetime) -> Ratification:
    """The task that an approved emergency leaves behind, in the unit of work that approved it.

    It falls to whoever stands above the requester, else to the fallback approver: never to the
    requester, nor to whoever decided the emergency. Raises NoApprover where nobody is left.
    """
    entity = round_.entity
    task = Ratification(
        entity=entity,
        request=round_,
        requester_id=round_.requester_id,
        assignee=_judge(round_),
        incident=str(round_.facts.get("incident", ""))[:64],
        due_at=calendars.add_working_time(
            entity, at, calendars.working_days(entity, DUE_AFTER_DAYS)
        ),
        created_at=at,
    )
    task.save()
    data = {"assignee": str(task.assignee_id), "subject_id": str(round_.subject_id)}
    events.publish("ratification.due", task, actor=None, at=at, data=data)
    return task


@transactions.atomic
def ratify(
    *, ratification: Ratification, actor: User, at: datetime, comment: str = ""
) -> Ratification:
    """Say that it was right to act first.

    Raises NotAllowed for anybody but the person it falls to, IllegalTransition once settled.
    """
    return _settle(ratification, "ratify", actor=actor, at=at, comment=comment)


@transactions.atomic
def object_to(
    *, ratification: Ratification, actor: User, at: datetime, comment: str
) -> Ratification:
    """Say that it should have gone the ordinary way; what was bought stays bought.

    Raises as `ratify`, and Invalid without a reason.
    """
    require_words(comment, "/comment", "Say why it was no emergency.")
    return _settle(ratification, "object_to", actor=actor, at=at, comment=comment)


@transactions.atomic
def hand_on(*, ratification: Ratification, at: datetime) -> bool:
    """Give what falls to somebody who left to whom it would fall now; False where nothing is due.

    Raises NoApprover where nobody is left.
    """
    task = (
        Ratification.objects.select_for_update(of=("self",), no_key=True)
        .select_related("request__entity", "request__requester", "entity", "assignee")
        .get(pk=ratification.pk)
    )
    if task.status != Ratification.Status.DUE or task.assignee.is_active:
        return False
    task.assignee = _judge(task.request)
    task.reminded_at = None  # who takes over hears of it in time, and once more when it is up
    task.save()
    events.publish(
        "ratification.rerouted",
        task,
        actor=None,
        at=at,
        reason="Whoever was to ratify left",
        data={"assignee": str(task.assignee_id), "subject_id": str(task.request.subject_id)},
    )
    return True


@transactions.atomic
def remind_overdue(*, at: datetime) -> int:
    """Remind whoever has to look at an emergency that the time for it is up, once each.

    What somebody settles at that moment is left to them. Returns how many were reminded. Sent 200
    at a time; the next tick takes the rest.
    """
    overdue = list(
        Ratification.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
        .select_related("request", "entity")
        .filter(status=Ratification.Status.DUE, reminded_at=None, due_at__lt=at)
        .order_by("due_at", "pk")[:MOST_REMINDED]
    )
    for task in overdue:
        task.reminded_at = at
        task.save()
        data = {
            "assignee": str(task.assignee_id),
            "subject_id": str(task.request.subject_id),
            "incident": task.incident,
        }
        events.publish("ratification.overdue", task, actor=None, at=at, data=data)
    return len(overdue)


def _settle(
    ratification: Ratification, verb: str, *, actor: User, at: datetime, comment: str
) -> Ratification:
    require_comment(comment)
    task = (
        Ratification.objects.select_for_update(of=("self",), no_key=True)
        .select_related("request", "entity")
        .get(pk=ratification.pk)
    )
    perform(getattr(task, verb), actor=actor, at=at, comment=comment.strip())
    task.save()
    data = {"subject_id": str(task.request.subject_id), "incident": task.incident}
    events.publish(
        f"ratification.{task.status}", task, actor=actor, at=at, reason=task.comment, data=data
    )
    return task


def _judge(round_: ApprovalRequest) -> User:
    decided = ApprovalStep.objects.filter(request=round_, decided_by__isnull=False)
    barred = {round_.requester_id, *decided.values_list("decided_by", flat=True)}
    fallback = round_.entity.fallback_approver
    above_fallback = chain.superiors(fallback) if fallback else ()
    for person in [*chain.superiors(round_.requester), fallback, *above_fallback]:
        if (
            person is not None
            and person.is_active
            and person.entity_id == round_.entity_id
            and person.pk not in barred
        ):
            return person
    raise chain.NoApprover(
        f"Nobody in {round_.entity} may ratify this emergency. "
        "Ask an administrator to name a fallback approver."
    )
