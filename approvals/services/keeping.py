"""Approvals of an earlier version that a change does not touch: nobody is asked the same twice."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from approvals import conditions, queries
from approvals.directory import Directory
from approvals.models import DECIDING_ROLES, ApprovalRequest, ApprovalStep, Delegation
from core.composed import Composed
from core.documents import Document

KEPT_FOR = timedelta(days=30)
AMOUNT = "amount"


def keep(
    round_: ApprovalRequest,
    before: ApprovalRequest | None,
    seats: list[ApprovalStep],
    directory: Directory,
    *,
    at: datetime,
) -> list[ApprovalStep]:
    """Seats of a new round that stand as approved already; they are changed in memory.

    So stands who agreed at most 30 days ago to the round before of the same document, where no part
    that their say is about has changed and the amount is not higher. Never in an emergency, and
    only for whose limit still suffices; that they may decide at all is what the chain was just
    built from. What a stand-in signed stands as "B for A" as long as B could sign it as well now:
    see `_stand_in_stands`.
    """
    if not seats or round_.emergency or not round_.parts:
        return []
    if before is None or not _can_be_compared(before):
        return []
    earlier = {step.assignee_id: step for step in _agreed(before, at)}
    kept = []
    for seat in seats:
        agreed = earlier.get(seat.assignee_id)
        if (
            agreed
            and _untouched(before, round_, seat)
            and _within_limit(seat, directory)
            and _stand_in_stands(round_, seats, seat, agreed, at=at)
        ):
            _stand(seat, agreed)
            kept.append(seat)
    return kept


def last_round(document: Document) -> ApprovalRequest | None:
    """The newest round of a document. Only it can be pending. Statements: 1."""
    return next(iter(_newest(document.document_type, document.pk)), None)


_newest = Composed[ApprovalRequest](
    lambda type_, pk: ApprovalRequest.objects.filter(subject_type=type_, subject_id=pk).order_by(
        "-id"
    )[:1]
)


def _can_be_compared(before: ApprovalRequest) -> bool:
    """Whether the document came back from this round with parts that can be compared."""
    again = (ApprovalRequest.Status.RETURNED, ApprovalRequest.Status.CANCELLED)
    return before.status in again and not before.emergency and bool(before.parts)


def _agreed(before: ApprovalRequest, at: datetime) -> list[ApprovalStep]:
    return list(
        ApprovalStep.objects.filter(
            request=before,
            status=ApprovalStep.Status.APPROVED,
            decided_at__gte=at - KEPT_FOR,
        ).select_related("decided_by", "delegation__from_user")
    )


def _untouched(before: ApprovalRequest, now: ApprovalRequest, seat: ApprovalStep) -> bool:
    names = seat.scope or {*before.parts, *now.parts, AMOUNT}
    return all(
        _not_higher(before.facts, now.facts)
        if name == AMOUNT
        else before.parts.get(name) == now.parts.get(name)
        for name in names
    )


def _not_higher(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Neither the amount itself nor with the requests around it."""
    old, new = conditions.facts_of(before), conditions.facts_of(now)
    return all(Decimal(str(new[key])) <= Decimal(str(old[key])) for key in (AMOUNT, "tier_amount"))


def _within_limit(seat: ApprovalStep, directory: Directory) -> bool:
    if seat.required_limit is None:
        return True
    person = directory.person(seat.assignee_id)
    return person is not None and (person.approval_limit or 0) >= seat.required_limit


def _stand_in_stands(
    round_: ApprovalRequest,
    seats: list[ApprovalStep],
    seat: ApprovalStep,
    agreed: ApprovalStep,
    *,
    at: datetime,
) -> bool:
    """Whether the signature of whoever signed for the seat's person still does.

    Not of one who left or lost the role, who is on the requester's side now, or has a seat of
    their own: one hand decides once. Not beyond what the delegation allows with the delegator's
    limit of now; nor under one that was revoked since. That its time ran out undoes nothing.
    """
    signer, under = agreed.decided_by, agreed.delegation
    if under is None or signer is None:
        return agreed.decided_by_id == agreed.assignee_id
    return (
        under.status == Delegation.Status.STANDING
        and round_.amount <= under.reach
        and (seat.required_limit is None or seat.required_limit <= under.limit)
        and all(signer.pk not in (each.assignee_id, each.decided_by_id) for each in seats)
        and signer.is_active
        and signer.entity_id == round_.entity_id
        and signer.has_role(*DECIDING_ROLES)
        and signer.pk not in queries.requester_sides([round_], at)[round_.pk]
    )


def _stand(seat: ApprovalStep, agreed: ApprovalStep) -> None:
    """The decision as it was taken. It is no transition of this step: it never was open."""
    seat.__dict__["status"] = ApprovalStep.Status.APPROVED.value
    seat.kept_from = agreed
    seat.decided_by_id, seat.decided_at = agreed.decided_by_id, agreed.decided_at
    seat.delegation = agreed.delegation
    seat.channel, seat.comment = agreed.channel, agreed.comment
