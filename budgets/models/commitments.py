"""What documents hold of the budget, and the append-only ledger of how that came about."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.models import Entity
from budgets.models.cells import BudgetCell
from core.fields import AmountField, QuantityField, RateField


class Stage(models.TextChoices):
    PRE = "PRE", "Pre-encumbrance"
    ENC = "ENC", "Encumbrance"
    ACT = "ACT", "Actual"


class Commitment(models.Model):
    """What one distribution of one document line holds of the budget, and what became of it.

    amount = liquidated + released + what is open. `amount`, `liquidated` and `released` are base
    currency, their `document_` twins the document's own. Settled by `budgets.ledger` only, under
    its row lock.
    """

    id = models.BigAutoField(primary_key=True)
    stage = models.CharField(max_length=3, choices=Stage)
    cell = models.ForeignKey(BudgetCell, on_delete=models.PROTECT, related_name="commitments")
    document_type = models.CharField(max_length=32)
    document_id = models.UUIDField()
    document_number = models.CharField(max_length=64, blank=True)
    line_id = models.UUIDField()
    line_number = models.PositiveIntegerField(default=0)
    distribution_id = models.UUIDField()
    currency = models.CharField(max_length=3)
    rate = RateField()
    holds = models.BooleanField(
        default=True, help_text="No: its account takes from the budget only when it is billed."
    )
    spans_years = models.BooleanField(
        default=False, help_text="Later fiscal years pay a part: it has forward commitments."
    )
    amount = AmountField()
    liquidated = AmountField(default=0)
    released = AmountField(default=0)
    document_amount = AmountField()
    document_liquidated = AmountField(default=0)
    document_released = AmountField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["distribution_id", "stage"], name="commitment_once"),
            models.CheckConstraint(
                condition=Q(amount__gte=F("liquidated") + F("released"))
                & Q(liquidated__gte=0)
                & Q(released__gte=0),
                name="commitment_never_overdrawn",
            ),
        ]
        indexes: ClassVar = [
            # what a document still holds
            models.Index(fields=["document_id", "stage"], name="commitments_of_document"),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.open} of {self.amount}"

    @property
    def open(self) -> Any:
        return self.amount - self.liquidated - self.released

    @property
    def document_open(self) -> Any:
        return self.document_amount - self.document_liquidated - self.document_released


class LedgerEntry(models.Model):
    """One immutable line of the commitment ledger; corrections are new entries naming the old."""

    id = models.BigAutoField(primary_key=True)
    event = models.CharField(max_length=64, help_text="What happened: purchase_order.issued …")
    event_key = models.CharField(max_length=160, help_text="One effect per event, line and cell.")
    entity = models.ForeignKey(Entity, on_delete=models.PROTECT, related_name="+", db_index=False)
    cell = models.ForeignKey(
        BudgetCell, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    stage = models.CharField(max_length=3, choices=Stage)
    amount = AmountField(help_text="Signed, base currency.")
    document_amount = AmountField(help_text="Signed, the document's currency.")
    currency = models.CharField(max_length=3)
    rate = RateField()
    quantity = QuantityField(default=0)
    document_type = models.CharField(max_length=32)
    document_id = models.UUIDField()
    document_number = models.CharField(max_length=64, blank=True)
    line_id = models.UUIDField()
    line_number = models.PositiveIntegerField(default=0)
    distribution_id = models.UUIDField()
    posting_date = models.DateField()
    recorded_at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    reason = models.TextField(blank=True)
    reverses = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="reversed_by",
        db_index=False,
    )

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["event_key", "line_id", "distribution_id", "stage", "cell"],
                name="ledger_effect_once",
            ),
            models.UniqueConstraint(
                fields=["reverses"], condition=Q(reverses__isnull=False), name="reversed_once"
            ),
        ]
        indexes: ClassVar = [
            # report as of a posting date, a day of recording or both, by cell, answered from the
            # index alone; drill-down
            models.Index(
                fields=["cell", "posting_date", "stage", "amount", "recorded_at"],
                name="entries_of_cell",
            ),
            # ledger lines on a document's page
            models.Index(fields=["document_id", "id"], name="entries_of_document"),
            # what became of a commitment: an order's page shows the invoices that used it up
            models.Index(fields=["distribution_id"], name="entries_of_distribution"),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.amount} {self.document_number}"
