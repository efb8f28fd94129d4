"""From one fiscal year to the next: what is open goes on in the new year's cell (C22, M16).

A commitment stands in one cell at a time; its entries keep the cells in which they happened.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from accounts.models import Entity
from budgets.ledger import accruing, forward, travelling
from budgets.ledger.cells import Calendar, Dimensions, find_or_create
from budgets.ledger.posting import Posting, lock, mirror_entry, write
from budgets.ledger.travelling import Rolled
from budgets.ledger.types import Source
from budgets.models import Commitment, ForwardCommitment, LedgerEntry, Stage
from budgets.services import FiscalYearClosed
from core.composed import Composed
from core.errors import Conflict
from core.money import ZERO
from core.transactions import atomic

EVENT = "year_end.rolled"
ACTIVATED = "order.activated"
UNDONE = "year_end.reversed"


@cache
def _locked(*names: str) -> Composed[Commitment]:
    return Composed(
        lambda *values: (
            Commitment.objects.select_for_update(of=("self",), no_key=True)
            .select_related("cell__fiscal_year")
            .filter(**dict(zip(names, values, strict=True)))
            .order_by("pk")
        )
    )


def lock_placed(**which: Any) -> list[Commitment]:
    """As `posting.lock`, with the cell and the fiscal year in which each stands. Statements: 1."""
    return _locked(*which)(*which.values())


def calendar(entity: Entity, on: date, placed: Iterable[Commitment]) -> Calendar:
    """The open calendar of a day, from commitments of `lock_placed` where one stands in its year.

    Raises FiscalYearMissing or FiscalYearClosed. Statements: none, else 1.
    """
    return Calendar.of(entity, on, read=(each.cell.fiscal_year for each in placed))


def follow(commitments: Iterable[Commitment], calendar: Calendar) -> None:
    """Let commitments that hold nothing in a closed year stand in this year's cell from now on.

    They come from `lock_placed`. What is posted next lands in an open year. Statements: none
    unless one stands in a closed year. Raises FiscalYearClosed for one that still holds
    something: its year end was not run.
    """
    behind = left_behind(commitments)
    if not behind:
        return
    found = find_or_create(calendar, {Dimensions.of(each.cell) for each in behind})
    for each in behind:
        if each.open or each.document_open:
            raise FiscalYearClosed(
                f"{each.document_number} still stands in fiscal year {each.cell.fiscal_year}."
            )
        place(each, found[Dimensions.of(each.cell)].pk)


def left_behind(commitments: Iterable[Commitment]) -> list[Commitment]:
    """Those that stand in a closed year."""
    return [each for each in commitments if not each.cell.fiscal_year.is_open]


def place(commitment: Commitment, cell_id: int) -> None:
    """Let a commitment stand in a cell. Its balance there is the caller's business."""
    commitment.cell_id = cell_id
    Commitment.objects.filter(pk=commitment.pk).update(cell_id=cell_id)


def require_open(entries: Iterable[LedgerEntry]) -> None:
    """Raise FiscalYearClosed where one of these stands in a closed year: it is not undone there."""
    for entry in entries:
        if not entry.cell.fiscal_year.is_open:
            raise FiscalYearClosed(
                f"{entry.document_number} was booked in fiscal year {entry.cell.fiscal_year}, "
                "which is closed. A credit note corrects it in this year."
            )


def carry_home(
    posting: Posting, commitments: Mapping[UUID, Commitment], entries: Iterable[LedgerEntry]
) -> list[Posting]:
    """What a mirror brought back to a cell that a commitment has left goes on to where it is."""
    carried: dict[int, Posting] = {}
    for entry in entries:
        commitment = commitments.get(entry.distribution_id)
        if entry.stage != Stage.ENC or commitment is None or entry.cell_id == commitment.cell_id:
            continue
        order = carried.setdefault(
            commitment.pk, forward.posting_of_order(posting, commitment, "order.carried")
        )
        home, back = commitment.cell_id, (entry.amount, entry.document_amount)
        commitment.cell_id = entry.cell_id
        order.add_to(commitment, amount=back[0], document_amount=back[1])
        commitment.cell_id = home
        order.add_to(commitment, amount=-back[0], document_amount=-back[1])
    return list(carried.values())


