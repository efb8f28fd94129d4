"""Change orders as something that is approved: what approvers read, what a round's end does."""

from datetime import datetime
from typing import Any
from uuid import UUID

from approvals import subjects
from approvals.outcomes import Outcomes
from approvals.queries import submitted_content
from approvals.subjects import Change, Description
from core.models import Attachment
from core.money import to_base
from purchase_orders import change_facts, changed, differences, queries
from purchase_orders.change_presentation import side_by_side
from purchase_orders.models import ChangeOrder
from purchase_orders.services import change_orders
from requisitions.subjects import line_view


def _free(change: ChangeOrder, *, actor: Any, at: datetime, comment: str) -> None:
    """The order stays as it is; what the change held goes back."""
    change_orders.free_hold(change, actor=actor, at=at, reason=comment or "not approved")


# Approved, what it costs more stays held until a buyer issues it.
_ends = Outcomes(change_orders.change_row, {"rejected": _free, "returned": _free})
mark_approved, mark_rejected, mark_returned = _ends.approved, _ends.rejected, _ends.returned


def register() -> None:
    subjects.register(
        ChangeOrder.document_type,
        approved=mark_approved,
        rejected=mark_rejected,
        returned=mark_returned,
        describe=describe,
        digest=present_digest,
        parts=present_parts,
        changes=changes_since,
        performed=performed,
    )


def present_digest(subject_id: UUID) -> str:
    return changed.digest(changed.signed(ChangeOrder.objects.get(pk=subject_id)))


def present_parts(subject_id: UUID) -> dict[str, str]:
    return changed.parts(ChangeOrder.objects.get(pk=subject_id))


def changes_since(subject_id: UUID, digest: str) -> list[Change]:
    """Field by field, what differs now from what was submitted under that digest. Statements: 2."""
    said = submitted_content(subject_id, digest, event="change_order.submitted")
    if said is None:
        return []
    change = ChangeOrder.objects.get(pk=subject_id)
    return differences.between(said, change.after)


def performed(subject_id: UUID) -> Any:
    """Who did which duty on the purchase so far."""
    return queries.performed_on(
        ChangeOrder.objects.select_related("order").get(pk=subject_id).order
    )


def describe(subject_id: UUID) -> Description:
    """What would change, beside what is in force and what was first approved."""
    change = ChangeOrder.objects.select_related(
        "entity", "buyer", "order__entity", "order__vendor"
    ).get(pk=subject_id)
    order, entity = change.order, change.entity
    total = changed.decides(change.after)
    return Description(
        title=str(change),
        number=str(change),
        requester=change.buyer,
        vendor_name=order.vendor.name,
        vendor_standing=order.vendor.get_status_display(),
        currency=order.currency,
        total=total,
        base_total=to_base(total, rate=order.rate, base_currency=entity.currency),
        base_currency=entity.currency,
        url=f"/orders/changes/{change.pk}/",
        digest=changed.digest(changed.signed(change)),
        parts=changed.parts(change),
        lines=[
            line_view(line, line.parts, note=" (cancelled)" if line.is_cancelled else "")
            for line in changed.changes_of(change)
        ],
        budget=change_facts.checks(change),
        flags=[subjects.Flag(words) for words in change.needs],
        attachments=Attachment.objects.filter(document_id=change.pk).select_related("file"),
        justification=change.reason,
        differences=side_by_side(change, differences.first_approved(change)),
    )
