"""The days from which on budgets count: those of the entries they go with, else of their record."""

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate

from accounts.models import Entity
from budgets import invariants
from budgets.invariants import MOST_FAULTS, Proof, first
from budgets.ledger import rolling
from budgets.models import BudgetAdjustment, LedgerEntry


def register() -> None:
    invariants.register("Days of budgets", days, proves=("M2", "M16"))


def days() -> Proof:
    """A change of a budget counts from the day on which it was written down, at the latest the
    last of its fiscal year; one that goes with a posting, on the day of that posting."""
    odd: dict[int, BudgetAdjustment] = {}
    elsewhere = 0
    for entity in Entity.objects.order_by("pk"):
        changes = BudgetAdjustment.objects.filter(cell__entity=entity)
        dated = list(_dated_elsewhere(changes, entity))
        elsewhere += len(dated)
        # A budget that gives to another one has no entry of its own; the one that takes it has.
        posted = {_what(each) for each in dated if each.is_posted}
        odd |= {each.pk: each for each in dated if _what(each) not in posted}
        odd |= {each.pk: each for each in _left_by_year_end(changes)[:MOST_FAULTS]}
    faults = first(_said(odd[pk]) for pk in sorted(odd))
    return Proof(f"{elsewhere:,} changes of budgets on the days of postings", faults)


def _dated_elsewhere(
    changes: QuerySet[BudgetAdjustment], entity: Entity
) -> QuerySet[BudgetAdjustment]:
    ends_on = F("cell__fiscal_year__ends_on")
    entries = LedgerEntry.objects.filter(
        cell=OuterRef("cell"),
        posting_date=OuterRef("effective_on"),
        recorded_at=OuterRef("recorded_at"),
    )
    recorded = TruncDate("recorded_at", tzinfo=entity.zone)
    found = changes.annotate(recorded=recorded, is_posted=Exists(entries))
    return found.exclude(effective_on=F("recorded"), recorded__lte=ends_on).exclude(
        Q(effective_on=ends_on), recorded__gt=ends_on
    )


def _left_by_year_end(changes: QuerySet[BudgetAdjustment]) -> QuerySet[BudgetAdjustment]:
    """What travelled with a year end, but not on the day of its entries."""
    year = "cell__fiscal_year__"
    entries = LedgerEntry.objects.filter(
        cell=OuterRef("cell"),
        posting_date__in=[OuterRef(f"{year}starts_on"), OuterRef(f"{year}ends_on")],
        event__in=[rolling.EVENT, rolling.UNDONE],
        recorded_at=OuterRef("recorded_at"),
        reason=OuterRef("reason"),
    ).exclude(posting_date=OuterRef("effective_on"))
    return changes.filter(Exists(entries)).order_by("pk")


def _what(each: BudgetAdjustment) -> tuple[object, ...]:
    return each.recorded_at, each.reason, each.effective_on


def _said(each: BudgetAdjustment) -> str:
    return (
        f"budget adjustment {each.pk} of budget cell {each.cell_id}: counts from "
        f"{each.effective_on}, but neither its record nor a posting with it is of that day"
    )