def to_roll(*, entity_id: UUID, year_id: int, next_year: int) -> QuerySet[Commitment]:
    """Commitments that stand in a fiscal year and hold something, or wait for the next year."""
    standing = Commitment.objects.filter(cell__entity_id=entity_id, cell__fiscal_year_id=year_id)
    due = ForwardCommitment.objects.filter(
        state=ForwardCommitment.State.FORWARD, fiscal_year__lte=next_year
    )
    holds = Q(amount__gt=F("liquidated") + F("released")) | Q(
        document_amount__gt=F("document_liquidated") + F("document_released")
    )
    return standing.filter(holds | Q(pk__in=due.values("commitment"))).order_by("pk")


@atomic
def roll(
    *,
    source: Source,
    commitment_ids: Iterable[int],
    batch: UUID,
    turn: int,
    days: tuple[date, date],
    with_budget: bool,
    actor: Any,
    at: datetime,
    reason: str,
) -> list[Rolled]:
    """Rule C22 for the commitments of one document: −x on the last day, +x on the first.

    `days` are the last of the old fiscal year and the first of the new one. What schedules say for
    the new year becomes commitment with them; the budget of the rest may travel along, as far as
    there is any. Each batch and turn posts once. Raises BudgetExceeded, BudgetReasonRequired,
    FiscalYearMissing, FiscalYearClosed.
    """
    last_day, first_day = days
    old, new = Calendar.of(source.entity, last_day), Calendar.of(source.entity, first_day)
    key = f"{EVENT}:{batch}:{turn}:{source.document_id}"
    out = Posting(source, EVENT, f"{key}:out", last_day, actor, at, reason)
    into = Posting(source, EVENT, f"{key}:in", first_day, actor, at, reason)
    with accruing.along([source.document_id]):
        placed = lock_placed(pk__in=list(commitment_ids))
        held = [each for each in placed if each.cell.fiscal_year_id == old.year.pk]
        if not held or out.is_done() or into.is_done():
            return []
        rolled = _go_on(out, into, held, new, batch)
        if not with_budget:
            write([out, into], held)
            return rolled
        with travelling.along(rolled, days=days, actor=actor, at=at, reason=reason) as travelled:
            write([out, into], held)
        return travelled


def _go_on(
    out: Posting, into: Posting, held: list[Commitment], calendar: Calendar, batch: UUID
) -> list[Rolled]:
    """Let each stand in the cell of the new year, with what waited for it."""
    found = find_or_create(calendar, {Dimensions.of(each.cell) for each in held})
    waiting, rolled = forward.waiting(held), []
    for each in held:
        home = found[Dimensions.of(each.cell)].pk
        left, amount, document_amount = each.cell_id, each.open, each.document_open
        out.add_to(each, amount=-amount, document_amount=-document_amount)
        place(each, home)
        into.add_to(each, amount=amount, document_amount=document_amount)
        due = [row for row in waiting.get(each.pk, []) if row.fiscal_year <= calendar.year.year]
        activated = sum(
            (forward.add(into, each, row, row.document_amount, cause=batch) for row in due), ZERO
        )
        rolled.append(Rolled(each.pk, each.stage, left, home, amount, activated))
    return rolled


