"""Every balance once more, from what only grows: entry by entry into an empty database.

Adjustments, ledger entries, receipts and billed lines are read in the order in which they were
written, folded into a database of its own that starts empty, and compared with what the portal
stores. That database is SQLite in a temporary file, or one that is kept as evidence: it needs no
right to write to the portal's own, and shares none of its code (docs/adr says why).
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import F, QuerySet

from budgets.models import (
    AccruedSum,
    BudgetAdjustment,
    BudgetCell,
    Commitment,
    LedgerEntry,
    Stage,
)
from budgets.tying import Row, differences, rows
from core.fields import AmountField

MANY = 5_000  # rows at a time

_TABLES = """
CREATE TABLE cells (
  id INTEGER PRIMARY KEY, amount INTEGER NOT NULL DEFAULT 0, overdraft INTEGER NOT NULL DEFAULT 0,
  pre INTEGER NOT NULL DEFAULT 0, enc INTEGER NOT NULL DEFAULT 0, act INTEGER NOT NULL DEFAULT 0);
CREATE TABLE commitments (
  distribution TEXT NOT NULL, stage TEXT NOT NULL, home TEXT NOT NULL,
  kept INTEGER NOT NULL DEFAULT 0, used INTEGER NOT NULL DEFAULT 0,
  document_kept INTEGER NOT NULL DEFAULT 0, document_used INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (distribution, stage)) WITHOUT ROWID;
CREATE TABLE accrued (
  cell INTEGER NOT NULL, day TEXT NOT NULL, amount INTEGER NOT NULL,
  PRIMARY KEY (cell, day)) WITHOUT ROWID;
