"""Change orders: a rise is held while it waits, an order's commitment follows by the difference.

Rule C18. Nothing is counted twice: what was held is used up by the very posting that commits it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from budgets.ledger import drawing, forward, rolling
from budgets.ledger.cells import HOLDS_FROM, Calendar, Dimensions, find_or_create
from budgets.ledger.committing import give_back, held_by, next_of, use_up
from budgets.ledger.posting import Posting, empty, ensure, lock, write
from budgets.ledger.types import Draw, Period, Source
from budgets.models import Commitment, GLAccount, Stage
from core.errors import RuleBroken
from core.money import ZERO, to_base
from core.transactions import atomic


class BelowUsed(RuleBroken):
    """A change would leave less on an order than was liquidated, received or billed already."""

    slug = "below-used"
    title = "The order cannot go below what was received or billed."


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one distribution of an order line shall come to, with what has happened to it so far.

    `amount` is its whole in the order's currency, 0 where nobody pays it any more; `quantity` the
    signed difference. A rise waits under `held_as`, the change's own row; a distribution that goes
    has none.
    """

    line_id: UUID
    line_number: int
    distribution_id: UUID
    held_as: UUID | None
    cost_center_id: UUID
    gl_account_id: UUID
    project_id: UUID | None
    amount: Decimal
    quantity: Decimal = ZERO
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class _Move:
    """The signed difference of one distribution in one cell, in the order's currency."""

    wanted: Wanted
    cell_id: int
    amount: Decimal


@atomic
def hold(
    *,
    source: Source,
    wanted: Iterable[Wanted],
    on: date,
    actor: Any,
    at: datetime,
    reason: str = "",
    event: str = "change_order.submitted",
) -> None:
    """Hold what a change would take more, +PRE, cell by cell: less in one pays more in the same.

    `source` is the change order. Nothing is freed before it is issued. Raises BudgetExceeded,
    BudgetReasonRequired, FiscalYearMissing, FiscalYearClosed.
    """
    wanted = list(wanted)
    wanted = _this_years(wanted, _committed(wanted), source, on)
    reserving = _reserving(wanted, Stage.PRE)
    rises = [
        move
        for move in _rises(_moves(source, wanted, on))
        if move.wanted.gl_account_id in reserving
    ]
    if not rises:
        return
    posting = next_of(source, event, on, actor, at, reason)
    ensure(
        empty(
            source,
            Stage.PRE,
            move.wanted,
            cell_id=move.cell_id,
            distribution_id=move.wanted.held_as,
        )
        for move in rises
    )
    ids = [move.wanted.held_as for move in rises]
    locked = {row.distribution_id: row for row in lock(distribution_id__in=ids, stage=Stage.PRE)}
    for move in rises:
        assert move.wanted.held_as is not None  # what goes does not rise
        commitment = locked[move.wanted.held_as]
        if commitment.cell_id != move.cell_id:  # it was held before, and its order went on since
            rolling.place(commitment, move.cell_id)
        amount = to_base(move.amount, rate=source.rate, base_currency=source.entity.currency)
        commitment.amount += amount
        commitment.document_amount += move.amount
        posting.add_to(commitment, amount=amount, document_amount=move.amount)
    write([posting], locked.values())


@atomic
def drop_hold(
    *,
    source: Source,
    on: date,
    actor: Any,
    at: datetime,
    reason: str,
    event: str = "change_order.withdrawn",
) -> Decimal:
    """−PRE what a change order holds. Returns the base amount; a second call frees 0."""
    held = [row for row in held_by(source, Stage.PRE, None) if row.open or row.document_open]
    if not held:
        return ZERO
    posting = next_of(source, event, on, actor, at, reason)
    freed = sum((give_back(posting, commitment) for commitment in held), ZERO)
    write([posting], held)
    return freed


@atomic
def change(
    *,
    source: Source,
    wanted: Iterable[Wanted],
    revision: int,
    on: date,
    actor: Any,
    at: datetime,
    reason: str = "",
    event: str = "order.changed",
    draw: Draw | None = None,
) -> None:
    """Rule C18: ±ENC by the difference only, at the order's rate, using up what was held.

    `source` is the order, `revision` its new one; a second delivery does nothing. A distribution
    that is paid by somebody else from now on takes along what it still holds; a release takes the
    difference of what its blanket order commits (C24). Raises BelowUsed
    where it would hold less than was liquidated, BudgetExceeded, BudgetReasonRequired,
    FiscalYearMissing, FiscalYearClosed.
    """
    wanted = list(wanted)
    if not wanted:
        return
    key = f"{event}:{source.document_id}:{revision}"
    posting = Posting(source, event, key, on, actor, at, reason)
    cells, reserving = _cells(source, wanted, on), _reserving(wanted, Stage.ENC)
    ensure(
        empty(
            source,
            Stage.ENC,
            each,
            cell_id=cells[each.distribution_id],
            holds=each.gl_account_id in reserving,
        )
        for each in wanted
    )
    ids = {each.distribution_id for each in wanted} | {each.held_as for each in wanted} - {None}
    rows, drawn_on = drawing.lock_beside(draw, placed=True, distribution_id__in=ids)
    locked = {(row.distribution_id, str(row.stage)): row for row in [*rows, *drawn_on]}
    if posting.is_done():
        return
    rolling.follow([*rows, *drawn_on], Calendar(source.entity, on))
    standing = {each.distribution_id: locked[each.distribution_id, Stage.ENC] for each in wanted}
    for each in _this_years(wanted, standing, source, on, keep=True):
        held = locked.get((each.held_as, Stage.PRE)) if each.held_as else None
        if held is not None:
            use_up(posting, held, each, amount=held.open, document_amount=held.document_open)
        _settle(posting, locked[each.distribution_id, Stage.ENC], each, cells)
    write([posting, *drawing.move(posting, draw, drawn_on)], [*rows, *drawn_on])


