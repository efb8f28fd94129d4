"""Reading the ledger: what is still open, where an amount went, and why actuals differ."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Entity
from budgets.models import Commitment, ForwardCommitment, LedgerEntry, Stage
from core.money import ZERO, to_base


def open_amounts(document_id: UUID, stage: str = "ENC") -> dict[UUID, Decimal]:
    """What each distribution of a document still holds, in the document's currency."""
    return {
        row.distribution_id: row.document_open
        for row in Commitment.objects.filter(document_id=document_id, stage=stage)
    }


def forward(
    *, entity: Entity, fiscal_year: int | None = None, stage: str | None = None
) -> QuerySet[ForwardCommitment]:
    """What later fiscal years will pay of what is ordered or requested now (C29).

    Rows in base currency (`amount`) and the document's, by fiscal year; their `commitment` names
    document, line and the cell whose coding pays. In no balance of any budget.
    """
    rows = ForwardCommitment.objects.filter(
        state=ForwardCommitment.State.FORWARD, commitment__cell__entity=entity
    )
    if fiscal_year is not None:
        rows = rows.filter(fiscal_year=fiscal_year)
    if stage is not None:
        rows = rows.filter(commitment__stage=stage)
    return rows.order_by("fiscal_year", "id")


def forward_of(document_id: UUID, stage: str = "ENC") -> dict[UUID, Decimal]:
    """What waits for later years of each distribution of a document, in its currency."""
    rows = ForwardCommitment.objects.filter(
        state=ForwardCommitment.State.FORWARD,
        commitment__document_id=document_id,
        commitment__stage=stage,
    )
    waiting: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
    for distribution, amount in rows.order_by().values_list(
        "commitment__distribution_id", "document_amount"
    ):
        waiting[distribution] += amount
    return dict(waiting)


def costs(held: QuerySet[Commitment]) -> QuerySet[Any, Any]:
    """What distributions cost all years together, for proofs: distribution and document amount.

    What is committed and what waits, waited or was given up for later years are rows of their own.
    """
    held = held.order_by()
    later = ForwardCommitment.objects.filter(commitment__in=held).order_by()
    waits = later.exclude(state=ForwardCommitment.State.ACTIVATED)
    return held.values_list("distribution_id", "document_amount").union(
        waits.values_list("commitment__distribution_id", "document_amount"), all=True
    )


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
