"""Requisitions and orders: reserve, convert, commit, give back (C2 to C5, C19 to C21, C25)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count

from budgets.ledger import drawing, forward, overdrafts, rolling
from budgets.ledger.cells import HOLDS_FROM, Calendar, Dimensions, find_or_create
from budgets.ledger.posting import (
    Distributed,
    Posting,
    base_part,
    empty,
    ensure,
    lock,
    write,
)
from budgets.ledger.refusing import is_spread, refuse_lacking
from budgets.ledger.types import Draw, Share, Source
from budgets.models import (
    BudgetCell,
    Commitment,
    ForwardCommitment,
    LedgerEntry,
    Stage,
)
from core.composed import Composed
from core.errors import Conflict
from core.money import ZERO, to_base
from core.transactions import atomic

# How many entries an event of a document has; no row where it has none.
_posted_before = Composed[int](
    lambda document, event: (
        LedgerEntry.objects.filter(document_id=document, event=event)
        .order_by()
        .values("document_id")
        .values_list(Count("pk"), flat=True)
    )
)


@atomic
def reserve(
    *,
    source: Source,
    shares: Iterable[Share],
    on: date,
    actor: Any,
    at: datetime,
    reason: str = "",
    event: str = "requisition.approved",
    emergency: str = "",
) -> None:
    """Rule C2: hold the estimate of an approved requisition, +PRE. A second delivery does nothing.

    Accounts that reserve at a later stage only note who pays (C28). `emergency` is why budgets may
    be overdrawn (C27). Raises BudgetExceeded, BudgetReasonRequired, FiscalYearMissing,
    FiscalYearClosed.
    """
    key = f"{event}:{source.document_id}:1"
    posting = Posting(source, event, key, on, actor, at, reason or emergency)
    _commit(posting, Stage.PRE, list(shares), emergency)


@atomic
def encumber(
    *,
    source: Source,
    shares: Iterable[Share],
    on: date,
    actor: Any,
    at: datetime,
    reason: str = "",
    event: str = "order.issued",
    revision: int = 1,
    emergency: str = "",
    draw: Draw | None = None,
) -> None:
    """Rules C3, C3′, C5, C24, C25: commit an issued order, +ENC, using up what its requisition
    holds, and what its blanket order commits, where it has one.

    One net funds check per cell: what these give pays first. What was reserved is
    committed whatever its account says by now; else an account that reserves when billed only notes
    who pays (C28). `emergency` is why budgets may be overdrawn (C27). A second delivery of the same
    revision does nothing. Raises BudgetExceeded, BudgetReasonRequired, FiscalYearMissing,
    FiscalYearClosed.
    """
    key = f"{event}:{source.document_id}:{revision}"
    posting = Posting(source, event, key, on, actor, at, reason or emergency)
    _commit(posting, Stage.ENC, list(shares), emergency, draw)


def _commit(
    posting: Posting,
    stage: str,
    shares: list[Share],
    emergency: str,
    draw: Draw | None = None,
) -> None:
    """Add shares to their commitments and take what they convert. Statements: 4, and 2 where
    something is converted or drawn.
    """
    if not shares:
        return
    source = posting.source
    found = find_or_create(
        Calendar(source.entity, posting.on), {Dimensions.of(share) for share in shares}
    )
    posting.plain = frozenset(each.pk for each in found.values() if not each.is_cumulative)
    spread = is_spread(shares)
    if not (spread or emergency or draw):
        refuse_lacking(source, posting.key, stage, shares, found)
    taken, drawn_on = _taken(draw, shares)
    reserved = {row.distribution_id: row for row in taken}
    begun = _begun(posting, stage, shares, found, reserved)
    new = ensure(begun)
    known = _known(begun, new, stage)
    waiting = forward.waiting([*taken, *known]) if spread else {}
    if known and (posting.is_done() or any(row.pk in waiting for row in known)):
        if new:
            raise ValueError("a second delivery brings what the first one brought")
        return
    standing = {row.distribution_id: row for row in [*new, *known]}
    growing = {row.distribution_id for row in known}
    growing |= {share.distribution_id for share in shares if share.period}
    for share in shares:
        commitment = standing[share.distribution_id]
        held = reserved.get(share.converts) if share.converts else None
        if held is not None and held.holds:
            commitment.holds = True
            _convert(posting, share, held, waiting.get(held.pk, []))
        _add(posting, share, commitment, grows=share.distribution_id in growing)
    if emergency:
        overdrafts.allow(posting, why=emergency)
    grown = [standing[pk] for pk in growing]
    write([posting, *drawing.move(posting, draw, drawn_on)], [*taken, *grown, *drawn_on])


def _taken(draw: Draw | None, shares: list[Share]) -> tuple[list[Commitment], list[Commitment]]:
    """What is converted and what is drawn on, locked. Statements: 1, or none without either."""
    converted = {share.converts for share in shares if share.converts}
    if not converted and draw is None:
        return [], []
    return drawing.lock_beside(draw, distribution_id__in=converted, stage=Stage.PRE)


def _begun(
    posting: Posting,
    stage: str,
    shares: list[Share],
    found: Mapping[Dimensions, BudgetCell],
    reserved: Mapping[UUID, Commitment],
) -> list[Commitment]:
    """The commitments of shares as they are where there is none yet; not saved.

    With what the shares commit, but for those that run over years: what waits needs their key.
    """
    begun: dict[UUID, Commitment] = {}
    for share in shares:
        cell = found[Dimensions.of(share)]
        held = reserved.get(share.converts) if share.converts else None
        holds = cell.reserves_at in HOLDS_FROM[stage] or (held is not None and held.holds)
        commitment = begun.setdefault(
            share.distribution_id,
            empty(posting.source, stage, share, cell_id=cell.pk, holds=holds),
        )
        if commitment.holds and share.period is None:
            amount, document_amount = _now(posting, share, commitment)
            commitment.amount += amount
            commitment.document_amount += document_amount
    return list(begun.values())


def _known(begun: list[Commitment], new: list[Commitment], stage: str) -> list[Commitment]:
    """Those that were there before, locked. Statements: 1, or none where all are new."""
    if len(new) == len(begun):
        return []
    missing = {row.distribution_id for row in begun} - {row.distribution_id for row in new}
    return lock(distribution_id__in=missing, stage=stage)


def _add(posting: Posting, share: Share, commitment: Commitment, *, grows: bool) -> None:
    """The entry of a share; what was begun with its amount does not grow by it once more."""
    if not commitment.holds:
        return
    amount, document_amount = _now(posting, share, commitment)
    if grows:
        commitment.amount += amount
        commitment.document_amount += document_amount
    posting.add_to(
        commitment, amount=amount, document_amount=document_amount, quantity=share.quantity
    )


def _now(posting: Posting, share: Share, commitment: Commitment) -> tuple[Decimal, Decimal]:
    """What of a share is committed now, in base and document currency; later years wait (C29)."""
    entity = posting.source.entity
    if share.period is not None:
        return forward.put_off(
            commitment, share.amount, period=share.period, entity=entity, on=posting.on
        )
    rate = posting.source.rate
    return to_base(share.amount, rate=rate, base_currency=entity.currency), share.amount


def _convert(
    posting: Posting, share: Share, reserved: Commitment, waiting: list[ForwardCommitment]
) -> None:
    """−PRE what the order takes of the estimate, at most what remains; the last takes the rest."""
    base = posting.source.entity.currency
    part = forward.order_part(reserved, waiting, share.converts_amount, base_currency=base)
    amount = base_part(posting, reserved, part, of=reserved.document_open, at_most=reserved.open)
    use_up(posting, reserved, share, amount=amount, document_amount=part)


def use_up(
    posting: Posting,
    reserved: Commitment,
    line: Distributed,
    *,
    amount: Decimal,
    document_amount: Decimal,
) -> None:
    """−PRE of a reservation, in the name of the line that takes it."""
    reserved.liquidated += amount
    reserved.document_liquidated += document_amount
    posting.add_to(
        reserved,
        amount=-amount,
        document_amount=-document_amount,
        line_id=line.line_id,
        line_number=line.line_number,
    )


@atomic
def release_reservation(
    *,
    source: Source,
    actor: Any,
    at: datetime,
    on: date,
    reason: str,
    line_ids: Iterable[UUID] | None = None,
    event: str = "requisition.closed",
) -> Decimal:
    """Rule C4: −PRE what a requisition, or some of its lines, still holds. Returns the base amount.

    What was given back is not held any more, so a second call frees 0.
    """
    held = held_by(source, Stage.PRE, line_ids)
    return _give_back(next_of(source, event, on, actor, at, reason), held)


@atomic
def release(
    *,
    source: Source,
    on: date,
    actor: Any,
    at: datetime,
    reason: str,
    event: str = "order.closed",
    line_ids: Iterable[UUID] | None = None,
    draw: Draw | None = None,
) -> Decimal:
    """Rule C19: −ENC what an order, or some of its lines, still holds. Returns the base amount.

    A release gives back to its blanket order (C24). What was given back is not held any more, so a
    second call frees 0.
    """
    which = _held_by(source, Stage.ENC, line_ids)
    held, drawn_on = drawing.lock_beside(draw, placed=True, **which)
    rolling.calendar(source.entity, on, held)
    posting = _next_of(source, event, on, actor, at, reason)
    return _give_back(posting, held, draw=draw, drawn_on=drawn_on)


@atomic
def cancel(
    *,
    source: Source,
    on: date,
    actor: Any,
    at: datetime,
    reason: str,
    event: str = "order.cancelled",
    draw: Draw | None = None,
) -> Decimal:
    """Rule C21: −ENC all of an order. Returns the base amount; a release gives back (C24).

    Raises Conflict when anything was liquidated: such an order is closed, not cancelled.
    """
    held, drawn_on = drawing.lock_beside(draw, placed=True, **_held_by(source, Stage.ENC, None))
    if any(commitment.document_liquidated for commitment in held):
        raise Conflict(f"{source.number} has cleared invoices: close it instead of cancelling it.")
    rolling.calendar(source.entity, on, held)
    posting = _next_of(source, event, on, actor, at, reason)
    return _give_back(posting, held, draw=draw, drawn_on=drawn_on)


@atomic
def reencumber(
    *,
    source: Source,
    on: date,
    actor: Any,
    at: datetime,
    reason: str,
    event: str = "order.reopened",
    draw: Draw | None = None,
) -> None:
    """Rule C20: +ENC what closing had given back, with a new funds check; a release takes it of
    its blanket order (C24).

    Raises BudgetExceeded or BudgetReasonRequired. A second call finds nothing to take.
    """
    held, drawn_on = drawing.lock_beside(draw, placed=True, **_held_by(source, Stage.ENC, None))
    rolling.follow(held, rolling.calendar(source.entity, on, held))
    posting = _next_of(source, event, on, actor, at, reason)
    forward.take_up(held, cause=source.document_id)
    for commitment in held:
        posting.add_to(
            commitment,
            amount=commitment.released,
            document_amount=commitment.document_released,
        )
        commitment.released = commitment.document_released = ZERO
    write([posting, *drawing.move(posting, draw, drawn_on)], [*held, *drawn_on])


def held_by(source: Source, stage: str, line_ids: Iterable[UUID] | None) -> list[Commitment]:
    """The commitments of a document in a stage, or of some of its lines, locked."""
    return lock(**_held_by(source, stage, line_ids))


def _held_by(source: Source, stage: str, line_ids: Iterable[UUID] | None) -> dict[str, Any]:
    which: dict[str, Any] = {"document_id": source.document_id, "stage": stage}
    if line_ids is not None:
        which["line_id__in"] = list(line_ids)
    return which


def next_of(source: Source, event: str, on: date, actor: Any, at: datetime, reason: str) -> Posting:
    """A posting of an event that may come again (close, reopen, close), named by its turn.

    Called under the lock of the document's commitments, so two turns never share a name. Raises
    FiscalYearMissing or FiscalYearClosed.
    """
    Calendar.of(source.entity, on)
    return _next_of(source, event, on, actor, at, reason)


def _next_of(
    source: Source, event: str, on: date, actor: Any, at: datetime, reason: str
) -> Posting:
    before = sum(_posted_before(source.document_id, event))
    key = f"{event}:{source.document_id}:{before + 1}"
    return Posting(source, event, key, on, actor, at, reason)


def _give_back(
    posting: Posting,
    held: list[Commitment],
    *,
    draw: Draw | None = None,
    drawn_on: Sequence[Commitment] = (),
) -> Decimal:
    freed = ZERO
    for commitment in held:
        freed += give_back(posting, commitment)
    forward.give_up(held, cause=posting.source.document_id)
    others = drawing.move(posting, draw, list(drawn_on))
    write([posting, *others], [*held, *drawn_on])
    return freed


def give_back(posting: Posting, commitment: Commitment) -> Decimal:
    """Release all a commitment holds; returns the base amount."""
    amount, document_amount = commitment.open, commitment.document_open
    posting.add_to(commitment, amount=-amount, document_amount=-document_amount)
    commitment.released += amount
    commitment.document_released += document_amount
    return amount
