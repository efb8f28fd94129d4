"""From one fiscal year to the next, reckoned without the portal: C22 and C29 for the books."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from tests.invariants.machine.books import SPLIT, Books
from tests.invariants.machine.cells import ENC, PRE, ZERO, Key, Moves, nothing
from tests.invariants.machine.documents import Share


@dataclass
class YearEnd:
    """`went`: share and stage, the cells it left and reached, what it held, what became of its next
    year, and the budget that travelled along."""

    with_budget: bool
    went: list[tuple[Share, int, Key, Key, Decimal, Decimal, Decimal]] = field(default_factory=list)


def held_by(books: Books, document: Any) -> tuple[list[Share], int]:
    """The shares of a document, and the stage in which it holds them."""
    if document in books.orders:
        return books.orders[document].shares, ENC
    return (books.requests.get(document) or books.changes[document]).shares, PRE


def to_roll(books: Books, document: Any) -> list[Share]:
    shares, _ = held_by(books, document)
    return [each for each in shares if each.cell[1] == SPLIT and (each.held or each.later)]


def roll(books: Books, end: YearEnd, document: Any) -> bool:
    """C22 for one document, or nothing of it where the new year has no room."""
    stage, moves, went = held_by(books, document)[1], nothing(), []
    left = {key: max(cell.amount, ZERO) for key, cell in books.cells.cells.items()}
    for share in to_roll(books, document):
        home = books.cells.paying(share.cell[0], date(SPLIT + 1, 1, 1))
        budget = min(share.held, left[share.cell]) if end.with_budget else ZERO
        left[share.cell] -= budget
        moves[share.cell][stage] -= share.held
        moves[home][stage] += share.held + share.later
        went.append((share, stage, share.cell, home, share.held, share.later, budget))
    cells = books.cells.cells
    for _, _, _, home, _, _, budget in went:
        cells[home].amount += budget
    fits = books.cells.apply(moves) if books.cells.bear(moves) else False
    for share, _, old, home, _, later, budget in went:
        cells[old if fits else home].amount -= budget
        if fits:
            share.cell = home
            share.draw(later)
    end.went += went if fits else []
    return fits


def unrolling(end: YearEnd) -> Moves:
    moves = nothing()
    for _, stage, old, home, held, later, _ in end.went:
        moves[home][stage] -= held + later
        moves[old][stage] += held
    return moves


def unroll(books: Books, end: YearEnd) -> bool:
    """The exact mirror, budgets first there and last here."""
    cells = books.cells.cells
    for _, _, old, _, _, _, budget in end.went:
        cells[old].amount += budget
    fits = books.cells.apply(unrolling(end))
    for share, _, old, home, _, later, budget in end.went:
        cells[home].amount -= budget
        share.cell = old
        share.draw(-later)
    return fits


def activate(books: Books, documents: Iterable[Any], day: date) -> int:
    """C29: what waited for this year is committed, one document after another, if there is room."""
    done = 0
    for document in documents:
        shares, stage = held_by(books, document)
        due = [
            share
            for share in shares
            if share.later and (share.cell[1] == day.year or not share.held)
        ]
        moves = nothing()
        for share in due:
            moves[_home(books, share, day)][stage] += share.later
        if not due or not books.cells.bear(moves):
            continue
        books.cells.apply(moves)
        for share in due:
            share.cell = _home(books, share, day)
            share.draw(share.later)
        done += 1
    return done


def _home(books: Books, share: Share, day: date) -> Key:
    return share.cell if share.cell[1] == day.year else books.cells.paying(share.cell[0], day)
