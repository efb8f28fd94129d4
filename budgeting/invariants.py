"""What ties journals and changes of budgets to the ledger; run by `verify_books`."""

from django.db.models import F, Q

from budgeting.models import BudgetChange, BudgetChangeLine, Journal, JournalLine
from budgets import invariants
from budgets.invariants import MOST_FAULTS, Proof, disagreements, figures, first
from budgets.models import LedgerEntry


def register() -> None:
    invariants.register("Journals", journals, proves=("M2",))
    invariants.register("Budget changes", changes, proves=("M2",))


def journals() -> Proof:
    """What a journal's lines say = what was posted of each; nothing is left of a reversed one."""
    stored = JournalLine.objects.filter(journal__status=Journal.Status.POSTED)
    posted = LedgerEntry.objects.filter(document_type=Journal.document_type)
    faults = [
        f"journal line {key}: says {figures(says)}, posted {figures(sums)}"
        for key, says, sums in disagreements(
            stored.values_list("pk", "amount"),
            posted.values_list("line_id", "document_amount"),
            most=MOST_FAULTS,
        )
    ]
    return Proof(f"{stored.count():,} lines of outside journals", faults)


def changes() -> Proof:
    """An approved change adjusted each of its budgets by its line; another one adjusted none."""
    lines = BudgetChangeLine.objects.select_related("change").order_by("pk")
    applied = Q(change__status=BudgetChange.Status.APPROVED)
    odd = lines.filter(applied & Q(adjustment__isnull=True)) | lines.filter(
        ~applied & Q(adjustment__isnull=False)
    )
    other = lines.filter(adjustment__isnull=False).exclude(
        adjustment__cell=F("cell"), adjustment__amount=F("amount")
    )
    faults = (
        f"budget change {line.change.number or line.change.pk} line {line.position}: "
        f"{line.amount:,.2f} is not what its budget was adjusted by"
        for line in (odd | other).distinct()
    )
    return Proof(f"{lines.filter(applied).count():,} lines of approved changes", first(faults))
