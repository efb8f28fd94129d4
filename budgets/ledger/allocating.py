"""Shared costs: what was spent in a month, and moving parts of it to those who bear it.

A part moves by a pair of ACT entries, −x on the cell that paid and +x on the same account and
project of another cost centre. Pairs add up to zero, so nothing is made or lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from django.db.models import Sum

from accounts.models import Entity
from budgets.ledger.cells import Calendar, Dimensions, find_or_create
from budgets.ledger.posting import Posting, write
from budgets.ledger.types import Source
from budgets.models import BudgetCell, LedgerEntry, Stage
from core.transactions import atomic


@dataclass(frozen=True, slots=True)
class Spend:
    """What one cell spent; base currency, signed."""

    cell_id: int
    dimensions: Dimensions
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Charge:
    """One line: the parts of spends that a cost centre bears, in base currency."""

    line_id: UUID
    line_number: int
    cost_center_id: UUID
    parts: tuple[tuple[Spend, Decimal], ...]

    def moves(self) -> Iterable[tuple[Spend, Dimensions, Decimal]]:
        """What moves where. What the cost centre spent itself stays where it is."""
        for spend, amount in self.parts:
            own = spend.dimensions
            if amount and own.cost_center_id != self.cost_center_id:
                yield spend, own._replace(cost_center_id=self.cost_center_id), amount


def actual_spend(
    *,
    entity: Entity,
    first: date,
    last: date,
    cost_center_id: UUID | None = None,
    gl_account_id: UUID | None = None,
    project_id: UUID | None = None,
) -> list[Spend]:
    """What cells with these dimensions spent from the first day to the last, by cell.

    Whatever moved there counts, earlier allocations too. Statements: 1.
    """
    wanted = {
        "cost_center_id": cost_center_id,
        "gl_account_id": gl_account_id,
        "project_id": project_id,
    }
    named = {name: value for name, value in wanted.items() if value is not None}
    cells = BudgetCell.objects.filter(entity=entity, **named)
    sums = (
        LedgerEntry.objects.filter(cell__in=cells, stage=Stage.ACT)
        .filter(posting_date__gte=first, posting_date__lte=last)
        .order_by()
        .values_list("cell_id", *(f"cell__{name}" for name in Dimensions._fields))
        .annotate(total=Sum("amount"))
        .order_by("cell_id")
    )
    return [Spend(pk, Dimensions(*key), total) for pk, *key, total in sums if total]


@atomic
def charge(
    *,
    source: Source,
    charges: Iterable[Charge],
    on: date,
    actor: Any,
    at: datetime,
    reason: str,
    event: str = "allocation.posted",
) -> None:
    """Move the parts of spend that each line bears. A second delivery does nothing.

    Callers hold their document's lock. One net funds check per cell; the reason answers budgets
    that warn. Raises BudgetExceeded, FiscalYearMissing, FiscalYearClosed.
    """
    recharge(
        source=source,
        taken_back={},
        charges=charges,
        on=on,
        actor=actor,
        at=at,
        reason=reason,
        event=event,
        turn=f"{source.document_id}:1",
    )


@atomic
def recharge(
    *,
    source: Source,
    taken_back: Mapping[UUID, tuple[UUID, int]],
    charges: Iterable[Charge] = (),
    on: date,
    actor: Any,
    at: datetime,
    reason: str,
    event: str,
    turn: str,
) -> None:
    """Take lines back by the mirror of their entries and move other parts instead, as one posting.

    `taken_back` names for each line its mirror's id and number; `turn` what makes this posting one
    of a kind. Callers hold their document's lock. Raises as `charge`; BudgetExceeded also when who
    paid first has used since what comes back.
    """
    posting = Posting(source, event, f"{event}:{turn}", on, actor, at, reason)
    calendar = Calendar.of(source.entity, on)
    if posting.is_done():
        return
    _mirror(posting, taken_back)
    _move(posting, calendar, list(charges))
    write([posting], [])


def _mirror(posting: Posting, taken_back: Mapping[UUID, tuple[UUID, int]]) -> None:
    entries = LedgerEntry.objects.filter(
        document_id=posting.source.document_id, line_id__in=list(taken_back), reverses__isnull=True
    )
    for entry in entries.order_by("id"):
        line_id, line_number = taken_back[entry.line_id]
        _add(
            posting,
            cell_id=entry.cell_id,
            line_id=line_id,
            line_number=line_number,
            distribution_id=entry.distribution_id,
            amount=-entry.amount,
            reverses=entry,
        )


def _move(posting: Posting, calendar: Calendar, charges: list[Charge]) -> None:
    moves = [(each, *move) for each in charges for move in each.moves()]
    found = find_or_create(calendar, {target for _, _, target, _ in moves}) if moves else {}
    for each, spend, target, amount in moves:
        pair = uuid5(each.line_id, str(spend.cell_id))
        for cell_id, part in ((spend.cell_id, -amount), (found[target].pk, amount)):
            _add(
                posting,
                cell_id=cell_id,
                line_id=each.line_id,
                line_number=each.line_number,
                distribution_id=pair,
                amount=part,
            )


def _add(posting: Posting, *, amount: Decimal, **facts: Any) -> None:
    source = posting.source
    posting.add(
        stage=Stage.ACT,
        amount=amount,
        document_amount=amount,
        currency=source.currency,
        rate=source.rate,
        **facts,
    )
