"""Lines that run over several fiscal years: this year's part commits, later ones wait (C29).

A service period is split by its months, each begun month a whole one. This year's part (and what
should have been paid before) is a commitment like any other; later years' parts are forward
commitments, which no budget counts. They become commitments when their year begins, when an
invoice takes them earlier, and go when the document gives back what it holds. All under the lock
of the commitment.
"""

from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Entity
from budgets.ledger.posting import Posting
from budgets.ledger.types import Period, Source
from budgets.models import Commitment, ForwardCommitment
from core import rows
from core.money import ZERO, allocate, round_amount, to_base

State = ForwardCommitment.State
Waiting = Mapping[int, list[ForwardCommitment]]


def months_by_year(*, entity: Entity, period: Period, on: date) -> dict[int, int]:
    """Begun months of a service period by fiscal year; what is past counts to the year of `on`."""
    first, last = period
    this_year = entity.fiscal_year_of(on)
    counted: Counter[int] = Counter({this_year: 0})
    number, day = 0, first
    while day <= last:
        counted[max(entity.fiscal_year_of(day), this_year)] += 1
        number += 1
        day = _months_after(first, number)
    return dict(sorted(counted.items()))


def split(
    amount: Decimal, *, entity: Entity, period: Period | None, currency: str, on: date
) -> dict[int, Decimal]:
    """An amount by fiscal year, the year of `on` first; the rest of rounding goes to the last."""
    if period is None:
        return {entity.fiscal_year_of(on): amount}
    months = months_by_year(entity=entity, period=period, on=on)
    parts = allocate(amount, [Decimal(each) for each in months.values()], currency)
    return dict(zip(months, parts, strict=True))


def this_years(
    amount: Decimal, *, entity: Entity, period: Period | None, currency: str, on: date
) -> Decimal:
    """What the fiscal year of `on` pays of an amount: what is checked hard."""
    parts = split(amount, entity=entity, period=period, currency=currency, on=on)
    return next(iter(parts.values()))


def waiting(commitments: Iterable[Commitment]) -> Waiting:
    """What later years will pay of these commitments, earliest first. Statements: 1 at most."""
    found: dict[int, list[ForwardCommitment]] = defaultdict(list)
    spanning = _spanning(commitments)
    if not spanning:
        return found
    rows = ForwardCommitment.objects.filter(commitment__in=spanning, state=State.FORWARD)
    for row in rows.order_by("commitment_id", "fiscal_year"):
        found[row.commitment_id].append(row)
    return found


def put_off(
    commitment: Commitment, amount: Decimal, *, period: Period, entity: Entity, on: date
) -> tuple[Decimal, Decimal]:
    """Let later years wait for their parts; returns this year's, in base and document currency."""
    parts = split(amount, entity=entity, period=period, currency=commitment.currency, on=on)
    whole: Decimal = to_base(amount, rate=commitment.rate, base_currency=entity.currency)
    base = [ZERO for _ in parts]
    if amount:
        base = allocate(whole, list(parts.values()), entity.currency)
    (_, now), *later = parts.items()
    _mark(commitment, [part for _, part in later])
    ForwardCommitment.objects.bulk_create(
        ForwardCommitment(
            commitment=commitment, fiscal_year=year, amount=in_base, document_amount=part
        )
        for (year, part), in_base in zip(later, base[1:], strict=True)
        if part
    )
    return base[0], now