@atomic
def unroll(
    *,
    batch: UUID,
    rolled: Iterable[Rolled],
    days: tuple[date, date],
    actor: Any,
    at: datetime,
    reason: str,
) -> None:
    """Undo a whole batch by the exact mirror of its entries, each on the day of its own.

    `days` are those of `roll`. Commitments stand again where they stood, what was activated waits
    again, budgets travel back. Raises Conflict when something was posted to one of them since,
    BudgetExceeded, BudgetBelowUse, FiscalYearClosed.
    """
    rolled = list(rolled)
    homes = {each.commitment_id: each.from_cell_id for each in rolled}
    entries = list(
        LedgerEntry.objects.filter(event=EVENT, event_key__startswith=f"{EVENT}:{batch}:")
        .select_related("cell__fiscal_year", "entity")
        .order_by("id")
    )
    require_open(entries)
    with accruing.along(entry.document_id for entry in entries):
        held = {row.pk: row for row in lock(pk__in=list(homes))}
        _require_untouched(entries)
        for row in forward.moved(held.values(), batch):
            commitment = held[row.commitment_id]
            commitment.amount -= row.amount
            commitment.document_amount -= row.document_amount
            forward.put_back(row)
        for commitment in held.values():
            place(commitment, homes[commitment.pk])
        postings = _mirrors(entries, batch=batch, actor=actor, at=at, reason=reason)
        back = [
            replace(each, from_cell_id=each.to_cell_id, to_cell_id=each.from_cell_id)
            for each in rolled
        ]
        with travelling.back(back, days=days[::-1], actor=actor, at=at, reason=reason):
            write(postings, held.values())


@atomic
def activate(
    *, source: Source, commitment_ids: Iterable[int], on: date, actor: Any, at: datetime
) -> Decimal:
    """What waited for the fiscal year of a day becomes commitment of one document (C29).

    A commitment that still holds something of an earlier year waits for its year end. Returns the
    base amount. Raises BudgetExceeded, FiscalYearMissing, FiscalYearClosed.
    """
    calendar = Calendar.of(source.entity, on)
    year = calendar.year
    with accruing.along([source.document_id]):
        held = [
            each
            for each in lock_placed(pk__in=list(commitment_ids))
            if each.cell.fiscal_year_id == year.pk or not (each.open or each.document_open)
        ]
        if not held:
            return ZERO
        before = LedgerEntry.objects.filter(document_id=source.document_id, event=ACTIVATED).count()
        key = f"{ACTIVATED}:{source.document_id}:{before + 1}"
        reason = f"The service of fiscal year {year} begins"
        posting = Posting(source, ACTIVATED, key, on, actor, at, reason)
        found = find_or_create(calendar, {Dimensions.of(each.cell) for each in held})
        waiting, total = forward.waiting(held), ZERO
        for each in held:
            due = [row for row in waiting.get(each.pk, []) if row.fiscal_year <= year.year]
            if due and each.cell.fiscal_year_id != year.pk:
                place(each, found[Dimensions.of(each.cell)].pk)
            for row in due:
                part = row.document_amount
                total += forward.add(posting, each, row, part, cause=source.document_id)
        write([posting], held)
    return total


def _mirrors(
    entries: list[LedgerEntry], *, batch: UUID, actor: Any, at: datetime, reason: str
) -> list[Posting]:
    """The opposite of every entry, the newest first: no commitment is below zero in between."""
    postings: dict[tuple[UUID, date], Posting] = {}
    for entry in reversed(entries):
        source = Source(
            entity=entry.entity,
            document_type=entry.document_type,
            document_id=entry.document_id,
            number=entry.document_number,
            currency=entry.currency,
            rate=entry.rate,
        )
        key = f"{UNDONE}:{batch}:{entry.document_id}:{entry.posting_date}"
        posting = postings.setdefault(
            (entry.document_id, entry.posting_date),
            Posting(source, UNDONE, key, entry.posting_date, actor, at, reason),
        )
        mirror_entry(posting, entry)
    return list(postings.values())


def _require_untouched(entries: list[LedgerEntry]) -> None:
    """Nothing was posted since to what this batch took over."""
    last: dict[tuple[UUID, str], int] = {}
    for entry in entries:
        last[entry.distribution_id, entry.stage] = entry.pk
    later = LedgerEntry.objects.filter(
        distribution_id__in={key[0] for key in last}, pk__gt=min(last.values(), default=0)
    ).values_list("pk", "distribution_id", "stage", "document_number")
    for pk, distribution, stage, number in later.order_by("pk"):
        if pk > last.get((distribution, stage), pk):
            raise Conflict(
                f"{number} was booked on what this year end took over: it cannot be undone any "
                "more."
            )