"""
_ADJUST = """
INSERT INTO cells (id, amount, overdraft) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE
SET amount = amount + excluded.amount, overdraft = overdraft + excluded.overdraft
"""
_POST = """
INSERT INTO cells (id, pre, enc, act) VALUES (?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE
SET pre = pre + excluded.pre, enc = enc + excluded.enc, act = act + excluded.act
"""
# The document of a commitment's first entry is the one it belongs to: what that does later keeps or
# gives back, what any other does uses up.
_HOLD = """
INSERT INTO commitments (distribution, stage, home, kept, document_kept) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (distribution, stage) DO UPDATE SET
  kept = kept + CASE WHEN home = ?3 THEN ?4 ELSE 0 END,
  used = used - CASE WHEN home = ?3 THEN 0 ELSE ?4 END,
  document_kept = document_kept + CASE WHEN home = ?3 THEN ?5 ELSE 0 END,
  document_used = document_used - CASE WHEN home = ?3 THEN 0 ELSE ?5 END
"""
_ACCRUE = """
INSERT INTO accrued (cell, day, amount) VALUES (?, ?, ?)
ON CONFLICT (cell, day) DO UPDATE SET amount = amount + excluded.amount
"""

Moves = Mapping[tuple[int, date], Decimal]
_accruals: list[Callable[[], Moves]] = []


def accrue_by(moves: Callable[[], Moves]) -> None:
    """Register who knows what receipts and billed lines made budgets accrue, by cell and day.

    Called from `AppConfig.ready()` of the app that owns the orders.
    """
    if moves not in _accruals:
        _accruals.append(moves)


@dataclass
class Replayed:
    """How much was replayed, and where it differs from what is stored, in words."""

    events: dict[str, int] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)


def replay(database: sqlite3.Connection, *, most: int = 20) -> Replayed:
    """Fill an empty database from all events and compare. Call it inside `core.snapshot.snapshot`.

    Names at most so many differences of each kind. Memory: a few thousand rows at a time.
    """
    database.executescript(_TABLES)
    done = Replayed()
    done.events["adjustments"] = _run(database, _ADJUST, _adjustments())
    done.events["entries"] = _entries(database)
    for moves in _accruals:
        done.events["accruals"] = _run(database, _ACCRUE, _accruing(moves()))
    database.commit()
    for name, found, count in _compared(database):
        done.balances[name] = count
        done.differences += [text for text, _ in zip(found, range(most), strict=False)]
    return done


def _run(database: sqlite3.Connection, statement: str, values: Iterable[tuple[Any, ...]]) -> int:
    return database.executemany(statement, values).rowcount


def _adjustments() -> Iterator[tuple[Any, ...]]:
    found = BudgetAdjustment.objects.order_by("pk").values_list("cell_id", "amount", "overdraft")
    for cell, amount, overdraft in found.iterator(MANY):
        yield cell, _units(amount), _units(overdraft)


def _entries(database: sqlite3.Connection) -> int:
    """Both roads in one walk: cells of all stages, commitments of those that are held."""
    found = LedgerEntry.objects.order_by("pk").values_list(
        "cell_id", "stage", "amount", "distribution_id", "document_id", "document_amount"
    )
    places = {stage: place for place, stage in enumerate(Stage.values)}
    posted, held, count = [], [], 0
    for cell, stage, amount, distribution, document, document_amount in found.iterator(MANY):
        units, moves = _units(amount), [0] * len(places)
        moves[places[stage]] = units
        posted.append((cell, *moves))
        if stage != Stage.ACT:
            held.append((distribution.hex, stage, document.hex, units, _units(document_amount)))
        count += 1
        if len(posted) == MANY:
            _flush(database, posted, held)
    _flush(database, posted, held)
    return count


def _flush(database: sqlite3.Connection, posted: list[Any], held: list[Any]) -> None:
    database.executemany(_POST, posted)
    database.executemany(_HOLD, held)
    posted.clear()
    held.clear()


def _accruing(moves: Moves) -> Iterator[tuple[Any, ...]]:
    for (cell, day), amount in moves.items():
        yield cell, "", _units(amount)
        yield cell, day.isoformat(), _units(amount)


def _compared(database: sqlite3.Connection) -> Iterator[tuple[str, Iterator[str], int]]:
    cells = BudgetCell.objects.order_by("pk").values_list(
        "pk", "amount", "overdraft", "pre_encumbered", "encumbered", "spent"
    )
    ours = database.execute("SELECT * FROM cells ORDER BY id")
    yield (
        "cells",
        _told("budget cell {}: amount, overdraft, PRE, ENC, ACT", rows(cells), _replayed(ours)),
        cells.count(),
    )
    yield (
        "commitments",
        _told("commitment {}: kept and used, in base and document currency",
              _stored_commitments(), _replayed(_held(database), keys=2)),
        Commitment.objects.count(),
    )  # fmt: skip
    sums = sorted(
        ((cell, day.isoformat() if day else ""), (amount,))
        for cell, day, amount in AccruedSum.objects.values_list("cell_id", "day", "amount")
    )
    accrued = database.execute("SELECT * FROM accrued ORDER BY cell, day")
    yield (
        "accrued sums",
        _told("received, not invoiced of budget cell {}", iter(sums), _replayed(accrued, keys=2)),
        len(sums),
    )


def _held(database: sqlite3.Connection) -> sqlite3.Cursor:
    return database.execute(
        "SELECT distribution, stage, kept, used, document_kept, document_used FROM commitments "
        "ORDER BY distribution, stage"
    )


def _stored_commitments() -> Iterator[Row]:
    found: QuerySet[Commitment, Any] = (
        Commitment.objects.order_by("distribution_id", "stage")
        .annotate(
            kept=F("amount") - F("released"),
            document_kept=F("document_amount") - F("document_released"),
        )
        .values_list(
            "distribution_id",
            "stage",
            *("kept", "liquidated", "document_kept", "document_liquidated"),
        )
    )
    for (distribution, stage), values in rows(found, keys=2):
        yield (distribution.hex, stage), values


def _told(words: str, stored: Iterator[Row], replayed: Iterator[Row]) -> Iterator[str]:
    for key, says, told in differences(stored, replayed):
        name = " ".join(map(str, key)).strip() if isinstance(key, tuple) else str(key)
        yield f"{words.format(name)}: stored {_figures(says)}, replayed {_figures(told)}"


def _figures(values: Iterable[Decimal]) -> str:
    return " / ".join(f"{value:,.2f}" for value in values)


def _replayed(found: Iterable[Any], keys: int = 1) -> Iterator[Row]:
    for row in found:
        key = row[0] if keys == 1 else row[:keys]
        yield key, tuple(Decimal(value).scaleb(-AmountField.scale) for value in row[keys:])


def _units(amount: Decimal) -> int:
    """Ten-thousandths, exact: SQLite would keep a decimal as a float."""
    return int(amount.scaleb(AmountField.scale))
