"""One posting: its entries, the balances they move, and the commitments they settle, or nothing.

The order is always the same: commitments are locked by primary key, the effect is looked for under
that lock, cells are locked in primary-key order and move by one conditional UPDATE, entries are
written. A cell refuses what does not fit in the UPDATE itself, so no two postings can both believe
they fit.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Protocol
from uuid import UUID

from budgets.ledger import balances, carrying, funds
from budgets.ledger.types import Source
from budgets.models import BudgetCell, Commitment, LedgerEntry, Stage
from core import rows
from core.composed import Composed
from core.errors import Conflict
from core.fields import QuantityField
from core.money import ZERO, to_base

SETTLED = [
    "holds",
    "amount",
    "liquidated",
    "released",
    "document_amount",
    "document_liquidated",
    "document_released",
]


class Distributed(Protocol):
    """A distribution of a document line."""

    @property
    def line_id(self) -> UUID: ...
    @property
    def line_number(self) -> int: ...
    @property
    def distribution_id(self) -> UUID: ...


_posted = Composed[tuple[int]](
    lambda key: LedgerEntry.objects.filter(event_key=key).values_list("pk")[:1]
)


@dataclass
class Posting:
    """The entries of one event. Nothing is written before `write`."""

    source: Source
    event: str
    key: str
    on: date
    actor: Any
    at: datetime
    reason: str
    plain: frozenset[int] = frozenset()  # cells that are known not to be cumulative
    entries: dict[tuple[Any, ...], LedgerEntry] = field(default_factory=dict)

    def is_done(self) -> bool:
        """Whether this event was posted already. Reliable under the lock of its commitments."""
        return bool(_posted(self.key))

    def add(
        self,
        *,
        stage: str,
        cell_id: int,
        line_id: UUID,
        line_number: int,
        distribution_id: UUID,
        amount: Decimal,
        document_amount: Decimal,
        currency: str,
        rate: Decimal,
        quantity: Decimal = ZERO,
        reverses: LedgerEntry | None = None,
    ) -> None:
        """Add to the entry of this line, distribution, stage and cell. Zero leaves no entry."""
        if not amount and not document_amount:
            return
        quantity = round(quantity, QuantityField.scale)  # a share of a quantity may not end
        key = (line_id, distribution_id, stage, cell_id)
        entry = self.entries.get(key)
        if entry is not None:
            entry.amount += amount
            entry.document_amount += document_amount
            entry.quantity += quantity
            return
        self.entries[key] = LedgerEntry(
            event=self.event,
            event_key=self.key,
            entity=self.source.entity,
            cell_id=cell_id,
            stage=stage,
            amount=amount,
            document_amount=document_amount,
            currency=currency,
            rate=rate,
            quantity=quantity,
            document_type=self.source.document_type,
            document_id=self.source.document_id,
            document_number=self.source.number,
            line_id=line_id,
            line_number=line_number,
            distribution_id=distribution_id,
            posting_date=self.on,
            recorded_at=self.at,
            actor=self.actor,
            reason=self.reason,
            reverses=reverses,
        )

    def add_to(
        self, commitment: Commitment, *, amount: Decimal, document_amount: Decimal, **facts: Any
    ) -> None:
        """An entry on the stage, cell, currency and rate of a commitment."""
        facts.setdefault("line_id", commitment.line_id)
        facts.setdefault("line_number", commitment.line_number)
        self.add(
            stage=commitment.stage,
            cell_id=commitment.cell_id,
            distribution_id=commitment.distribution_id,
            amount=amount,
            document_amount=document_amount,
            currency=commitment.currency,
            rate=commitment.rate,
            **facts,
        )


def mirror_entry(posting: Posting, entry: LedgerEntry) -> None:
    """Add the exact opposite of an entry, naming it."""
    posting.add(
        stage=entry.stage,
        cell_id=entry.cell_id,
        line_id=entry.line_id,
        line_number=entry.line_number,
        distribution_id=entry.distribution_id,
        amount=-entry.amount,
        document_amount=-entry.document_amount,
        currency=entry.currency,
        rate=entry.rate,
        quantity=-entry.quantity,
        reverses=entry,
    )


def write(postings: list[Posting], commitments: Iterable[Commitment]) -> None:
    """Move the cells by the net of all entries, then store entries and commitments.

    Raises BudgetExceeded or BudgetReasonRequired; the caller's unit of work undoes the rest.
    """
    entries = [entry for posting in postings for entry in posting.entries.values()]
    if not entries:
        return
    _move(entries, postings[0])
    rows.insert(entries)
    rows.store(list(commitments), SETTLED)


def _move(entries: list[LedgerEntry], posting: Posting) -> None:
    deltas: dict[int, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(Stage.values, ZERO))
    for entry in entries:
        deltas[entry.cell_id][entry.stage] += entry.amount
    _carry(deltas, {entry.cell_id: entry.posting_date for entry in entries}, posting)
    refused = balances.move(deltas, has_reason=bool(posting.reason.strip()))
    if refused:
        _refuse({pk: sum(deltas[pk].values(), ZERO) for pk in refused}, posting)


def _carry(deltas: dict[int, dict[str, Decimal]], days: dict[int, date], posting: Posting) -> None:
    """Bring from earlier periods what cumulative cells lack, on the day of the posting."""
    asked = {pk: sum(moves.values(), ZERO) for pk, moves in deltas.items()}
    takes = {pk: asks for pk, asks in asked.items() if asks > ZERO and pk not in posting.plain}
    if takes:
        carrying.carry(
            takes,
            days=days,
            locks=deltas,
            actor=posting.actor,
            at=posting.at,
            reason=f"Left by earlier periods, for {posting.source.number}",
        )


def _refuse(asked: dict[int, Decimal], posting: Posting) -> None:
    """Say of every cell that did not move what it lacks, as it is now."""
    cells = BudgetCell.objects.select_related(
        "cost_center", "gl_account", "project", "fiscal_year"
    ).in_bulk(list(asked))
    currency = posting.source.entity.currency
    carrying.with_earlier(cells.values())
    checks = [funds.judge(cells[pk], asked[pk], currency=currency) for pk in sorted(asked)]
    funds.insist(checks, reason=posting.reason)
    # Money came free between the refused UPDATE and this second look: the caller tries again.
    raise Conflict("The budget changed at the same moment. Please try again.")


@cache
def _locked(*names: str) -> Composed[Commitment]:
    return Composed(
        lambda *values: (
            Commitment.objects.select_for_update(no_key=True)
            .filter(**dict(zip(names, values, strict=True)))
            .order_by("pk")
        )
    )


def lock(**which: Any) -> list[Commitment]:
    """Lock commitments in primary-key order, the same order for everybody. Statements: 1."""
    return _locked(*which)(*which.values())


def empty(
    source: Source,
    stage: str,
    line: Distributed,
    *,
    cell_id: int,
    distribution_id: UUID | None = None,
    holds: bool = True,
) -> Commitment:
    """A commitment of nothing yet, of the line's own distribution or another; not saved."""
    return Commitment(
        stage=stage,
        cell_id=cell_id,
        document_type=source.document_type,
        document_id=source.document_id,
        document_number=source.number,
        line_id=line.line_id,
        line_number=line.line_number,
        distribution_id=distribution_id or line.distribution_id,
        currency=source.currency,
        rate=source.rate,
        holds=holds,
        amount=ZERO,
        document_amount=ZERO,
    )


def ensure(commitments: Iterable[Commitment]) -> list[Commitment]:
    """Put commitments where there is none; returns those that are new, and thereby locked.

    The unique key makes a second delivery wait here for the first one's end, and then see it.
    Statements: 1.
    """
    waited_for = sorted(commitments, key=lambda commitment: commitment.distribution_id)
    return rows.insert_new(waited_for, unique=["distribution_id", "stage"])


def base_part(
    posting: Posting, commitment: Commitment, part: Decimal, *, of: Decimal, at_most: Decimal
) -> Decimal:
    """A part of a commitment in base currency at its own rate; the whole is the exact whole."""
    if part == of:
        return at_most
    currency = posting.source.entity.currency
    return min(to_base(part, rate=commitment.rate, base_currency=currency), at_most)
