"""From one fiscal year to the next: what is open goes on in the new year's cell (C22, M16).

A commitment stands in one cell at a time; its entries keep the cells in which they happened.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from budgets.ledger import forward
from budgets.ledger.cells import Calendar, Dimensions, find_or_create
from budgets.ledger.posting import Posting, lock, mirror_entry, write
from budgets.ledger.types import Source
from budgets.models import BudgetCell, Commitment, ForwardCommitment, LedgerEntry, Stage
from budgets.services import FiscalYearClosed
from core.errors import Conflict
from core.money import ZERO

EVENT = "year_end.rolled"
UNDONE = "year_end.reversed"


@dataclass(frozen=True, slots=True)
class Rolled:
    """What became of one commitment at a year end; base currency."""

    commitment_id: int
    stage: str
    from_cell_id: int
    to_cell_id: int
    amount: Decimal
    activated: Decimal


def dimensions(cell: BudgetCell) -> Dimensions:
    return Dimensions(cell.cost_center_id, cell.gl_account_id, cell.project_id)


def lock_placed(**which: Any) -> list[Commitment]:
    """As `posting.lock`, with the cell and the fiscal year in which each stands. Statements: 1."""
    found = Commitment.objects.select_for_update(of=("self",), no_key=True)
    return list(found.select_related("cell__fiscal_year").filter(**which).order_by("pk"))


def follow(commitments: Iterable[Commitment], calendar: Calendar) -> None:
    """Let commitments that hold nothing in a closed year stand in this year's cell from now on.

    They come from `lock_placed`. What is posted next lands in an open year. Statements: none
    unless one stands in a closed year. Raises FiscalYearClosed for one that still holds
    something: its year end was not run.
    """
    behind = [each for each in commitments if not each.cell.fiscal_year.is_open]
    if not behind:
        return
    found = find_or_create(calendar, {dimensions(each.cell) for each in behind})
    for each in behind:
        if each.open or each.document_open:
            raise FiscalYearClosed(
                f"{each.document_number} still stands in fiscal year {each.cell.fiscal_year}."
            )
        place(each, found[dimensions(each.cell)].pk)


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


def roll(
    *,
    source: Source,
    commitment_ids: Iterable[int],
    batch: UUID,
    turn: int,
    last_day: date,
    first_day: date,
    actor: Any,
    at: datetime,
    reason: str,
) -> list[Rolled]:
    """Rule C22 for the commitments of one document: −x on the last day, +x on the first.

    What their schedules say for the new year becomes commitment with them. The caller locks cells
    of budgets that travel, and remembers what was rolled: each batch and turn posts once. Raises
    BudgetExceeded, BudgetReasonRequired, FiscalYearMissing, FiscalYearClosed.
    """
    old, new = Calendar.of(source.entity, last_day), Calendar.of(source.entity, first_day)
    held = [
        each
        for each in lock(pk__in=list(commitment_ids))
        if each.cell_id in _cells_of(old, commitment_ids)
    ]
    key = f"{EVENT}:{batch}:{turn}:{source.document_id}"
    out = Posting(source, EVENT, f"{key}:out", last_day, actor, at, reason)
    into = Posting(source, EVENT, f"{key}:in", first_day, actor, at, reason)
    if out.is_done() or into.is_done():
        return []
    cells = BudgetCell.objects.in_bulk([each.cell_id for each in held])
    found = find_or_create(new, {dimensions(cell) for cell in cells.values()}) if held else {}
    waiting = forward.waiting(held)
    rolled = []
    for each in held:
        amount, document_amount, left = each.open, each.document_open, each.cell_id
        out.add_to(each, amount=-amount, document_amount=-document_amount)
        place(each, found[dimensions(cells[left])].pk)
        into.add_to(each, amount=amount, document_amount=document_amount)
        activated = ZERO
        for row in waiting.get(each.pk, []):
            if row.fiscal_year <= new.year.year:
                activated += forward.add(into, each, row, row.document_amount, cause=batch)
        rolled.append(Rolled(each.pk, each.stage, left, each.cell_id, amount, activated))
    write([out, into], held)
    return rolled


def _cells_of(calendar: Calendar, commitment_ids: Iterable[int]) -> set[int]:
    standing = BudgetCell.objects.filter(
        commitments__in=list(commitment_ids), fiscal_year=calendar.year
    )
    return set(standing.values_list("pk", flat=True))


def unroll(*, batch: UUID, homes: Mapping[int, int], actor: Any, at: datetime, reason: str) -> None:
    """Undo a whole batch by the exact mirror of its entries, each on the day of its own.

    Commitments stand again in their `homes` (cells by commitment), and what was activated waits
    again. Raises Conflict when something was posted to one of them since, BudgetExceeded,
    FiscalYearClosed.
    """
    entries = list(
        LedgerEntry.objects.filter(event=EVENT, event_key__startswith=f"{EVENT}:{batch}:")
        .select_related("cell__fiscal_year", "entity")
        .order_by("id")
    )
    require_open(entries)
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
    write(postings, held.values())


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
