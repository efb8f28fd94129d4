"""Reading the ledger: what is still open, where an amount went, and why actuals differ."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from budgets.models import Commitment, LedgerEntry, Stage
from core.money import ZERO, to_base


def open_amounts(document_id: UUID, stage: str = "ENC") -> dict[UUID, Decimal]:
    """What each distribution of a document still holds, in the document's currency."""
    return {
        row.distribution_id: row.document_open
        for row in Commitment.objects.filter(document_id=document_id, stage=stage)
    }


@dataclass(frozen=True)
class Variance:
    """Why one invoice line's spend differs from what it liquidated; base currency.

    `price + fx = actual − liquidated`, exactly. Price holds quantity billed beyond the order too.
    """

    line_id: UUID
    line_number: int
    distribution_id: UUID
    liquidated: Decimal
    actual: Decimal
    price: Decimal
    fx: Decimal


def variances(document_id: UUID, *, base_currency: str) -> list[Variance]:
    """Rule C12 for every line of a cleared invoice, by line and distribution.

    fx = what was billed × (invoice's rate − order's rate); the rest is price. Voided entries and
    their mirrors cancel out.
    """
    entries = LedgerEntry.objects.filter(document_id=document_id).order_by("line_number", "id")
    grouped: dict[tuple[int, UUID, UUID], dict[str, list[LedgerEntry]]] = defaultdict(
        lambda: {stage: [] for stage in Stage.values}
    )
    for entry in entries:
        key = (entry.line_number, entry.line_id, entry.distribution_id)
        grouped[key][entry.stage].append(entry)
    commitments = Commitment.objects.filter(
        stage=Stage.ENC, distribution_id__in={key[2] for key in grouped}
    )
    order_rates = {row.distribution_id: (row.currency, row.rate) for row in commitments}
    return [
        _variance(key, stages, order_rates[key[2]], base_currency)
        for key, stages in grouped.items()
    ]


def _variance(
    key: tuple[int, UUID, UUID],
    stages: dict[str, list[LedgerEntry]],
    order: tuple[str, Decimal],
    base_currency: str,
) -> Variance:
    line_number, line_id, distribution_id = key
    order_currency, order_rate = order
    liquidated = -sum((entry.amount for entry in stages[Stage.ENC]), ZERO)
    actual = sum((entry.amount for entry in stages[Stage.ACT]), ZERO)
    fx = sum(
        (
            entry.amount
            - to_base(entry.document_amount, rate=order_rate, base_currency=base_currency)
            for entry in stages[Stage.ACT]
            if entry.currency == order_currency
        ),
        ZERO,
    )
    return Variance(
        line_id=line_id,
        line_number=line_number,
        distribution_id=distribution_id,
        liquidated=liquidated,
        actual=actual,
        price=actual - liquidated - fx,
        fx=fx,
    )
