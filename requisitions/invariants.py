"""What ties requisitions to the ledger; run by `verify_books`."""

from django.db.models import F

from budgets import invariants
from budgets.invariants import Proof, differences, figures, first, rows
from budgets.models import Commitment, Stage
from requisitions.models import Requisition, RequisitionDistribution

_HOLDING = (
    Requisition.Status.APPROVED,
    Requisition.Status.PARTIALLY_ORDERED,
    Requisition.Status.ORDERED,
)


def register() -> None:
    invariants.register("Reservations", reservations)
    invariants.register("Ended requisitions", ended)


def reservations() -> Proof:
    """What an approved requisition reserved = its distributions, one by one."""
    stored = RequisitionDistribution.objects.filter(
        line__requisition__approved_at__isnull=False
    ).order_by("pk")
    held = Commitment.objects.filter(
        stage=Stage.PRE, document_type=Requisition.document_type
    ).order_by("distribution_id")
    faults = (
        f"requisition distribution {key}: asks for {figures(says)}, reserved {figures(sums)}"
        for key, says, sums in differences(
            rows(stored.values_list("pk", "amount")),
            rows(held.values_list("distribution_id", "document_amount")),
        )
    )
    return Proof(f"{stored.count():,} distributions of approved requisitions", first(faults))


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
