"""Invoices and credit notes: liquidate what an order holds, book what was billed (C7 to C17)."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from budgets.ledger import accruing, drawing, forward, rolling
from budgets.ledger.cells import Calendar
from budgets.ledger.committing import give_back
from budgets.ledger.posting import Posting, base_part, mirror_entry, write
from budgets.ledger.types import Draw, Settlement, Source
from budgets.models import Commitment, LedgerEntry, Stage
from core.errors import Conflict, RuleBroken
from core.money import ZERO, to_base
from core.transactions import atomic


class NothingCommitted(RuleBroken):
    """An invoice settles an order distribution that was never committed."""

    slug = "nothing-committed"
    title = "The order line was never committed, so it cannot be billed."


@atomic
def liquidate(
    *,
    source: Source,
    settlements: Iterable[Settlement],
    on: date,
    actor: Any,
    at: datetime,
    reason: str = "",
    event: str = "invoice.cleared",
    draw: Draw | None = None,
) -> None:
    """Rules C7 to C12 and C14 to C16: −ENC at the order's rate, +ACT at the invoice's.

    The spend is booked to the cell that holds the commitment: what was set aside pays. What goes
    beyond it (price, over-billing, exchange rate) has its own funds check; for a release that was
    closed its blanket order gives what it commits (`draw`, C24). A second delivery does nothing.
    Raises BudgetExceeded, BudgetReasonRequired, NothingCommitted, FiscalYearMissing,
    FiscalYearClosed.
    """
    key = f"{event}:{source.document_id}:1"
    posting = Posting(source, event, key, on, actor, at, reason)
    settlements = list(settlements)
    wanted = {each.order_distribution_id for each in settlements}
    rows, drawn_on = drawing.lock_beside(
        draw, placed=True, distribution_id__in=wanted, stage=Stage.ENC
    )
    calendar = rolling.calendar(source.entity, on, rows)
    locked = {row.distribution_id: row for row in rows}
    if posting.is_done():
        return
    if wanted - locked.keys():
        raise NothingCommitted()
    behind = rolling.left_behind(locked.values())
    with accruing.along(each.document_id for each in behind):
        rolling.follow(behind, calendar)
    drawn = _draw(posting, settlements, locked)
    for settlement in settlements:
        _settle(posting, settlement, locked[settlement.order_distribution_id])
    write([*drawn, posting, *drawing.move(posting, draw, drawn_on)], [*rows, *drawn_on])


def _draw(
    posting: Posting, settlements: list[Settlement], locked: dict[UUID, Commitment]
) -> list[Posting]:
    """What is billed of later fiscal years is committed first; a final bill ends what waits (C29).

    Statements: none unless more is billed than is committed, or for the last time.
    """
    billed: dict[UUID, Decimal] = defaultdict(Decimal)
    for each in settlements:
        billed[each.order_distribution_id] += each.liquidate
    final = {each.order_distribution_id for each in settlements if each.final}
    asked = [locked[pk] for pk in billed if pk in final or billed[pk] > locked[pk].document_open]
    waiting = forward.waiting(asked) if asked else {}
    cause, orders = posting.source.document_id, []
    for commitment in asked:
        if rows := waiting.get(commitment.pk):
            order = forward.posting_of_order(posting, commitment, "order.drawn")
            lacking = max(billed[commitment.distribution_id] - commitment.document_open, ZERO)
            forward.draw(order, commitment, rows, lacking, cause=cause)
            orders.append(order)
    forward.give_up([each for each in asked if each.distribution_id in final], cause=cause)
    return orders


def _settle(posting: Posting, settlement: Settlement, commitment: Commitment) -> None:
    if settlement.liquidate < 0 or settlement.reencumber < 0:
        raise ValueError("liquidate and reencumber are never negative")
    held = commitment.document_open
    part = held if settlement.final else min(settlement.liquidate, held)
    taken = base_part(posting, commitment, part, of=held, at_most=commitment.open)
    back = min(settlement.reencumber, commitment.document_liquidated)
    given = base_part(
        posting,
        commitment,
        back,
        of=commitment.document_liquidated,
        at_most=commitment.liquidated,
    )
    commitment.liquidated += taken - given
    commitment.document_liquidated += part - back
    line: dict[str, Any] = {"line_id": settlement.line_id, "line_number": settlement.line_number}
    posting.add_to(
        commitment,
        amount=given - taken,
        document_amount=back - part,
        quantity=-settlement.quantity,
        **line,
    )
    source = posting.source
    posting.add(
        stage=Stage.ACT,
        cell_id=commitment.cell_id,
        distribution_id=commitment.distribution_id,
        amount=to_base(settlement.actual, rate=source.rate, base_currency=source.entity.currency),
        document_amount=settlement.actual,
        currency=source.currency,
        rate=source.rate,
        quantity=settlement.quantity,
        **line,
    )


@atomic
def mirror(
    *,
    source: Source,
    on: date,
    actor: Any,
    at: datetime,
    reason: str,
    event: str = "invoice.voided",
    reencumber: bool = True,
    draw: Draw | None = None,
) -> None:
    """Rule C17: undo a cleared invoice by the exact mirror of its entries, each naming its own.

    With `reencumber` False (the order is closed) what comes back to the order is given up at once
    by a release of the order, and a blanket order commits again what it took of it (`draw`, C24).
    Raises Conflict when a later document already built on it, and BudgetExceeded when the budget
    has no room for what is committed again. A second call does nothing.
    """
    posting = Posting(source, event, f"{event}:{source.document_id}:1", on, actor, at, reason)
    Calendar.of(source.entity, on)
    mirrored = LedgerEntry.objects.filter(document_id=source.document_id, reverses__isnull=True)
    entries = list(mirrored.select_related("cell__fiscal_year").order_by("id"))
    rolling.require_open(entries)
    wanted = {entry.distribution_id for entry in entries if entry.stage == Stage.ENC}
    rows, drawn_on = drawing.lock_beside(draw, distribution_id__in=wanted, stage=Stage.ENC)
    locked = {row.distribution_id: row for row in rows}
    if posting.is_done():
        return
    for entry in entries:
        mirror_entry(posting, entry)
        if entry.stage == Stage.ENC:
            _restore(locked[entry.distribution_id], entry)
    carried = rolling.carry_home(posting, locked, entries)
    undrawn = forward.undo(posting, locked.values())
    releases = [] if reencumber else _give_up(posting, list(locked.values()), entries)
    taken = drawing.move(posting, draw, drawn_on)
    write([posting, *carried, *undrawn, *releases, *taken], [*rows, *drawn_on])


def _restore(commitment: Commitment, entry: LedgerEntry) -> None:
    commitment.liquidated += entry.amount
    commitment.document_liquidated += entry.document_amount
    if min(commitment.liquidated, commitment.document_liquidated, commitment.open) < ZERO:
        raise Conflict(
            f"A later invoice or credit note builds on {entry.document_number}: void that first."
        )


def _give_up(
    posting: Posting, commitments: list[Commitment], entries: list[LedgerEntry]
) -> list[Posting]:
    """Release, as the orders they belong to, what the mirror brought back to closed orders."""
    back: dict[Any, Decimal] = {}
    for entry in entries:
        if entry.stage == Stage.ENC:
            back[entry.distribution_id] = back.get(entry.distribution_id, ZERO) - entry.amount
    releases = []
    for commitment in commitments:
        if back[commitment.distribution_id] <= ZERO:
            continue
        release = forward.posting_of_order(posting, commitment, "order.released")
        give_back(release, commitment)
        forward.give_up([commitment], cause=commitment.document_id)
        releases.append(release)
    return releases
