"""Requisitions as something that is approved: what a round's end does, and what approvers read."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from approvals import subjects
from approvals.outcomes import Outcomes
from approvals.subjects import Description, LineView, PriceNote
from budgets import ledger
from core.composed import Composed
from core.models import Attachment
from core.money import to_base
from requisitions import content, facts, presentation
from requisitions.asked import bought_line, stored
from requisitions.changes import changes_since
from requisitions.models import Distribution, DocumentLine, Requisition, RequisitionLine
from requisitions.price_notes import price_notes

_locked_requisition = Composed[Requisition](
    lambda pk: (
        Requisition.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity")
        .filter(pk=pk)
    )
)


def _locked(subject_id: UUID) -> Requisition:
    return _locked_requisition.one(subject_id)


def _reserve(requisition: Requisition, *, actor: Any, at: datetime, comment: str) -> None:
    """The estimate is reserved (rule C2). Raises BudgetExceeded when others used the budget."""
    ledger.reserve(
        source=facts.source(requisition),
        shares=facts.stored_shares(requisition),
        on=requisition.entity.day_of(at),
        actor=actor,
        at=at,
        reason=requisition.budget_reason,
        emergency=facts.emergency(requisition),
    )


_ends = Outcomes(_locked, {"approved": _reserve})  # any other end reserves nothing
mark_approved, mark_rejected, mark_returned = _ends.approved, _ends.rejected, _ends.returned


def register() -> None:
    """Nobody but its requester did another duty on a request, and requesters never decide: who
    `performed` what need not be read."""
    subjects.register(
        Requisition.document_type,
        approved=mark_approved,
        rejected=mark_rejected,
        returned=mark_returned,
        describe=describe,
        digest=present_digest,
        parts=present_parts,
        changes=changes_since,
    )


def present_digest(subject_id: UUID) -> str:
    """The digest of the content as it is now."""
    return content.digest(content.stored_content(subject_id))


def present_parts(subject_id: UUID) -> dict[str, str]:
    """Digests of the parts of the content as it is now."""
    return content.parts(content.stored_content(subject_id))


def describe(subject_id: UUID) -> Description:
    """Everything an approver signs, with what its budgets say today."""
    requisition = Requisition.objects.select_related("entity", "requester", "vendor").get(
        pk=subject_id
    )
    entity, lines = requisition.entity, content.lines_of(requisition)
    asked, stated = stored(requisition, lines), content.content(requisition, lines)
    vendors = {str(vendor): vendor for vendor in asked.vendors}
    bought = ((line, bought_line(requisition, line)) for line in lines)
    prices = price_notes(entity, bought, sent_at=requisition.submitted_at)
    return Description(
        title=requisition.title,
        number=requisition.number or "",
        requester=requisition.requester,
        vendor_name=", ".join(vendors),
        vendor_standing=", ".join(
            sorted({vendor.get_status_display() for vendor in vendors.values()})
        ),
        currency=requisition.currency,
        total=requisition.total,
        base_total=to_base(requisition.total, rate=requisition.rate, base_currency=entity.currency),
        base_currency=entity.currency,
        url=f"/requisitions/{requisition.pk}/",
        digest=content.digest(stated),
        parts=content.parts(stated),
        lines=[line_view(line, line.distributions.all(), prices[line.pk]) for line in lines],
        budget=_budget(requisition, lines),
        flags=presentation.flags(requisition, asked, at=requisition.submitted_at),
        attachments=Attachment.objects.filter(document_id=requisition.pk).select_related("file"),
        justification=requisition.justification,
        need_by=requisition.need_by,
        references=presentation.references(requisition),
        risks=presentation.risks(requisition),
    )


def line_view(
    line: DocumentLine,
    parts: Iterable[Distribution],
    prices: Sequence[PriceNote] = (),
    *,
    note: str = "",
) -> LineView:
    """A line of a document as approvers read it; `parts` are coded, `note` follows its words."""
    return LineView(
        line_number=line.line_number,
        description=line.description + note,
        quantity=line.quantity,
        unit=line.unit,
        unit_price=line.unit_price,
        net=line.net,
        coding="; ".join(_coding(part) for part in parts),
        prices=list(prices),
    )


def _coding(part: Distribution) -> str:
    codes = [part.cost_center.code, part.gl_account.code]
    if part.project:
        codes.append(part.project.code)
    share = "" if part.percent == 100 else f" ({part.percent.normalize():f} %)"
    return " · ".join(codes) + share


def _budget(requisition: Requisition, lines: list[RequisitionLine]) -> list[ledger.FundsCheck]:
    """Checks against the day of submission's year while it waits; afterwards it is reserved."""
    if requisition.status != Requisition.Status.SUBMITTED or requisition.submitted_at is None:
        return []
    on = requisition.entity.day_of(requisition.submitted_at)
    return ledger.check_funds(
        entity=requisition.entity,
        on=on,
        demands=facts.demands(requisition, lines, on=on),
    )
