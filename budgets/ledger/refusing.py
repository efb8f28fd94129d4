"""Refusing early what budgets plainly cannot pay, before anything is written or locked."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from accounts.models import Control
from budgets.ledger import funds
from budgets.ledger.cells import HOLDS_FROM, Calendar, Dimensions, find
from budgets.ledger.types import Share, Source
from budgets.models import BudgetCell, Stage
from core.money import to_base


def refuse_early(*, source: Source, shares: Iterable[Share], on: date) -> None:
    """Refuse what budgets, as they stand, plainly cannot commit; `encumber` has the last word.

    To be asked before anything is locked that others wait for: a crowd that runs for the last of a
    budget then does not stand in line to be refused. Raises BudgetExceeded, FiscalYearMissing,
    FiscalYearClosed. Statements: 1, 2 to refuse; none where something is converted or spread.
    """
    shares = list(shares)
    if shares and not is_spread(shares):
        found = find(Calendar(source.entity, on), {Dimensions.of(share) for share in shares})
        refuse_lacking(source, f"order.issued:{source.document_id}:1", Stage.ENC, shares, found)


def is_spread(shares: list[Share]) -> bool:
    """Whether later years or reservations bear some of it, so that cells alone do not tell."""
    return any(share.period or share.converts for share in shares)


def refuse_lacking(
    source: Source,
    key: str,
    stage: str,
    shares: list[Share],
    found: Mapping[Dimensions, BudgetCell],
) -> None:
    """Refuse at once what budgets, as they were just read, cannot pay: a crowd that runs for the
    last of a budget writes nothing and locks nothing. What is not sure is left to `write`.

    Raises BudgetExceeded. Statements: none, 1 where a budget lacks something.
    """
    base, asked = source.entity.currency, defaultdict[int, Decimal](Decimal)
    lacks = False
    for share in shares:
        cell = found.get(Dimensions.of(share))
        if cell is None or cell.is_cumulative:
            return  # it is still to be made, or may use what earlier periods left
        if cell.reserves_at in HOLDS_FROM[stage]:
            asked[cell.pk] += to_base(share.amount, rate=source.rate, base_currency=base)
            has = cell.available + cell.overdraft
            lacks = lacks or (cell.control == Control.STOP and asked[cell.pk] > has)
    if lacks:
        funds.refuse_lacking(asked, unless=key, currency=base)
