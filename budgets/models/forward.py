"""Forward commitments: what later fiscal years will have to pay for what is ordered now (C29)."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from budgets.models.commitments import Commitment
from core.fields import AmountField


class ForwardCommitment(models.Model):
    """The part of a commitment that a later fiscal year pays; in no budget's balance until then.

    A commitment's distribution costs its `document_amount` plus its forward and released rows. A
    row is split where only a part of it moves on, and remembers in `cause` what moved it, so that
    undoing the cause puts exactly that part back. Moved by `budgets.ledger` only, under the
    commitment's lock.
    """

    class State(models.TextChoices):
        FORWARD = "forward", "Forward"
        ACTIVATED = "activated", "Activated"
        ORDERED = "ordered", "Ordered"
        RELEASED = "released", "Released"

    id = models.BigAutoField(primary_key=True)
    commitment = models.ForeignKey(Commitment, on_delete=models.PROTECT, related_name="forward")
    fiscal_year = models.PositiveSmallIntegerField(help_text="The fiscal year's name.")
    amount = AmountField(help_text="Base currency.")
    document_amount = AmountField(help_text="The document's currency.")
    state = models.CharField(max_length=16, choices=State, default=State.FORWARD)
    cause = models.UUIDField(null=True, help_text="The document that moved it on.")

    class Meta:
        ordering: ClassVar = ["fiscal_year", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(amount__gte=0) & Q(document_amount__gte=0),
                name="forward_not_negative",
            ),
            models.UniqueConstraint(
                fields=["commitment", "fiscal_year"],
                condition=Q(state="forward"),
                name="forward_once_a_year",
            ),
        ]
        indexes: ClassVar = [
            # what falls due in a fiscal year: year end, reports
            models.Index(
                fields=["fiscal_year"], condition=Q(state="forward"), name="forward_of_year"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fiscal_year} {self.amount} {self.state}"
