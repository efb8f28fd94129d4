"""What ties requisitions to the ledger; run by `verify_books`."""

from django.db.models import F

from budgets import invariants
from budgets.invariants import MOST_FAULTS, Proof, disagreements, figures, first
from budgets.models import Commitment, Stage
from budgets.queries import costs
from requisitions.models import Requisition, RequisitionDistribution

_HOLDING = (
    Requisition.Status.APPROVED,
    Requisition.Status.PARTIALLY_ORDERED,
    Requisition.Status.ORDERED,
)


def register() -> None:
    invariants.register("Reservations", reservations, proves=("M3",))
    invariants.register("Ended requisitions", ended, proves=("M4",))


def reservations() -> Proof:
    """What an approved requisition reserved = its distributions, one by one."""
    stored = RequisitionDistribution.objects.filter(line__requisition__approved_at__isnull=False)
    rows = Commitment.objects.filter(stage=Stage.PRE, document_type=Requisition.document_type)
    later = rows.filter(holds=False)  # accounts that reserve when it is ordered or billed
    stored = stored.exclude(pk__in=later.values("distribution_id"))
    held = rows.filter(holds=True)
    faults = [
        f"requisition distribution {key}: asks for {figures(says)}, reserved {figures(sums)}"
        for key, says, sums in disagreements(
            stored.values_list("pk", "amount"),
            costs(held),
            most=MOST_FAULTS,
        )
    ]
    return Proof(f"{stored.count():,} distributions of approved requisitions", faults)


def ended() -> Proof:
    """A requisition from which nothing can be ordered any more reserves nothing."""
    open_reservations = Commitment.objects.filter(
        stage=Stage.PRE, document_type=Requisition.document_type
    ).exclude(amount=F("liquidated") + F("released"))
    others = Requisition.objects.exclude(status__in=_HOLDING)
    faults = (
        f"requisition {each.number or each.pk}: is {each.status} and still reserves"
        for each in others.filter(pk__in=open_reservations.values("document_id")).order_by("pk")
    )
    return Proof(f"{others.count():,} requisitions that reserve nothing", first(faults))
