"""The money side: fiscal years, coding, budget cells, and the append-only commitment ledger."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from accounts.models import Control, Entity, Role
from core.fields import AmountField, QuantityField, RateField
from core.ids import new_id

_NO_PROJECT = Value(UUID(int=0), output_field=models.UUIDField())
_NO_DAY = Value(date.min, output_field=models.DateField())


class FiscalYear(models.Model):
    """A fiscal year of an entity, named by the calendar year in which it starts."""

    entity = models.ForeignKey(Entity, on_delete=models.PROTECT, related_name="fiscal_years")
    year = models.PositiveSmallIntegerField()
    starts_on = models.DateField()
    ends_on = models.DateField()
    is_open = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "year"], name="fiscal_year_once"),
            models.CheckConstraint(
                condition=Q(ends_on__gt=F("starts_on")), name="fiscal_year_has_days"
            ),
        ]

    def __str__(self) -> str:
        return str(self.year)


class CodingQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> "CodingQuerySet":
        return self.filter(entity_id=user.entity_id)


class Coding(models.Model):
    """What a cost is booked to."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    entity = models.ForeignKey(Entity, on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=32)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)

    objects = CodingQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "code"], name="%(class)s_code_once"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class CostCenter(Coding):
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="cost_centers"
    )


class GLAccount(Coding):
    class Kind(models.TextChoices):
        OPEX = "opex", "Operating expense"
        CAPEX = "capex", "Capital expense"

    kind = models.CharField(max_length=8, choices=Kind, default=Kind.OPEX)


class Project(Coding):
    pass


class ExchangeRate(models.Model):
    """Units of `base` for one unit of `currency` on a day."""

    currency = models.CharField(max_length=3)
    base = models.CharField(max_length=3)
    day = models.DateField()
    rate = RateField()
    source = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["currency", "base", "day"], name="one_rate_a_day"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="rate_positive"),
        ]

    def __str__(self) -> str:
        return f"1 {self.currency} = {self.rate} {self.base}"


_SEE_BUDGETS = (
    Role.BUDGET_OWNER,
    Role.BUYER,
    Role.AP_MANAGER,
    Role.CONTROLLER,
    Role.AUDITOR,
    Role.ADMINISTRATOR,
)


class BudgetCellQuerySet(models.QuerySet["BudgetCell"]):
    def visible_to(self, user: Any) -> "BudgetCellQuerySet":
        """Finance, purchasing and audit see every budget of their entity, others what they own."""
        own = self.filter(entity_id=user.entity_id)
        return own if user.has_role(*_SEE_BUDGETS) else own.filter(cost_center__owner=user)


class BudgetCell(models.Model):
    """One cell of the budget with its stored balances, all in base currency.

    The balances are the sums of the cell's ledger entries and change only together with them, by
    `budgets.ledger`. `overdraft` is what an authority allowed beyond the amount, with a reason.
    """

    id = models.BigAutoField(primary_key=True)
    entity = models.ForeignKey(Entity, on_delete=models.PROTECT, related_name="+")
    fiscal_year = models.ForeignKey(FiscalYear, on_delete=models.PROTECT, related_name="cells")
    period = models.PositiveSmallIntegerField(
        null=True, help_text="Month of the fiscal year, 1 to 12; empty: the whole year."
    )
    cost_center = models.ForeignKey(CostCenter, on_delete=models.PROTECT, related_name="cells")
    gl_account = models.ForeignKey(GLAccount, on_delete=models.PROTECT, related_name="cells")
    project = models.ForeignKey(Project, null=True, on_delete=models.PROTECT, related_name="cells")
    control = models.CharField(max_length=8, choices=Control, default=Control.STOP)
    amount = AmountField(default=0)
    overdraft = AmountField(default=0)
    pre_encumbered = AmountField(default=0)
    encumbered = AmountField(default=0)
    spent = AmountField(default=0)

    objects = BudgetCellQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            # Coalesced, because SQLite has no NULLS NOT DISTINCT: none is a value here.
            models.UniqueConstraint(
                "entity",
                "fiscal_year",
                Coalesce("period", 0),
                "cost_center",
                "gl_account",
                Coalesce("project", _NO_PROJECT),
                name="budget_cell_once",
            ),
            models.CheckConstraint(
                condition=Q(pre_encumbered__gte=0), name="cell_pre_not_negative"
            ),
            models.CheckConstraint(condition=Q(encumbered__gte=0), name="cell_enc_not_negative"),
            models.CheckConstraint(
                condition=~Q(control=Control.STOP)
                | Q(
                    amount__gte=F("pre_encumbered") + F("encumbered") + F("spent") - F("overdraft")
                ),
                name="cell_never_overspent",
            ),
            models.CheckConstraint(
                condition=Q(period__isnull=True) | Q(period__range=(1, 12)), name="cell_period"
            ),
        ]
        indexes: ClassVar = [
            # commitment report and budget page of a year
            models.Index(fields=["fiscal_year", "cost_center"], name="cells_of_year"),
        ]

    def __str__(self) -> str:
        parts = [self.cost_center.code, self.gl_account.code]
        if self.project_id:
            parts.append(self.project.code)
        year = str(self.fiscal_year)
        return " · ".join([*parts, f"{year} period {self.period}" if self.period else year])

    @property
    def used(self) -> Any:
        return self.pre_encumbered + self.encumbered + self.spent

    @property
    def available(self) -> Any:
        return self.amount - self.used


class AccruedSum(models.Model):
    """Received, not invoiced, of one budget in base currency: what a day changed, or, without a
    day, the sum of all days.

    Moved by `budgets.ledger.accrue` only, in the transaction of the receipt or invoice.
    """

    id = models.BigAutoField(primary_key=True)
    cell = models.ForeignKey(
        BudgetCell, on_delete=models.PROTECT, related_name="accruals", db_index=False
    )
    day = models.DateField(null=True, help_text="Empty: as of now.")
    amount = AmountField(help_text="Signed on a day; as of now never below zero.")

    class Meta:
        constraints: ClassVar = [
            # Coalesced, because SQLite has no NULLS NOT DISTINCT: none is a value here.
            models.UniqueConstraint("cell", Coalesce("day", _NO_DAY), name="accrued_sum_once"),
        ]
        indexes: ClassVar = [
            # commitment report: the sums of its budgets, now or up to a day
            models.Index(fields=["cell", "day"], name="accrued_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.cell_id} {self.day or 'now'} {self.amount}"


class BudgetAdjustment(models.Model):
    """An append-only change of a cell's amount: the amount is the sum of its adjustments."""

    id = models.BigAutoField(primary_key=True)
    cell = models.ForeignKey(BudgetCell, on_delete=models.PROTECT, related_name="adjustments")
    amount = AmountField()
    overdraft = AmountField(default=0)
    control = models.CharField(max_length=8, choices=Control, help_text="In force from then on.")
    reason = models.TextField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    recorded_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.cell_id} {self.amount}"


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
            # report as of a posting date, by cell, answered from the index alone; drill-down
            models.Index(
                fields=["cell", "posting_date", "stage", "amount"], name="entries_of_cell"
            ),
            # ledger lines on a document's page
            models.Index(fields=["document_id", "id"], name="entries_of_document"),
            # what became of a commitment: an order's page shows the invoices that used it up
            models.Index(fields=["distribution_id"], name="entries_of_distribution"),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.amount} {self.document_number}"
