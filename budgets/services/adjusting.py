"""Moving amounts between budgets: paired, append-only, and never what is already in use."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from accounts.models import Control
from budgets import amounts
from budgets.models import BudgetAdjustment, BudgetCell
from budgets.services.setting import BudgetBelowUse
from budgets.services.years import FiscalYearClosed
from core.errors import FieldError
from core.money import ZERO, round_amount
from core.transactions import atomic


@atomic
def adjust(
    *, moves: Mapping[int, Decimal], actor: Any, at: datetime, reason: str
) -> dict[int, BudgetAdjustment]:
    """Change the amounts of cells by signed sums in base currency, all of them or none.

    One adjustment for each cell, cells locked in primary-key order. Who may, and that the sums
    are fit, is the caller's business. Raises BudgetBelowUse when a cell would go below zero, or
    under control stop below what is in use; FiscalYearClosed.
    """
    cells = amounts.locked(Q(pk__in=list(moves)))
    require_room(cells, moves)
    for cell in cells:
        cell.amount += moves[cell.pk]
    moved = {cell: moves[cell.pk] for cell in cells}
    made = amounts.store(moved, actor=actor, at=at, reason=reason)
    return {each.cell_id: each for each in made}


def require_room(cells: Iterable[BudgetCell], moves: Mapping[int, Decimal]) -> None:
    """Raise BudgetBelowUse or FiscalYearClosed where a cell cannot be changed by its sum.

    Every cell that cannot is named; `/lines/0` is the first of `moves`.
    """
    positions = {pk: number for number, pk in enumerate(moves)}
    errors = []
    for cell in cells:
        if not cell.fiscal_year.is_open:
            raise FiscalYearClosed(f"Fiscal year {cell.fiscal_year} is closed: {cell}.")
        if moves[cell.pk] < ZERO and (lacks := _lacking(cell, -moves[cell.pk])):
            errors.append(FieldError(f"/lines/{positions[cell.pk]}/amount", "max_value", lacks))
    if errors:
        raise BudgetBelowUse(" ".join(each.detail for each in errors), errors=errors)


def free(cell: BudgetCell) -> Decimal:
    """What may be taken out of a cell: what is not in use under control stop, else all of it."""
    if cell.control != Control.STOP:
        return Decimal(cell.amount)
    return max(ZERO, min(Decimal(cell.amount), cell.available + cell.overdraft))


def _lacking(cell: BudgetCell, out: Decimal) -> str:
    if out <= free(cell):
        return ""
    currency = cell.entity.currency

    def money(value: Any) -> str:
        return f"{round_amount(Decimal(value), currency):,} {currency}"

    return (
        f"{cell}: {money(out)} cannot go out of {money(cell.amount)}, "
        f"{money(free(cell))} of it can; {money(cell.used)} is in use."
    )
