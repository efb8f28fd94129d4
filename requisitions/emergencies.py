"""The short path of an emergency: whether it is open to somebody, and how far its cap reaches.

The cap is one incident's, not one request's: what else was asked for the same incident counts with
it, whoever asked, so that cutting a purchase in parts does not stretch it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from accounts.models import Entity, User
from approvals import emergencies
from approvals.models import ApprovalRequest, PolicyRequirement
from core import text
from core.errors import FieldError, Invalid
from core.money import ZERO
from requisitions.asked import Asked
from requisitions.models import Requisition
from requisitions.recent import money
from requisitions.rolling import STANDING

Reference = PolicyRequirement.Reference
_COUNTED = (ApprovalRequest.Status.PENDING, ApprovalRequest.Status.APPROVED)


@dataclass(frozen=True, slots=True)
class Earlier:
    """Another emergency for the same incident. `amount` is base currency, as its round judged."""

    pk: UUID
    title: str
    amount: Decimal


def require_open(asked: Asked, *, at: datetime) -> None:
    """An emergency names its incident and reason, and the short path must be open to it.

    Emergencies of an entity take turns here, so that two at once cannot both be the last that the
    cap has room for. Raises Invalid with what is missing at its field, and why it cannot be one at
    /emergency. Statements: 4 for an emergency, else none.
    """
    if not asked.said.emergency:
        return
    Entity.objects.select_for_update(no_key=True).get(pk=asked.entity.pk)
    errors = []
    if shut := closed(asked, at=at):
        errors.append(FieldError("/emergency", "not_available", shut))
    if not asked.said.emergency_reason.strip():
        errors.append(
            FieldError("/emergency_reason", "required", "Say why it cannot wait for its approvers.")
        )
    if not _key(incident_of(asked)):
        errors.append(
            FieldError("/references/incident", "required", "Name the incident it is bought for.")
        )
    if errors:
        raise Invalid(errors=errors)


def closed(asked: Asked, *, at: datetime) -> str:
    """Why this cannot be sent as an emergency; empty when it can.

    The path has a cap for all that is asked for one incident, and is lost while an earlier
    emergency of the requester waits too long for the look afterwards.
    """
    entity, amount = asked.entity, asked.amount
    if not entity.emergency_cap:
        return f"{entity} knows no emergencies; send it the ordinary way."
    if amount > entity.emergency_cap:
        most, here = (money(each, entity.currency) for each in (entity.emergency_cap, amount))
        return f"An emergency costs at most {most}; this is {here}. Send it the ordinary way."
    if beyond := _beyond_together(asked, at):
        return beyond
    return _overdue(asked.requester, at)


def incident_of(asked: Asked) -> str:
    """The incident as it was named; empty where none was."""
    return str(asked.said.references.get(Reference.INCIDENT, "")).strip()


def for_incident(
    entity: Entity, incident: str, *, at: datetime, but: UUID | None = None
) -> list[Earlier]:
    """What else stands as an emergency for an incident in the entity's window around `at`.

    The oldest first; however the incident is spelled: INC-4711, inc 4711. Statements: 1.
    """
    key = _key(incident)
    if not key:
        return []
    window = timedelta(days=entity.splitting_window_days)
    standing = Requisition.objects.filter(
        entity=entity,
        emergency=True,
        status__in=STANDING,
        submitted_at__gt=at - window,
        submitted_at__lt=at + window,
    )
    rounds = (
        ApprovalRequest.objects.filter(
            subject_id__in=standing.values("pk"), emergency=True, status__in=_COUNTED
        )
        .order_by("id")
        .values_list("subject_id", "subject_title", "amount", "facts")
    )
    return [
        Earlier(pk, title, amount)
        for pk, title, amount, facts in rounds
        if pk != but and _key(str(facts.get("incident", ""))) == key
    ]


def _beyond_together(asked: Asked, at: datetime) -> str:
    entity, incident = asked.entity, incident_of(asked)
    earlier = for_incident(entity, incident, at=at)
    together = asked.amount + sum((each.amount for each in earlier), ZERO)
    if not earlier or together <= entity.emergency_cap:
        return ""
    most, here, sum_ = (
        money(each, entity.currency) for each in (entity.emergency_cap, asked.amount, together)
    )
    return (
        f"All emergencies for {incident} cost at most {most} together; with this {here} they come "
        f"to {sum_}. Send it the ordinary way."
    )


def _overdue(requester: User, at: datetime) -> str:
    overdue = emergencies.overdue_ratification(requester, at)
    if overdue is None:
        return ""
    return (
        f"An earlier emergency of yours, {overdue.reference} ({overdue.incident}), is overdue for "
        f"its review. Ask {overdue.assignee} to look at it, or send this the ordinary way."
    )


def _key(incident: str) -> str:
    """What two spellings of one incident have in common: its letters and digits."""
    return "".join(each for each in text.folded(incident) if each.isalnum())
