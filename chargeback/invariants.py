"""What ties allocations to the ledger; run by `verify_books`."""

from django.db.models import Exists, OuterRef

from budgets import invariants
from budgets.invariants import MOST_FAULTS, Proof, disagreements, figures
from budgets.models import LedgerEntry
from chargeback.models import Allocation, SharedSpend, StatementLine
from core.fields import amount as sql_amount

_POSTED, _REVERSED = Allocation.Status.POSTED, Allocation.Status.REVERSED


def register() -> None:
    invariants.register("Allocations", conserved)
    invariants.register("Statement lines", charged)
    invariants.register("Shared spend", shared)


def conserved() -> Proof:
    """Each pair of entries adds up to nothing: an allocation makes and loses no cent."""
    entries = LedgerEntry.objects.filter(document_type=Allocation.document_type)
    nothing = entries.annotate(none=sql_amount(0)).values_list("distribution_id", "none")
    sums = entries.values_list("distribution_id", "amount")
    faults = [
        f"allocation entries {key}: add up to {figures(found)}"
        for key, _, found in disagreements(nothing, sums, most=MOST_FAULTS)
    ]
    return Proof(f"{entries.count():,} entries of allocations", faults)


def charged() -> Proof:
    """What a line says was moved = what its entries brought to the budgets of its cost centre."""
    own = StatementLine.objects.filter(
        pk=OuterRef("line_id"), cost_center=OuterRef("cell__cost_center")
    )
    entries = LedgerEntry.objects.filter(document_type=Allocation.document_type)
    stored = StatementLine.objects.values_list("pk", "moved")
    brought = entries.filter(Exists(own)).values_list("line_id", "amount")
    faults = [
        f"statement line {key}: moved {figures(says)}, its entries say {figures(told)}"
        for key, says, told in disagreements(stored, brought, most=MOST_FAULTS)
    ]
    return Proof(f"{StatementLine.objects.count():,} statement lines", faults)


def shared() -> Proof:
    """What an allocation shared = the spends it names = the lines that it was posted with; of one
    that was reversed nothing is left."""
    done = Allocation.objects.filter(status__in=(_POSTED, _REVERSED))
    totals = done.values_list("pk", "total")
    lines = StatementLine.objects.all()
    first = lines.filter(mirrors=None, replaces=None)
    undone = done.filter(status=_REVERSED).annotate(none=sql_amount(0))
    left = lines.filter(allocation__status=_REVERSED)
    pairs = (
        ("its spends", totals, SharedSpend.objects.values_list("allocation_id", "amount")),
        ("its lines", totals, first.values_list("allocation_id", "amount")),
        (
            "its lines and their mirrors",
            undone.values_list("pk", "none"),
            left.values_list("allocation_id", "amount"),
        ),
    )
    faults = [
        f"allocation {key}: shared {figures(says)}, {name} add up to {figures(told)}"
        for name, stored, counted in pairs
        for key, says, told in disagreements(stored, counted, most=MOST_FAULTS)
    ]
    return Proof(f"{done.count():,} allocations", faults[:MOST_FAULTS])
