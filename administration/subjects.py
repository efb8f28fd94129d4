"""Changes of the set-up as something that is approved."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from administration import kinds, services
from administration.models import ChangeRequest
from approvals import subjects
from approvals.outcomes import Outcomes
from approvals.subjects import Description, Flag
from core import events
from core.money import ZERO
from core.transactions import atomic
from core.transitions import perform


def register() -> None:
    subjects.register(
        ChangeRequest.document_type,
        approved=mark_approved,
        rejected=mark_rejected,
        returned=mark_returned,
        describe=describe,
        digest=present_digest,
    )


@atomic
def mark_approved(*, subject_id: UUID, actor: Any, at: datetime, comment: str = "") -> None:
    """It holds from now on. Raises NotAllowed for its proposer and whom it is about, and where a
    policy would pass it without a person; StaleChange, and what the change itself refuses."""
    change = services.locked(subject_id)
    perform(change.apply, actor=actor, at=at, note=comment)
    services.require_fresh(change)
    changes = services.told(change)
    change.save()
    kinds.of(change).apply(change, actor, at)
    events.publish(
        "setting_change.applied",
        change,
        actor=actor,
        at=at,
        reason=comment,
        changes=changes,
        data={"kind": change.kind, "proposed_by": str(change.proposed_by_id)},
    )


def _drop(change: ChangeRequest, *, actor: Any, at: datetime, comment: str) -> None:
    """Everything stays as it was; the proposer may propose something else."""
    kinds.of(change).drop(change, actor, at, comment)


_ends = Outcomes(services.locked, {"rejected": _drop, "returned": _drop})
mark_rejected, mark_returned = _ends.rejected, _ends.returned


def present_digest(subject_id: UUID) -> str:
    return services.digest(ChangeRequest.objects.get(pk=subject_id))


def describe(subject_id: UUID) -> Description:
    """What changes, from what to what. It has no lines and costs nothing."""
    rows = ChangeRequest.objects.select_related(
        "entity", "person", "policy", "vendor", "proposed_by"
    )
    change = rows.get(pk=subject_id)
    return Description(
        title=str(change),
        number="",
        requester=change.proposed_by,
        vendor_name=change.vendor.name if change.vendor else "",
        currency=change.entity.currency,
        total=ZERO,
        base_total=ZERO,
        base_currency=change.entity.currency,
        url=reverse("administration:change", args=[change.pk]),
        digest=services.digest(change),
        flags=_flags(change),
        justification=change.reason,
    )


def _flags(change: ChangeRequest) -> list[Flag]:
    """What differs, and what whoever approves it has to do."""
    rows = kinds.of(change).rows(change)
    flags = [
        Flag(f"{row.field}: {row.old} → {row.new}" if row.old else f"{row.field}: {row.new}")
        for row in rows
    ]
    if change.kind == ChangeRequest.Kind.BANK:
        flags.append(Flag(kinds.bank.CALL_BACK))
    return flags
