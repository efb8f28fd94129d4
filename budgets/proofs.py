"""The ledger's own proofs: balances, amounts, commitments and entries, from the rows alone."""

import heapq

from django.db.models import (
    Case,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import TruncMonth

from accounts.models import Entity
from budgets import invariants
from budgets.invariants import (
    MOST_FAULTS,
    Proof,
    cell_name,
    disagreements,
    figures,
    first_rows,
)
from budgets.models import (
    BudgetAdjustment,
    BudgetCell,
    Commitment,
    FiscalYear,
    LedgerEntry,
    MonthSum,
    Stage,
)
from core.fields import AmountField
from core.fields import amount as sql_amount
from core.money import ZERO, minor_unit

_HELD = (Stage.PRE, Stage.ENC)
_DOCUMENT = "document_amount"


def register() -> None:
    invariants.register("Stored balances", balances, proves=("M2",))
    invariants.register("Sums of months", months, proves=("M2",))
    invariants.register("Budget amounts", amounts, proves=("M2",))
    invariants.register("Commitments", commitments, proves=("M3",))
    invariants.register("Commitments of cells", holdings, proves=("M2", "M3"))
    invariants.register("Settlements", settlements, proves=("M3", "M15"))
    invariants.register("Limits", never_negative, proves=("M1", "M3"))
    invariants.register("Every moment", every_moment, proves=("M3", "M4", "M15"))
    invariants.register("Entries", entries, proves=("M5", "M17"))
    invariants.register("Currencies", currencies, proves=("M8", "M10", "M17"))
    invariants.register("Fiscal years", years, proves=("M16",))


def balances() -> Proof:
    """Stored balances of every cell = sums of its entries, stage by stage."""
    stored = BudgetCell.objects.values_list("pk", "pre_encumbered", "encumbered", "spent")
    counted = (
        LedgerEntry.objects.values("cell_id")
        .annotate(**{stage.lower(): Sum("amount", filter=Q(stage=stage)) for stage in Stage.values})
        .values_list("cell_id", "pre", "enc", "act")
    )
    faults = [
        f"budget cell {key} ({cell_name(key)}): stored PRE, ENC, ACT {figures(says)}, "
        f"its entries add up to {figures(sums)}"
        for key, says, sums in disagreements(stored, counted, most=MOST_FAULTS, few=True)
    ]
    totals = BudgetCell.objects.aggregate(
        PRE=Sum("pre_encumbered"), ENC=Sum("encumbered"), ACT=Sum("spent")
    )
    said = " · ".join(f"{stage} {totals[stage] or ZERO:,.2f}" for stage in Stage.values)
    return Proof(
        f"{BudgetCell.objects.count():,} cells with {LedgerEntry.objects.count():,} entries, "
        f"{said}",
        faults,
    )


def months() -> Proof:
    """The stored sums of every cell and month = sums of its entries, stage by stage."""
    stored = MonthSum.objects.values_list(
        "cell_id", "month", "pre_encumbered", "encumbered", "spent"
    )
    counted = (
        LedgerEntry.objects.values("cell_id", month=TruncMonth("posting_date"))
        .annotate(**{stage.lower(): Sum("amount", filter=Q(stage=stage)) for stage in Stage.values})
        .values_list("cell_id", "month", "pre", "enc", "act")
    )
    faults = [
        f"budget cell {key[0]} ({cell_name(key[0])}) in {key[1]:%Y-%m}: stored PRE, ENC, ACT "
        f"{figures(says)}, the entries of that month add up to {figures(sums)}"
        for key, says, sums in disagreements(stored, counted, keys=2, most=MOST_FAULTS, few=True)
    ]
    return Proof(f"{MonthSum.objects.count():,} sums of months", faults)


def amounts() -> Proof:
    """The amount and overdraft of every cell = sums of its adjustments."""
    stored = BudgetCell.objects.values_list("pk", "amount", "overdraft")
    counted = BudgetAdjustment.objects.values_list("cell_id", "amount", "overdraft")
    faults = [
        f"budget cell {key} ({cell_name(key)}): amount and overdraft {figures(says)}, "
        f"its adjustments add up to {figures(sums)}"
        for key, says, sums in disagreements(stored, counted, most=MOST_FAULTS)
    ]
    total = BudgetAdjustment.objects.aggregate(total=Sum("amount"))["total"] or ZERO
    return Proof(
        f"{BudgetAdjustment.objects.count():,} adjustments, budgets of {total:,.2f}", faults
    )


def commitments() -> Proof:
    """What every commitment holds = sum of its entries, in base and in document currency."""
    stored = Commitment.objects.annotate(
        left=F("amount") - F("liquidated") - F("released"),
        document_left=F("document_amount") - F("document_liquidated") - F("document_released"),
    ).values_list("distribution_id", "stage", "left", "document_left")
    counted = LedgerEntry.objects.filter(stage__in=_HELD).values_list(
        "distribution_id", "stage", "amount", "document_amount"
    )
    faults = [
        f"commitment {key[1]} of distribution {key[0]}: holds {figures(says)} (base, document), "
        f"its entries add up to {figures(sums)}"
        for key, says, sums in disagreements(stored, counted, keys=2, most=MOST_FAULTS)
    ]
    return Proof(f"{Commitment.objects.count():,} commitments", faults)


def holdings() -> Proof:
    """What a cell has reserved and committed = what the commitments that it pays still hold."""
    left = F("amount") - F("liquidated") - F("released")
    stored = BudgetCell.objects.values_list("pk", "pre_encumbered", "encumbered")
    counted = (
        Commitment.objects.values("cell_id")
        .annotate(
            pre=Sum(left, filter=Q(stage=Stage.PRE)), enc=Sum(left, filter=Q(stage=Stage.ENC))
        )
        .values_list("cell_id", "pre", "enc")
    )
    faults = [
        f"budget cell {key} ({cell_name(key)}): reserved and committed {figures(says)}, "
        f"its commitments hold {figures(sums)}"
        for key, says, sums in disagreements(stored, counted, most=MOST_FAULTS, few=True)
    ]
    return Proof("what each cell's commitments hold", faults)


def settlements() -> Proof:
    """What a document's own entries left of its commitment = amount less what was released.

    With `commitments` this says of the rest, which others used up, that it was liquidated.
    """
    stored = Commitment.objects.annotate(own=F("amount") - F("released")).values_list(
        "distribution_id", "stage", "document_id", "own"
    )
    counted = LedgerEntry.objects.filter(stage__in=_HELD).values_list(
        "distribution_id", "stage", "document_id", "amount"
    )
    found = disagreements(stored, counted, keys=3, most=MOST_FAULTS, known_only=True)
    faults = [
        f"commitment {key[1]} of distribution {key[0]}: kept and used up {figures(says)}, "
        f"its own entries say {figures(sums)}"
        for key, says, sums in found
    ]
    return Proof("what was kept, used up and given back", faults)


def never_negative() -> Proof:
    """No stage of any cell and no commitment below zero; no stop overspent."""
    cells = BudgetCell.objects.filter(
        Q(pre_encumbered__lt=0)
        | Q(encumbered__lt=0)
        | Q(
            control="stop",
            amount__lt=F("pre_encumbered") + F("encumbered") + F("spent") - F("overdraft"),
        )
    )
    overdrawn = Commitment.objects.filter(
        Q(amount__lt=F("liquidated") + F("released"))
        | Q(document_amount__lt=F("document_liquidated") + F("document_released"))
        | Q(liquidated__lt=0)
        | Q(released__lt=0)
    )
    faults = [
        *(f"budget cell {cell.pk} ({cell}): negative or overspent" for cell in first_rows(cells)),
        *(f"commitment {each.pk}: overdrawn" for each in first_rows(overdrawn)),
    ]
    return Proof("no negative stage, no overspent stop", faults)


def every_moment() -> Proof:
    """No commitment was ever below zero, entry by entry: nothing ended or was used up twice."""
    held = LedgerEntry.objects.filter(stage__in=_HELD).annotate(
        left=Window(Sum("amount"), partition_by=["distribution_id", "stage"], order_by="id")
    )
    below = held.filter(left__lt=0).values_list("pk", "stage", "distribution_id", "left")
    # The database would put all entries in order before it looks which of them are below zero.
    found = heapq.nsmallest(MOST_FAULTS, below.order_by().iterator())
    faults = [
        f"ledger entry {pk}: takes commitment {stage} of distribution {distribution} to {left:,.2f}"
        for pk, stage, distribution, left in found
    ]
    return Proof("what each commitment held after each of its entries", faults)


def entries() -> Proof:
    """An entry stays in its cell's entity; a mirror is the exact opposite of what it reverses."""
    strays = LedgerEntry.objects.exclude(entity_id=F("cell__entity_id"))
    mirrors = LedgerEntry.objects.filter(reverses__isnull=False)
    crooked = (
        mirrors.exclude(
            cell_id=F("reverses__cell_id"),
            stage=F("reverses__stage"),
            distribution_id=F("reverses__distribution_id"),
        )
        | mirrors.exclude(amount=sql_amount(0) - F("reverses__amount"))
        | mirrors.exclude(document_amount=sql_amount(0) - F("reverses__document_amount"))
    )
    faults = [
        *(f"ledger entry {each.pk}: of another entity" for each in first_rows(strays)),
        *(
            f"ledger entry {each.pk}: does not mirror entry {each.reverses_id}"
            for each in first_rows(crooked)
        ),
    ]
    return Proof(f"{mirrors.count():,} mirrored entries", faults)


def currencies() -> Proof:
    """Amounts are whole minor units; a commitment moves in one currency at one rate, its own.

    What is booked in the entity's own currency is the same amount in base currency.
    """
    homes = dict(Entity.objects.values_list("pk", "currency"))
    used = set(LedgerEntry.objects.order_by().values_list("currency", flat=True).distinct())
    abroad = ~Q(currency=F("entity__currency"))
    base = {Q(entity_id=pk): sql_amount(minor_unit(code)) for pk, code in homes.items()}
    document = {
        abroad & Q(currency=code): sql_amount(minor_unit(code))
        for code in used
        if {code} != set(homes.values())
    }
    broken = LedgerEntry.objects.annotate(
        rest=_rest("amount", base), other=_rest(_DOCUMENT, document)
    ).filter((~abroad & ~Q(amount=F(_DOCUMENT))) | ~Q(rest=0) | ~Q(other=0))
    own = Commitment.objects.filter(
        distribution_id=OuterRef("distribution_id"),
        stage=OuterRef("stage"),
        currency=OuterRef("currency"),
        rate=OuterRef("rate"),
    )
    strange = LedgerEntry.objects.filter(stage__in=_HELD).exclude(Exists(own))
    faults = [
        *(
            f"ledger entry {each.pk}: {each.amount} in base currency for {each.document_amount} "
            f"{each.currency}"
            for each in first_rows(broken)
        ),
        *(
            f"ledger entry {each.pk}: at {each.rate} {each.currency}, which its commitment is not"
            for each in first_rows(strange)
        ),
    ]
    return Proof(f"amounts in {', '.join(sorted(used)) or 'no currency'}", faults)


def _rest(name: str, units: dict[Q, Value]) -> Case:
    """What is left of an amount beyond whole minor units."""
    whens = [
        When(which, then=ExpressionWrapper(F(name) % unit, output_field=AmountField()))
        for which, unit in units.items()
    ]
    return Case(*whens, default=sql_amount(0), output_field=AmountField())


def years() -> Proof:
    """No entry is posted before the fiscal year of its budget began."""
    entries = LedgerEntry.objects.filter(cell=OuterRef("pk")).order_by("posting_date")
    firsts = BudgetCell.objects.annotate(first=Subquery(entries.values("posting_date")[:1]))
    early = firsts.filter(first__lt=F("fiscal_year__starts_on"))
    faults = [
        f"budget cell {cell.pk} ({cell}): has an entry of {cell.first}, before its fiscal year"
        for cell in first_rows(early)
    ]
    return Proof(f"{FiscalYear.objects.count():,} fiscal years", faults)
