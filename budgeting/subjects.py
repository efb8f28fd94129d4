"""Budget changes as something that is approved."""

from datetime import datetime
from typing import Any
from uuid import UUID

import budgets.services
from approvals import subjects
from approvals.outcomes import Outcomes
from approvals.subjects import Description, Flag
from budgeting import facts
from budgeting.models import BudgetChange, BudgetChangeLine
from budgeting.services import changes
from budgets.services import BudgetBelowUse, free
from core import events, rows
from core.models import Attachment
from core.money import ZERO, round_amount
from core.transactions import atomic
from core.transitions import perform


def register() -> None:
    subjects.register(
        BudgetChange.document_type,
        approved=mark_approved,
        rejected=mark_rejected,
        returned=mark_returned,
        describe=describe,
        digest=present_digest,
    )


@atomic
def mark_approved(*, subject_id: UUID, actor: Any, at: datetime, comment: str = "") -> None:
    """The round ended well: all its budgets change now, by one adjustment each.

    Raises IllegalTransition, NotAllowed for its proposer and where a policy would pass it without
    a person, BudgetBelowUse when what goes out was used by others meanwhile, FiscalYearClosed.
    """
    change = changes.locked(subject_id)
    perform(change.approve, actor=actor, at=at)
    change.save()
    lines = facts.lines_of(change)
    made = budgets.services.adjust(
        moves={line.cell_id: line.amount for line in lines},
        actor=actor,
        at=at,
        reason=f"{change.number}: {change.reason}",
    )
    for line in lines:
        line.adjustment = made[line.cell_id]
    rows.store(lines, ["adjustment"])
    events.publish(
        "budget_change.approved",
        change,
        actor=actor,
        at=at,
        reason=comment,
        changes=_moved(lines, made),
        data={"proposed_by": str(change.proposed_by_id), "total": str(change.total)},
    )


_ends = Outcomes(changes.locked)  # budgets stay as they are
mark_rejected, mark_returned = _ends.rejected, _ends.returned


def present_digest(subject_id: UUID) -> str:
    return facts.digest(BudgetChange.objects.select_related("entity").get(pk=subject_id))


def describe(subject_id: UUID) -> Description:
    """What each budget gets or gives, from what to what, and whether that can go out today."""
    change = BudgetChange.objects.select_related("entity", "proposed_by").get(pk=subject_id)
    currency = change.entity.currency
    return Description(
        title=change.title,
        number=change.number or "",
        requester=change.proposed_by,
        vendor_name="",
        currency=currency,
        total=change.total,
        base_total=change.total,
        base_currency=currency,
        url=f"/budgets/changes/{change.pk}/",
        digest=facts.digest(change),
        flags=_flags(change),
        attachments=Attachment.objects.filter(document_id=change.pk).select_related("file"),
        justification=change.reason,
    )


def _flags(change: BudgetChange) -> list[Flag]:
    lines, currency = facts.lines_of(change), change.entity.currency
    waits = change.status == BudgetChange.Status.IN_APPROVAL
    flags = [_effect(line, currency, waits=waits) for line in lines]
    if waits:
        try:
            budgets.services.require_room(
                [line.cell for line in lines], {line.cell_id: line.amount for line in lines}
            )
        except BudgetBelowUse as lacking:
            flags.append(Flag(lacking.detail, kind="budget"))
    return flags


def _effect(line: BudgetChangeLine, currency: str, *, waits: bool) -> Flag:
    said = f"{line.cell}: {round_amount(line.amount, currency):+,} {currency}"
    if waits:
        old, new = (
            f"{round_amount(value, currency):,}"
            for value in (line.cell.amount, line.cell.amount + line.amount)
        )
        said = f"{said} ({old} → {new})"
        if line.amount < ZERO:
            said = f"{said}; {round_amount(free(line.cell), currency):,} can go out"
    return Flag(said, url=f"/budgets/{line.cell_id}/")


def _moved(lines: list[BudgetChangeLine], made: dict[int, Any]) -> list[dict[str, Any]]:
    """From what to what, read from the cells as they were changed."""
    currency = lines[0].cell.entity.currency
    return [
        {
            "field": str(line.cell),
            "old": f"{round_amount(made[line.cell_id].cell.amount - line.amount, currency)}",
            "new": f"{round_amount(made[line.cell_id].cell.amount, currency)}",
        }
        for line in lines
    ]
