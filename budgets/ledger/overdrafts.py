"""What happens though the budget lacks it: the lack is allowed in the same posting, and told.

The cell's CHECK stays as it is: what is used never exceeds amount and overdraft under stop.
"""

from collections import defaultdict
from decimal import Decimal

from django.db.models import Q

from accounts.models import Control
from budgets import amounts
from budgets.ledger import carrying
from budgets.ledger.posting import Posting
from budgets.models import BudgetCell
from budgets.trail import told
from core.money import ZERO, round_amount


def allow(posting: Posting, *, why: str) -> None:
    """Raise the overdraft of every stop that this posting would overspend, by what it lacks.

    Call it before `write`, inside its transaction. One adjustment and one event
    (`budget.overdrawn`) for each such cell; cells are locked in primary-key order. What earlier
    periods left to a cumulative cell is used up first, so that it is not spent a second time.
    """
    asked: dict[int, Decimal] = defaultdict(Decimal)
    for entry in posting.entries.values():
        asked[entry.cell_id] += entry.amount
    takes = {pk: amount for pk, amount in asked.items() if amount > ZERO}
    carrying.carry(
        takes,
        days=dict.fromkeys(takes, posting.on),
        locks=asked,
        actor=posting.actor,
        at=posting.at,
        reason=f"Left by earlier periods, for {posting.source.number}",
        partly=True,
    )
    cells = amounts.locked(Q(pk__in=list(takes)))
    lacks = {cell: asked[cell.pk] - cell.available - cell.overdraft for cell in cells}
    short = {
        cell: Decimal(lack)
        for cell, lack in lacks.items()
        if lack > ZERO and cell.control == Control.STOP
    }
    for cell, lack in short.items():
        cell.overdraft += lack
    amounts.store(
        short, on=posting.on, actor=posting.actor, at=posting.at, reason=why, of="overdraft"
    )
    for cell, lack in short.items():
        _tell(posting, cell, lack, why)


def _tell(posting: Posting, cell: BudgetCell, lack: Decimal, why: str) -> None:
    source = posting.source
    told(
        "budget.overdrawn",
        cell,
        actor=posting.actor,
        at=posting.at,
        reason=why,
        data={
            "amount": str(round_amount(lack, source.entity.currency)),
            "document_type": source.document_type,
            "document_id": str(source.document_id),
            "document_number": source.number,
        },
    )