def drawn(commitments: Iterable[Commitment]) -> dict[int, dict[int, Decimal]]:
    """What invoices took of later years already, by commitment and year. Statements: 1 at most."""
    rows = ForwardCommitment.objects.filter(
        commitment__in=_spanning(commitments), state=State.ACTIVATED
    )
    found: dict[int, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in rows:
        found[row.commitment_id][row.fiscal_year] += row.document_amount
    return found


def later_parts(
    amount: Decimal,
    *,
    entity: Entity,
    period: Period | None,
    currency: str,
    on: date,
    drawn: Mapping[int, Decimal],
) -> dict[int, Decimal]:
    """What later years have to pay of an amount, less what was drawn of them already."""
    parts = split(amount, entity=entity, period=period, currency=currency, on=on)
    this_year = entity.fiscal_year_of(on)
    return {
        year: max(part - drawn.get(year, ZERO), ZERO)
        for year, part in parts.items()
        if year != this_year
    }


def reschedule(commitment: Commitment, later: Mapping[int, Decimal], *, base_currency: str) -> None:
    """Let exactly this wait for later years (document currency). Statements: 2, and 1 a year."""
    ForwardCommitment.objects.filter(commitment=commitment, state=State.FORWARD).delete()
    _mark(commitment, later.values())
    for year, part in later.items():
        if part:
            ForwardCommitment.objects.create(
                commitment=commitment,
                fiscal_year=year,
                amount=to_base(part, rate=commitment.rate, base_currency=base_currency),
                document_amount=part,
            )


def take(
    row: ForwardCommitment, part: Decimal, *, state: str, cause: UUID | None, currency: str
) -> Decimal:
    """Move a part (document currency) of a waiting row on. Returns it in base currency."""
    if part == row.document_amount:
        row.state, row.cause = state, cause
        row.save(update_fields=["state", "cause"])
        return Decimal(row.amount)
    amount = round_amount(row.amount * part / row.document_amount, currency)
    row.amount -= amount
    row.document_amount -= part
    row.save(update_fields=["amount", "document_amount"])
    ForwardCommitment.objects.create(
        commitment_id=row.commitment_id,
        fiscal_year=row.fiscal_year,
        amount=amount,
        document_amount=part,
        state=state,
        cause=cause,
    )
    return amount


def put_back(row: ForwardCommitment) -> None:
    """Let a row that had moved on wait again, together with what still waits for its year."""
    standing = ForwardCommitment.objects.filter(
        commitment_id=row.commitment_id, fiscal_year=row.fiscal_year, state=State.FORWARD
    ).first()
    if standing is None:
        row.state, row.cause = State.FORWARD, None
        row.save(update_fields=["state", "cause"])
        return
    standing.amount += row.amount
    standing.document_amount += row.document_amount
    standing.save(update_fields=["amount", "document_amount"])
    row.delete()


def give_up(commitments: Iterable[Commitment], *, cause: UUID) -> Decimal:
    """Nobody will pay what waits: the document that caused it stands in the rows.

    Returns the base amount. Statements: 1, and 1 where something waits.
    """
    waits = [row for each in waiting(commitments).values() for row in each]
    if not waits:
        return ZERO
    for row in waits:
        row.state, row.cause = State.RELEASED, cause
    rows.store(waits, ["state", "cause"])
    return sum((Decimal(row.amount) for row in waits), ZERO)


def take_up(commitments: Iterable[Commitment], *, cause: UUID) -> None:
    """Let wait again what this document had given up. Statements: 1, and 2 for each row."""
    for row in moved(commitments, cause).filter(state=State.RELEASED):
        put_back(row)


def order_part(
    reserved: Commitment, rows: list[ForwardCommitment], part: Decimal, *, base_currency: str
) -> Decimal:
    """What an order takes of a reservation that runs over years: of each year alike.

    Moves the later years' parts on and returns what this year's reservation gives (document
    currency), at most what it holds.
    """
    if not rows:
        return min(part, Decimal(reserved.document_open))
    held = [Decimal(reserved.document_open), *(Decimal(row.document_amount) for row in rows)]
    part = min(part, sum(held, ZERO))
    if not part:
        return ZERO
    parts = allocate(part, held, reserved.currency)
    for row, asked in zip(rows, parts[1:], strict=True):
        if taken := min(asked, Decimal(row.document_amount)):
            take(row, taken, state=State.ORDERED, cause=None, currency=base_currency)
    return min(parts[0], held[0])


def draw(
    order: Posting,
    commitment: Commitment,
    rows: list[ForwardCommitment],
    lacking: Decimal,
    *,
    cause: UUID,
) -> None:
    """Commit now what an invoice bills of later years, the earliest first, in the order's name.

    `lacking` is in the document's currency. Write the posting before the invoice's own.
    """
    for row in rows:
        part = min(lacking, Decimal(row.document_amount))
        if part and row.state == State.FORWARD:
            lacking -= part
            add(order, commitment, row, part, cause=cause)


def add(
    posting: Posting, commitment: Commitment, row: ForwardCommitment, part: Decimal, *, cause: UUID
) -> Decimal:
    """Turn a part of what waits into commitment, in the cell where the commitment stands now."""
    currency = posting.source.entity.currency
    amount = take(row, part, state=State.ACTIVATED, cause=cause, currency=currency)
    commitment.amount += amount
    commitment.document_amount += part
    posting.add_to(commitment, amount=amount, document_amount=part)
    return amount


def undo(posting: Posting, commitments: Iterable[Commitment]) -> list[Posting]:
    """Let wait again what the document of this posting had drawn or given up."""
    known = {each.pk: each for each in commitments}
    back = {pk: posting_of_order(posting, each, "order.undrawn") for pk, each in known.items()}
    for row in moved(known.values(), posting.source.document_id):
        if row.state == State.ACTIVATED:
            commitment = known[row.commitment_id]
            commitment.amount -= row.amount
            commitment.document_amount -= row.document_amount
            back[commitment.pk].add_to(
                commitment, amount=-row.amount, document_amount=-row.document_amount
            )
        put_back(row)
    return list(back.values())


def posting_of_order(posting: Posting, commitment: Commitment, event: str) -> Posting:
    """What another document does to an order's own commitment, in the order's name."""
    order = Source(
        entity=posting.source.entity,
        document_type=commitment.document_type,
        document_id=commitment.document_id,
        number=commitment.document_number,
        currency=commitment.currency,
        rate=commitment.rate,
    )
    key = f"{event}:{posting.source.document_id}:{commitment.pk}"
    return Posting(order, event, key, posting.on, posting.actor, posting.at, posting.reason)


def moved(commitments: Iterable[Commitment], cause: UUID) -> QuerySet[ForwardCommitment]:
    """What a document moved on of these commitments."""
    return ForwardCommitment.objects.filter(
        commitment__in=_spanning(commitments), cause=cause
    ).order_by("id")


def _spanning(commitments: Iterable[Commitment]) -> list[int]:
    """Those of which later years pay a part."""
    return [each.pk for each in commitments if each.spans_years]


def _mark(commitment: Commitment, later: Iterable[Decimal]) -> None:
    if any(later) and not commitment.spans_years:
        commitment.spans_years = True
        Commitment.objects.filter(pk=commitment.pk).update(spans_years=True)


def _months_after(day: date, number: int) -> date:
    years, month = divmod(day.month - 1 + number, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
