"""What moves with a posting so that it fits: what earlier periods left to a cumulative cell.

Amounts of cells change by append-only adjustments only, here as elsewhere, so that balances and
limits stay what the database checks.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from budgets import amounts
from budgets.ledger.cells import before
from budgets.models import BudgetCell
from core.money import ZERO


def with_earlier(cells: Iterable[BudgetCell]) -> None:
    """Let cumulative cells know the cells of earlier periods. Statements: 1, or none."""
    cumulative = [cell for cell in cells if cell.is_cumulative]
    if not cumulative:
        return
    among = list(BudgetCell.objects.filter(_series(cumulative)))
    for cell in cumulative:
        cell.earlier = before(cell, among)


def carry(
    takes: Mapping[int, Decimal],
    *,
    days: Mapping[int, date],
    locks: Iterable[int],
    actor: Any,
    at: datetime,
    reason: str,
    partly: bool = False,
) -> None:
    """Bring what cumulative cells lack from what earlier periods left, oldest first.

    `takes` is what is asked of each cell, on which of `days`; `locks` every cell that the posting
    moves: they are locked with the earlier ones in primary-key order. Where all that was left does
    not suffice, nothing moves, and the posting is refused or overdraws like any other; what may
    overdraw takes it `partly` first.
    """
    asking = list(BudgetCell.objects.filter(pk__in=list(takes), is_cumulative=True))
    if not asking:
        return
    wanted = Q(pk__in=list(locks)) | _series(asking)
    locked = {cell.pk: cell for cell in amounts.locked(wanted)}
    moved: dict[date, dict[BudgetCell, Decimal]] = defaultdict(dict)
    for pk in sorted(cell.pk for cell in asking):
        _bring(locked[pk], takes[pk], locked.values(), moved[days[pk]], partly=partly)
    for day in sorted(moved):
        amounts.store(moved[day], on=day, actor=actor, at=at, reason=reason)


def _bring(
    cell: BudgetCell,
    takes: Decimal,
    among: Iterable[BudgetCell],
    moved: dict[BudgetCell, Decimal],
    *,
    partly: bool,
) -> None:
    cell.earlier = before(cell, among)
    lacks = takes - (cell.available + cell.overdraft)
    if partly:
        lacks = min(lacks, cell.left_before)
    if not ZERO < lacks <= cell.left_before:
        return
    for source in cell.earlier:
        part = min(lacks, max(source.available, ZERO))
        for each, amount in ((source, -part), (cell, part)):
            each.amount += amount
            moved[each] = moved.get(each, ZERO) + amount
        lacks -= part
        if not lacks:
            return


def _series(cells: Iterable[BudgetCell]) -> Q:
    """The cumulative cells of earlier periods beside these, and they themselves."""
    found = Q()
    for cell in cells:
        found |= Q(
            is_cumulative=True,
            fiscal_year=cell.fiscal_year_id,
            cost_center=cell.cost_center_id,
            gl_account=cell.gl_account_id,
            project=cell.project_id,
            months=cell.months,
            period__lte=cell.period,
        )
    return found
