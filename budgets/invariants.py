"""What must always hold in the books, each as a small named function; `verify_books` runs them all.

A check compares two sums that were made independently and names the rows where they differ. Apps
above add what ties their documents to the ledger: `invariants.register("Orders", function)`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db.models import F, OuterRef, Q, Subquery, Sum

from budgets.models import BudgetAdjustment, BudgetCell, Commitment, LedgerEntry, Stage
from core import trail
from core.fields import amount as sql_amount
from core.models import TrailEvent
from core.money import ZERO

MOST_FAULTS = 20  # of one check; the first one is what matters

Row = tuple[Any, tuple[Decimal, ...]]


@dataclass(frozen=True)
class Proof:
    """What a check compared, in words with figures, and the rows at which it failed."""

    compared: str
    faults: list[str] = field(default_factory=list)


Check = Callable[[], Proof]
_checks: dict[str, Check] = {}


def register(name: str, check: Check) -> None:
    """Add a check under its name. Called from `AppConfig.ready()`."""
    _checks[name] = check


def prove() -> Iterator[tuple[str, Proof]]:
    """Run every check, the ledger's own first. Call it inside `core.snapshot.snapshot`."""
    for name, check in {**_OWN, **_checks}.items():
        yield name, check()


def first(faults: Iterable[str]) -> list[str]:
    """As many faults as are worth printing."""
    return list(islice(faults, MOST_FAULTS))


def differences(stored: Iterable[Row], counted: Iterable[Row]) -> Iterator[tuple[Any, Any, Any]]:
    """Walk two streams ordered by key; yield key, stored and counted values where they differ.

    A key that one side lacks counts as zeros there. Memory: one row of each side.
    """
    left, right = iter(stored), iter(counted)
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a[0] < b[0]):
            key, says, sums = a[0], a[1], (ZERO,) * len(a[1])
            a = next(left, None)
        elif a is None or b[0] < a[0]:
            key, says, sums = b[0], (ZERO,) * len(b[1]), b[1]
            b = next(right, None)
        else:
            key, says, sums = a[0], a[1], b[1]
            a, b = next(left, None), next(right, None)
        if says != sums:
            yield key, says, sums


def _balances() -> Proof:
    """Stored balances of every cell = sums of its entries, stage by stage."""
    stored = BudgetCell.objects.order_by("pk").values_list(
        "pk", "pre_encumbered", "encumbered", "spent"
    )
    counted = (
        LedgerEntry.objects.order_by("cell_id")
        .values("cell_id")
        .annotate(**{stage.lower(): Sum("amount", filter=Q(stage=stage)) for stage in Stage.values})
        .values_list("cell_id", "pre", "enc", "act")
    )
    sums = LedgerEntry.objects.aggregate(
        **{stage: Sum("amount", filter=Q(stage=stage)) for stage in Stage.values}
    )
    totals = " · ".join(f"{stage} {sums[stage] or ZERO:,.2f}" for stage in Stage.values)
    faults = (
        f"budget cell {key} ({cell_name(key)}): stored PRE, ENC, ACT {figures(says)}, "
        f"its entries add up to {figures(sums)}"
        for key, says, sums in differences(rows(stored), rows(counted))
    )
    return Proof(
        f"{BudgetCell.objects.count():,} cells with {LedgerEntry.objects.count():,} entries, "
        f"{totals}",
        first(faults),
    )


def _amounts() -> Proof:
    """The amount and overdraft of every cell = sums of its adjustments."""
    stored = BudgetCell.objects.order_by("pk").values_list("pk", "amount", "overdraft")
    counted = (
        BudgetAdjustment.objects.order_by("cell_id")
        .values("cell_id")
        .annotate(a=Sum("amount"), o=Sum("overdraft"))
        .values_list("cell_id", "a", "o")
    )
    faults = (
        f"budget cell {key} ({cell_name(key)}): amount and overdraft {figures(says)}, "
        f"its adjustments add up to {figures(sums)}"
        for key, says, sums in differences(rows(stored), rows(counted))
    )
    total = BudgetAdjustment.objects.aggregate(total=Sum("amount"))["total"] or ZERO
    return Proof(
        f"{BudgetAdjustment.objects.count():,} adjustments, budgets of {total:,.2f}", first(faults)
    )


def _commitments() -> Proof:
    """What every commitment holds = sum of its entries, in base and in document currency."""
    stored = (
        Commitment.objects.order_by("distribution_id", "stage")
        .annotate(
            left=F("amount") - F("liquidated") - F("released"),
            document_left=F("document_amount") - F("document_liquidated") - F("document_released"),
        )
        .values_list("distribution_id", "stage", "left", "document_left")
    )
    counted = (
        LedgerEntry.objects.filter(stage__in=[Stage.PRE, Stage.ENC])
        .order_by("distribution_id", "stage")
        .values("distribution_id", "stage")
        .annotate(a=Sum("amount"), d=Sum("document_amount"))
        .values_list("distribution_id", "stage", "a", "d")
    )
    faults = (
        f"commitment {key[1]} of distribution {key[0]}: holds {figures(says)} (base, document), "
        f"its entries add up to {figures(sums)}"
        for key, says, sums in differences(rows(stored, keys=2), rows(counted, keys=2))
    )
    return Proof(f"{Commitment.objects.count():,} commitments", first(faults))


