"""Reading the ledger: what is still open, where an amount went, and why actuals differ."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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


FIGURES = ("liquidated", "actual", "price", "fx")


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
    """Rule C12 for every line of a cleared invoice; see `variances_of`."""
    return variances_of([document_id], base_currency=base_currency)[document_id]


def variances_of(documents: Iterable[UUID], *, base_currency: str) -> Mapping[UUID, list[Variance]]:
    """Rule C12 for every line of cleared invoices, by line and distribution. Statements: 2.

    fx = what was billed × (invoice's rate − order's rate); the rest is price. Voided entries and
    their mirrors cancel out. What was never committed (C28) has nothing to differ from.
    """
    entries = LedgerEntry.objects.filter(document_id__in=list(documents))
    grouped: dict[tuple[UUID, int, UUID, UUID], dict[str, list[LedgerEntry]]] = defaultdict(
        lambda: {stage: [] for stage in Stage.values}
    )
    for entry in entries.order_by("document_id", "line_number", "id"):
        key = (entry.document_id, entry.line_number, entry.line_id, entry.distribution_id)
        grouped[key][entry.stage].append(entry)
    commitments = Commitment.objects.filter(
        stage=Stage.ENC, holds=True, distribution_id__in={key[3] for key in grouped}
    )
    order_rates = {row.distribution_id: (row.currency, row.rate) for row in commitments}
    found: dict[UUID, list[Variance]] = defaultdict(list)
    for (document, *line), stages in grouped.items():
        if stages[Stage.ACT] and line[2] in order_rates:
            found[document].append(_variance(line, stages, order_rates[line[2]], base_currency))
    return found


def differing(found: Iterable[Variance]) -> list[Variance]:
    """The lines of an invoice that cost something else than was ordered, their distributions
    added up; each stands for its first one."""
    lines: dict[int, Variance] = {}
    for each in found:
        before = lines.get(each.line_number)
        lines[each.line_number] = (
            replace(each, **{name: getattr(before, name) + getattr(each, name) for name in FIGURES})
            if before
            else each
        )
    return [each for each in lines.values() if each.price or each.fx]


def _variance(
    key: Sequence[Any],
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
