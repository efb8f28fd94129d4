"""The mail about a decision that nobody is left for: it neither passes nor waits in silence."""

from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from accounts.models import Role, User
from approvals import subjects
from approvals.models import ApprovalStep
from core import outbox
from core.models import TrailEvent
from notifications import services
from notifications.letters import absolute
from notifications.services import Letter

LATE = "it waited three times its time"


@outbox.handler("notifications.approval_stuck")
def approval_stuck(*, event_id: str, document_id: str) -> None:
    """Tell the administrators of the entity, once each, while the step still waits."""
    step = (
        ApprovalStep.objects.select_related("assignee", "request__requester", "entity")
        .filter(pk=UUID(document_id), decided_at=None)
        .exclude(status__in=ApprovalStep.GONE)
        .first()
    )
    if step is None:
        return
    reason = TrailEvent.objects.get(pk=event_id).reason or LATE
    administrators = User.objects.filter(
        is_active=True,
        role_assignments__role=Role.ADMINISTRATOR,
        role_assignments__entity=step.entity_id,
    )
    for person in administrators.distinct().order_by("pk"):
        key = f"approval.stuck:{step.pk}:{person.pk}"
        if not services.was_sent(key):
            services.send(
                key=key,
                recipient=person.email,
                letter=_letter(step, person, reason),
                document_type=step.request.subject_type,
                document_id=step.request.subject_id,
                at=timezone.now(),
            )


def _letter(step: ApprovalStep, person: User, reason: str) -> Letter:
    description = subjects.of(step.request.subject_type).describe(step.request.subject_id)
    return Letter(
        subject=f"Nobody is left to decide: {description.title} – {description.requester}",
        template="approval_stuck",
        context={
            "person": person,
            "step": step,
            "description": description,
            "reason": reason,
            "page": absolute(description.url),
            "url": absolute(reverse("administration:settings")),
        },
    )
