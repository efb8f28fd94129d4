"""What must hold when a request is sent, beyond what holds for any draft."""

from collections.abc import Mapping
from typing import Any

from accounts.models import Entity
from approvals import policy
from core.errors import FieldError, Invalid
from requisitions.asked import Asked
from requisitions.models import Requisition


def require_vendors(asked: Asked) -> None:
    """Raise Invalid where it is not said who sells a line."""
    missing = [
        FieldError(f"/lines/{index}/vendor", "required", "Say who sells it.")
        for index, line in enumerate(asked.lines)
        if line.vendor is None
    ]
    if missing:
        raise Invalid(errors=missing)


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