def _settlements() -> Proof:
    """What other documents used up = liquidated; what its own gave back = released."""
    stored = (
        Commitment.objects.order_by("distribution_id", "stage")
        .annotate(own=F("amount") - F("released"), others=sql_amount(0) - F("liquidated"))
        .values_list("distribution_id", "stage", "own", "others")
    )
    own = Q(document_id=F("home"))
    counted = (
        LedgerEntry.objects.filter(stage__in=[Stage.PRE, Stage.ENC])
        .annotate(home=_home())
        .order_by("distribution_id", "stage")
        .values("distribution_id", "stage")
        .annotate(own=Sum("amount", filter=own), others=Sum("amount", filter=~own))
        .values_list("distribution_id", "stage", "own", "others")
    )
    faults = (
        f"commitment {key[1]} of distribution {key[0]}: kept and used up {figures(says)}, "
        f"its entries say {figures(sums)}"
        for key, says, sums in differences(rows(stored, keys=2), rows(counted, keys=2))
    )
    return Proof("what was kept, used up and given back", first(faults))


def _never_negative() -> Proof:
    """No stage of any cell and no commitment below zero; no stop overspent."""
    cells = BudgetCell.objects.filter(
        Q(pre_encumbered__lt=0)
        | Q(encumbered__lt=0)
        | Q(
            control="stop",
            amount__lt=F("pre_encumbered") + F("encumbered") + F("spent") - F("overdraft"),
        )
    ).order_by("pk")
    commitments = Commitment.objects.filter(
        Q(amount__lt=F("liquidated") + F("released"))
        | Q(document_amount__lt=F("document_liquidated") + F("document_released"))
        | Q(liquidated__lt=0)
        | Q(released__lt=0)
    ).order_by("pk")
    faults = [
        *(f"budget cell {cell.pk} ({cell}): negative or overspent" for cell in cells[:MOST_FAULTS]),
        *(f"commitment {each.pk}: overdrawn" for each in commitments[:MOST_FAULTS]),
    ]
    return Proof("no negative stage, no overspent stop", faults)


def _entries() -> Proof:
    """An entry stays in its cell's entity; a mirror is the exact opposite of what it reverses."""
    strays = LedgerEntry.objects.exclude(entity_id=F("cell__entity_id")).order_by("pk")
    mirrors = LedgerEntry.objects.filter(reverses__isnull=False)
    crooked = (
        mirrors.exclude(
            cell_id=F("reverses__cell_id"),
            stage=F("reverses__stage"),
            distribution_id=F("reverses__distribution_id"),
        )
        | mirrors.exclude(amount=sql_amount(0) - F("reverses__amount"))
        | mirrors.exclude(document_amount=sql_amount(0) - F("reverses__document_amount"))
    ).order_by("pk")
    faults = [
        *(f"ledger entry {each.pk}: of another entity" for each in strays[:MOST_FAULTS]),
        *(
            f"ledger entry {each.pk}: does not mirror entry {each.reverses_id}"
            for each in crooked[:MOST_FAULTS]
        ),
    ]
    return Proof(f"{mirrors.count():,} mirrored entries", faults)


def _chains() -> Proof:
    """Every hash chain holds from its first event to its head."""
    faults = (
        f"trail {each.stream} event {each.sequence}: {each.problem}" for each in trail.verify_all()
    )
    return Proof(f"{TrailEvent.objects.count():,} events", first(faults))


def _home() -> Subquery:
    """The document that the commitment behind an entry belongs to."""
    return Subquery(
        Commitment.objects.filter(
            distribution_id=OuterRef("distribution_id"), stage=OuterRef("stage")
        ).values("document_id")
    )


def rows(found: Any, keys: int = 1) -> Iterator[Row]:
    """Key and values of `values_list` rows; sums over nothing are zero."""
    for row in found.iterator(chunk_size=5000):
        key = row[0] if keys == 1 else row[:keys]
        yield key, tuple(value if value is not None else ZERO for value in row[keys:])


def cell_name(pk: int) -> str:
    """A budget cell in the words of its coding and year."""
    found = BudgetCell.objects.select_related(
        "cost_center", "gl_account", "project", "fiscal_year"
    ).filter(pk=pk)
    return str(found.first() or "gone")


def figures(values: Iterable[Decimal]) -> str:
    return " / ".join(f"{value:,.2f}" for value in values)


_OWN: dict[str, Check] = {
    "Stored balances": _balances,
    "Budget amounts": _amounts,
    "Commitments": _commitments,
    "Settlements": _settlements,
    "Limits": _never_negative,
    "Entries": _entries,
    "Audit trail": _chains,
}