def _this_years(
    wanted: list[Wanted],
    commitments: Mapping[UUID, Commitment],
    source: Source,
    on: date,
    *,
    keep: bool = False,
) -> list[Wanted]:
    """What this fiscal year shall come to of each: later ones wait (C29), from now on if `keep`."""
    known = list(commitments.values())
    if not any(each.period for each in wanted):
        return wanted
    drawn = forward.drawn(known)
    found = []
    for each in wanted:
        commitment = commitments.get(each.distribution_id)
        pk = commitment.pk if commitment else None
        later = forward.later_parts(
            each.amount,
            entity=source.entity,
            period=each.period,
            currency=source.currency,
            on=on,
            drawn=drawn.get(pk, {}) if pk else {},
        )
        if keep and commitment is not None:
            forward.reschedule(commitment, later, base_currency=source.entity.currency)
        found.append(replace(each, amount=each.amount - sum(later.values(), ZERO)))
    return found


def _settle(
    posting: Posting, commitment: Commitment, wanted: Wanted, cells: Mapping[UUID, int]
) -> None:
    cell_id = cells[wanted.distribution_id]
    if not commitment.holds:  # it only notes who pays once it is billed (C28)
        rolling.place(commitment, cell_id)
        return
    used = commitment.document_liquidated + commitment.document_released
    if wanted.amount < used or (cell_id != commitment.cell_id and used):
        raise BelowUsed(
            f"Line {wanted.line_number}: {used.normalize():,f} {posting.source.currency} of it "
            "was used up already."
        )
    if cell_id != commitment.cell_id:
        _carry(posting, commitment, cell_id)
    amount = _base(posting, commitment, wanted.amount)
    posting.add_to(
        commitment,
        amount=amount - commitment.amount,
        document_amount=wanted.amount - commitment.document_amount,
        quantity=wanted.quantity,
    )
    commitment.amount, commitment.document_amount = amount, wanted.amount


def _base(posting: Posting, commitment: Commitment, whole: Decimal) -> Decimal:
    """What a commitment comes to in base currency; its used part stays what it was to the cent."""
    used = commitment.liquidated + commitment.released
    left = whole - commitment.document_liquidated - commitment.document_released
    if not left:
        return used
    currency = posting.source.entity.currency
    whole_base: Decimal = to_base(whole, rate=commitment.rate, base_currency=currency)
    return max(whole_base, used)


def _carry(posting: Posting, commitment: Commitment, cell_id: int) -> None:
    """What is left goes to the cell that pays from now on; the rest of the change follows there."""
    amount, document_amount = commitment.open, commitment.document_open
    posting.add_to(commitment, amount=-amount, document_amount=-document_amount)
    rolling.place(commitment, cell_id)
    posting.add_to(commitment, amount=amount, document_amount=document_amount)


def _moves(source: Source, wanted: list[Wanted], on: date) -> list[_Move]:
    """What each distribution would take more or less, and where."""
    cells = _cells(source, wanted, on)
    stored = _committed(wanted)
    moves = []
    for each in wanted:
        cell_id, commitment = cells[each.distribution_id], stored.get(each.distribution_id)
        if commitment is None:
            moves.append(_Move(each, cell_id, each.amount))
        elif not commitment.holds:
            continue  # its account reserves when billed (C28)
        elif commitment.cell_id == cell_id or rolling.left_behind([commitment]):
            moves.append(_Move(each, cell_id, each.amount - commitment.document_amount))
        else:
            moves.append(_Move(each, commitment.cell_id, -commitment.document_open))
            moves.append(_Move(each, cell_id, each.amount))
    return moves


def _rises(moves: list[_Move]) -> list[_Move]:
    """What is to be held: the rises, less what falls in the same cell."""
    falls: dict[int, Decimal] = defaultdict(Decimal)
    for move in moves:
        falls[move.cell_id] += max(-move.amount, ZERO)
    rises = []
    for move in moves:
        paid = min(max(move.amount, ZERO), falls[move.cell_id])
        falls[move.cell_id] -= paid
        if move.amount > paid:
            rises.append(_Move(move.wanted, move.cell_id, move.amount - paid))
    return rises


def _cells(source: Source, wanted: list[Wanted], on: date) -> dict[UUID, int]:
    """The cell that pays each distribution: its own while coding and year stay, else the day's."""
    stored = _committed(wanted)
    found: dict[UUID, int] = {}
    for each in wanted:
        commitment = stored.get(each.distribution_id)
        if commitment is None or rolling.left_behind([commitment]):
            continue
        if Dimensions.of(commitment.cell) == Dimensions.of(each):
            found[each.distribution_id] = commitment.cell_id
    missing = [each for each in wanted if each.distribution_id not in found]
    if missing:
        calendar = Calendar.of(source.entity, on)
        cells = find_or_create(calendar, {Dimensions.of(each) for each in missing})
        found |= {each.distribution_id: cells[Dimensions.of(each)].pk for each in missing}
    return found


def _committed(wanted: list[Wanted]) -> dict[UUID, Commitment]:
    rows = Commitment.objects.filter(
        distribution_id__in=[each.distribution_id for each in wanted], stage=Stage.ENC
    )
    return {row.distribution_id: row for row in rows.select_related("cell__fiscal_year")}


def _reserving(wanted: list[Wanted], stage: Stage) -> set[UUID]:
    """The accounts that reserve at this stage already (C28)."""
    accounts = GLAccount.objects.filter(
        pk__in={each.gl_account_id for each in wanted}, reserves_at__in=HOLDS_FROM[stage]
    )
    return set(accounts.values_list("pk", flat=True))
