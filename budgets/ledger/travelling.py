"""The budget of what goes on in the next fiscal year: it may travel along, and back (C22)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from budgets import amounts
from budgets.models import BudgetCell
from budgets.services.adjusting import require_room
from core.money import ZERO


@dataclass(frozen=True, slots=True)
class Rolled:
    """What became of one commitment at a year end; base currency."""

    commitment_id: int
    stage: str
    from_cell_id: int
    to_cell_id: int
    amount: Decimal
    activated: Decimal
    budget: Decimal = ZERO


@contextmanager
def along(
    rolled: list[Rolled], *, days: tuple[date, date], actor: Any, at: datetime, reason: str
) -> Iterator[list[Rolled]]:
    """Around the posting of what goes on: the new budgets get theirs before it, the old ones give
    it after, as far as there is any. Yields what went on with the budget of each.

    It leaves on the first of `days` and is there from the second on, as the entries are. Cells are
    locked in primary-key order first.
    """
    cells = _locked(rolled)
    left = {pk: max(Decimal(cell.amount), ZERO) for pk, cell in cells.items()}
    travelled = []
    for each in rolled:
        budget = min(each.amount, left[each.from_cell_id])
        left[each.from_cell_id] -= budget
        travelled.append(replace(each, budget=budget))
    into, out = _sums(travelled)
    _adjust(cells, into, on=days[1], actor=actor, at=at, reason=reason)
    yield travelled
    _adjust(cells, out, on=days[0], actor=actor, at=at, reason=reason)


@contextmanager
def back(
    rolled: list[Rolled], *, days: tuple[date, date], actor: Any, at: datetime, reason: str
) -> Iterator[None]:
    """Around the mirror: exactly the budgets of these travel, from cell to cell.

    They leave and are there on `days`, as in `along`. Raises BudgetBelowUse where what would go is
    in use by others.
    """
    cells = _locked(rolled)
    into, out = _sums(rolled)
    _adjust(cells, into, on=days[1], actor=actor, at=at, reason=reason)
    yield
    fresh = {cell.pk: cell for cell in amounts.locked(Q(pk__in=list(out)))}
    require_room(fresh.values(), out)
    _adjust(fresh, out, on=days[0], actor=actor, at=at, reason=reason)


def _locked(rolled: Iterable[Rolled]) -> dict[int, BudgetCell]:
    ids = {pk for each in rolled for pk in (each.from_cell_id, each.to_cell_id)}
    return {cell.pk: cell for cell in amounts.locked(Q(pk__in=ids))}


def _sums(rolled: Iterable[Rolled]) -> tuple[dict[int, Decimal], dict[int, Decimal]]:
    into: dict[int, Decimal] = defaultdict(Decimal)
    out: dict[int, Decimal] = defaultdict(Decimal)
    for each in rolled:
        if each.budget:
            into[each.to_cell_id] += each.budget
            out[each.from_cell_id] -= each.budget
    return into, out


def _adjust(
    cells: Mapping[int, BudgetCell],
    moves: Mapping[int, Decimal],
    *,
    on: date,
    actor: Any,
    at: datetime,
    reason: str,
) -> None:
    for pk, amount in moves.items():
        cells[pk].amount += amount
    moved = {cells[pk]: amount for pk, amount in moves.items()}
    amounts.store(moved, on=on, actor=actor, at=at, reason=reason)
