"""Outside actuals: what other books say was spent, so that the balances are the whole truth."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from budgets.ledger import overdrafts
from budgets.ledger.cells import Calendar, Dimensions, find_or_create
from budgets.ledger.posting import Posting, mirror_entry, write
from budgets.ledger.types import Share, Source
from budgets.models import LedgerEntry, Stage
from core.money import to_base
from core.transactions import atomic


@atomic
def post_outside(
    *,
    source: Source,
    shares: Iterable[Share],
    on: date,
    actor: Any,
    at: datetime,
    reason: str,
    event: str = "journal.posted",
) -> None:
    """+ACT for what was spent elsewhere, −ACT for money back; no commitment is touched.

    It states what happened, so no budget refuses it: what a stop lacks is allowed as overdraft in
    the same posting and told as `budget.overdrawn`. The caller holds its document's lock; a second
    delivery does nothing. Raises FiscalYearMissing, FiscalYearClosed.
    """
    posting = Posting(source, event, f"{event}:{source.document_id}:1", on, actor, at, reason)
    calendar = Calendar.of(source.entity, on)
    if posting.is_done():
        return
    shares = list(shares)
    found = find_or_create(calendar, {Dimensions.of(share) for share in shares})
    base = source.entity.currency
    for share in shares:
        posting.add(
            stage=Stage.ACT,
            cell_id=found[Dimensions.of(share)].pk,
            line_id=share.line_id,
            line_number=share.line_number,
            distribution_id=share.distribution_id,
            amount=to_base(share.amount, rate=source.rate, base_currency=base),
            document_amount=share.amount,
            currency=source.currency,
            rate=source.rate,
        )
    overdrafts.allow(posting, why=f"{source.number}: spent according to other books")
    write([posting], [])


@atomic
def reverse_outside(
    *,
    source: Source,
    on: date,
    actor: Any,
    at: datetime,
    reason: str,
    event: str = "journal.reversed",
) -> None:
    """Undo what `post_outside` posted by the exact mirror of its entries, each naming its own.

    An overdraft that it caused stays allowed. The caller holds its document's lock; a second call
    does nothing. Raises FiscalYearMissing, FiscalYearClosed.
    """
    posting = Posting(source, event, f"{event}:{source.document_id}:1", on, actor, at, reason)
    Calendar.of(source.entity, on)
    if posting.is_done():
        return
    entries = LedgerEntry.objects.filter(document_id=source.document_id)
    for entry in entries.order_by("id"):
        mirror_entry(posting, entry)
    overdrafts.allow(posting, why=f"{source.number}: taken back in other books")
    write([posting], [])
