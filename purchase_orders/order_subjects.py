"""Orders as something that is approved: what approvers read, what a round's end does."""

from typing import Any
from uuid import UUID

from approvals import subjects
from approvals.outcomes import Outcomes
from approvals.queries import submitted_content
from approvals.subjects import Change, Description, Flag
from budgets.ledger import FundsCheck
from core.models import Attachment
from core.money import round_amount
from purchase_orders import changed, contracts, cover, differences, order_facts, queries, signed
from purchase_orders.locks import locked
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from requisitions import presentation
from requisitions.models import Requisition
from requisitions.price_notes import price_notes
from requisitions.subjects import line_view

_STATUS = PurchaseOrder.Status
_ends = Outcomes(lambda pk: locked(PurchaseOrder(pk=pk)))


def register() -> None:
    subjects.register(
        PurchaseOrder.document_type,
        approved=_ends.approved,
        rejected=_ends.rejected,
        returned=_ends.returned,
        describe=describe,
        digest=present_digest,
        parts=present_parts,
        changes=changes_since,
        performed=performed,
    )


def present_digest(subject_id: UUID) -> str:
    return changed.digest(signed.stored(subject_id))


def present_parts(subject_id: UUID) -> dict[str, str]:
    return signed.parts(signed.stored(subject_id))


def changes_since(subject_id: UUID, digest: str) -> list[Change]:
    """Field by field, what differs now from what was submitted under that digest."""
    said = submitted_content(subject_id, digest, event="order.submitted")
    if said is None:
        return []
    return differences.between(said, signed.stored(subject_id))


def performed(subject_id: UUID) -> Any:
    """Who did which duty on the purchase so far."""
    return queries.performed_on(PurchaseOrder(pk=subject_id))


def describe(subject_id: UUID) -> Description:
    """Everything an approver signs, with why it is asked and what its budgets say today."""
    order = PurchaseOrder.objects.select_related("entity", "buyer", "vendor", "contract").get(
        pk=subject_id
    )
    entity, lines = order.entity, changed.lines_of(order, catalog=True)
    said = signed.content(order, lines)
    bought = ((line, contracts.bought_line(order, line)) for line in lines)
    prices = price_notes(entity, bought, sent_at=order.submitted_at)
    requests = list(
        Requisition.objects.filter(lines__order_lines__order=order).distinct().order_by("pk")
    )
    return Description(
        title=order.title or f"Order to {order.vendor}",
        number=order.number or "",
        requester=order.buyer,
        vendor_name=order.vendor.name,
        vendor_standing=order.vendor.get_status_display(),
        currency=order.currency,
        total=order.net,
        base_total=order_facts.amount_to_approve(order, lines),
        base_currency=entity.currency,
        url=f"/orders/{order.pk}/",
        digest=changed.digest(said),
        parts=signed.parts(said),
        lines=[line_view(line, line.parts, prices[line.pk]) for line in lines],
        budget=_budget(order, lines),
        flags=_flags(order, lines),
        attachments=Attachment.objects.filter(document_id=order.pk).select_related("file"),
        justification=order.note,
        need_by=min((line.need_by for line in lines if line.need_by), default=None),
        references=_references(order, requests),
        risks=sorted({words for each in requests for words in presentation.risks(each)}),
    )


def _budget(order: PurchaseOrder, lines: list[PurchaseOrderLine]) -> list[FundsCheck]:
    """Against the year of the day when it was sent, while it waits; what is issued is committed."""
    if order.status != _STATUS.IN_APPROVAL or order.submitted_at is None:
        return []
    return order_facts.checks(order, lines, on=order.entity.day_of(order.submitted_at))


def _flags(order: PurchaseOrder, lines: list[PurchaseOrderLine]) -> list[Flag]:
    """Why it is asked at all, and a budget that warns."""
    found = []
    if order.status == _STATUS.IN_APPROVAL and order.submitted_at is not None:
        on = order.entity.day_of(order.submitted_at)
        found = [Flag(words) for words in cover.needs({order: lines}, order.buyer, on=on)[order.pk]]
        if split := order_facts.flag(order, lines, at=order.submitted_at):
            found.append(Flag(split, kind="split"))
    if order.budget_reason:
        found.append(Flag(f"Over a budget that warns: {order.budget_reason}", kind="budget"))
    return found


def _references(order: PurchaseOrder, requests: list[Requisition]) -> list[tuple[str, str]]:
    """Where it comes from, what it stands under, and of a blanket order its limit."""
    found = [("Asked for in", each.number or each.title) for each in requests]
    if order.contract is not None:
        found.append(("Contract", order.contract.number))
    if order.kind == PurchaseOrder.Kind.BLANKET:
        limit = order.agreement_terms.limit
        said = "none, prices only"
        if limit is not None:
            said = f"{round_amount(limit, order.currency):,} {order.currency}"
        found.append(("Limit of the blanket order", said))
    return found
