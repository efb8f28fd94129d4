"""What a blanket order commits itself, its limit or a minimum, goes over to its releases (C24).

A release takes it in the same posting that commits the release, so that a budget is asked for the
net only; a release that ends gives it back the same way.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db.models import Q

from budgets.ledger import rolling
from budgets.ledger.cells import Calendar
from budgets.ledger.posting import Posting, base_part, lock
from budgets.ledger.types import Draw, Source
from budgets.models import Commitment, LedgerEntry, Stage
from core.money import ZERO

EVENT = "agreement.ended"
MOVED = "release.moved"


def lock_beside(
    draw: Draw | None, *, placed: bool = False, **which: Any
) -> tuple[list[Commitment], list[Commitment]]:
    """As `posting.lock`, and what the blanket order holds besides, all in primary-key order;
    `placed` as `rolling.lock_placed`. Statements: 1."""
    if draw is None:
        return (rolling.lock_placed(**which) if placed else lock(**which)), []
    held = Q(document_id=draw.agreement_id, stage=Stage.ENC)
    rows = Commitment.objects.select_for_update(of=("self",), no_key=True)
    found = rows.select_related("cell__fiscal_year").filter(Q(**which) | held).order_by("pk")
    theirs = [row for row in found if row.document_id == draw.agreement_id]
    return [row for row in found if row.document_id != draw.agreement_id], theirs


def move(posting: Posting, draw: Draw | None, held: list[Commitment]) -> list[Posting]:
    """Let the blanket order commit what releases have not drawn: `draw.drawn` in all is theirs.

    `held` are its commitments, locked. Lines that the release takes from give and get first. What
    comes back to one that ended is given up at once. `posting` is the release's; where another
    document moves it, the release is named. Returns the further postings.
    """
    if draw is None or not held:
        return []
    if draw.release is not None:
        return _in_its_name(posting, draw, draw.release, held)
    rolling.follow(held, Calendar.of(posting.source.entity, posting.on))
    used = sum((row.document_liquidated for row in held), ZERO)
    difference = draw.drawn - used
    rows = sorted(held, key=lambda row: (row.line_id not in draw.first, row.pk))
    for row in rows:
        difference -= _take(posting, row, difference)
    if draw.goes_on:
        return []
    return _give_up(posting, [row for row in rows if row.document_open])


def _in_its_name(
    posting: Posting, draw: Draw, release: Source, held: list[Commitment]
) -> list[Posting]:
    key = f"{MOVED}:{posting.key}"
    own = Posting(release, MOVED, key, posting.on, posting.actor, posting.at, posting.reason)
    return [own, *move(own, replace(draw, release=None), held)]


def _take(posting: Posting, row: Commitment, difference: Decimal) -> Decimal:
    """Take what a positive difference asks, or put a negative one back; returns how much of it."""
    if difference > ZERO:
        part = min(difference, row.document_open)
        amount = base_part(posting, row, part, of=row.document_open, at_most=row.open)
    else:
        part = max(difference, -row.document_liquidated)
        amount = -base_part(posting, row, -part, of=row.document_liquidated, at_most=row.liquidated)
    row.document_liquidated += part
    row.liquidated += amount
    posting.add_to(row, amount=-amount, document_amount=-part)
    return part


def _give_up(posting: Posting, rows: list[Commitment]) -> list[Posting]:
    """Release in the blanket order's name what it holds again although it ended."""
    if not rows:
        return []
    first = rows[0]
    source = Source(
        entity=posting.source.entity,
        document_type=first.document_type,
        document_id=first.document_id,
        number=first.document_number,
        currency=first.currency,
        rate=first.rate,
    )
    turn = LedgerEntry.objects.filter(document_id=source.document_id, event=EVENT).count()
    key = f"{EVENT}:{source.document_id}:{turn + 1}"
    ended = Posting(source, EVENT, key, posting.on, posting.actor, posting.at, posting.reason)
    for row in rows:
        amount, document_amount = row.open, row.document_open
        ended.add_to(row, amount=-amount, document_amount=-document_amount)
        row.released += amount
        row.document_released += document_amount
    return [ended]
