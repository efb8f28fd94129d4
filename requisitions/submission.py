"""What must hold when a request is sent, beyond what holds for any draft."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.models import Entity, User
from approvals import emergencies, policy
from approvals.models import PolicyRequirement
from core.errors import FieldError, Invalid
from requisitions.asked import Asked
from requisitions.models import Requisition
from requisitions.recent import money

Reference = PolicyRequirement.Reference


def require_vendors(asked: Asked) -> None:
    """Raise Invalid where it is not said who sells a line."""
    missing = [
        FieldError(f"/lines/{index}/vendor", "required", "Say who sells it.")
        for index, line in enumerate(asked.lines)
        if line.vendor is None
    ]
    if missing:
        raise Invalid(errors=missing)


def require_emergency(asked: Asked, *, at: datetime) -> None:
    """An emergency names its incident and reason, and the short path must be open to it.

    Raises Invalid with what is missing at its field, and why it cannot be one at /emergency.
    """
    if not asked.said.emergency:
        return
    errors = []
    closed = emergency_closed(asked.entity, asked.requester, amount=asked.amount, at=at)
    if closed:
        errors.append(FieldError("/emergency", "not_available", closed))
    if not asked.said.emergency_reason.strip():
        errors.append(
            FieldError("/emergency_reason", "required", "Say why it cannot wait for its approvers.")
        )
    if not asked.said.references.get(Reference.INCIDENT):
        errors.append(
            FieldError("/references/incident", "required", "Name the incident it is bought for.")
        )
    if errors:
        raise Invalid(errors=errors)


def emergency_closed(entity: Entity, requester: User, *, amount: Decimal, at: datetime) -> str:
    """Why this person cannot send this as an emergency; empty when they can.

    The path has a cap, and is lost while an earlier emergency of theirs waits too long for the
    look afterwards. `amount` is base currency.
    """
    if not entity.emergency_cap:
        return f"{entity} knows no emergencies; send it the ordinary way."
    if amount > entity.emergency_cap:
        most = money(entity.emergency_cap, entity.currency)
        here = money(amount, entity.currency)
        return f"An emergency costs at most {most}; this is {here}. Send it the ordinary way."
    overdue = emergencies.overdue_ratification(requester, at)
    if overdue is None:
        return ""
    return (
        f"An earlier emergency of yours, {overdue.reference} ({overdue.incident}), is overdue for "
        f"its review. Ask {overdue.assignee} to look at it, or send this the ordinary way."
    )


def require_references(asked: Asked, known: Mapping[str, Any]) -> None:
    """Raise Invalid at each reference that policy demands of these facts and that is missing."""
    missing = missing_references(asked, required_references(asked.entity, known))
    if missing:
        raise Invalid(
            errors=[
                FieldError(f"/references/{kind}", "required", "Policy asks for this reference.")
                for kind in missing
            ]
        )


def required_references(entity: Entity, known: Mapping[str, Any]) -> list[str]:
    """The kinds of reference that policy demands of these facts."""
    return policy.required_references(
        entity=entity, applies_to=Requisition.document_type, facts=known
    )


def missing_references(asked: Asked, required: list[str]) -> list[str]:
    return [kind for kind in required if not str(asked.said.references.get(kind, "")).strip()]
