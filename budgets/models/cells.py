"""Budget cells with their stored balances, and the changes of their amounts."""

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from accounts.models import Control, Entity, Role
from budgets.models.coding import CostCenter, FiscalYear, GLAccount, Project
from core import told
from core.fields import AmountField
from core.money import ZERO

_NO_PROJECT = Value(UUID(int=0), output_field=models.UUIDField())
_NO_DAY = Value(date.min, output_field=models.DateField())

SEE_BUDGETS = (
    Role.BUDGET_OWNER,
    Role.BUYER,
    Role.AP_MANAGER,
    Role.CONTROLLER,
    Role.AUDITOR,
    Role.ADMINISTRATOR,
)


QUARTER = 3
QUARTERS = (1, 4, 7, 10)  # the first months of the quarters of a fiscal year


def month_of(starts_on: date, period: int) -> date:
    """The first day of a month of a fiscal year that starts on a day; 1 is its first month."""
    months = starts_on.month - 1 + period - 1
    return date(starts_on.year + months // 12, months % 12 + 1, 1)


class BudgetCellQuerySet(models.QuerySet["BudgetCell"]):
    def visible_to(self, user: Any) -> "BudgetCellQuerySet":
        """Finance, purchasing and audit see every budget of their entity, others what they own."""
        own = self.filter(entity_id=user.entity_id)
        return own if user.has_role(*SEE_BUDGETS) else own.filter(cost_center__owner=user)


@told.changes("amount", "control", by=[])
class BudgetCell(models.Model):
    """One cell of the budget with its stored balances, all in base currency.

    The balances are the sums of the cell's ledger entries and change only together with them, by
    `budgets.ledger`. `overdraft` is what an authority allowed beyond the amount, with a reason.
    """

    id = models.BigAutoField(primary_key=True)
    entity = models.ForeignKey(Entity, on_delete=models.PROTECT, related_name="+")
    fiscal_year = models.ForeignKey(FiscalYear, on_delete=models.PROTECT, related_name="cells")
    period = models.PositiveSmallIntegerField(
        null=True, help_text="First month of the fiscal year that it is for; empty: the whole year."
    )
    months = models.PositiveSmallIntegerField(default=12, help_text="1, 3 or 12.")
    is_cumulative = models.BooleanField(
        default=False, help_text="What earlier periods of the year left may be used."
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
                "months",
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
                condition=Q(period__isnull=True, months=12)
                | Q(period__in=QUARTERS, months=3)
                | Q(period__range=(1, 12), months=1),
                name="cell_period",
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
        return " · ".join([*parts, self.period_name])

    @property
    def period_name(self) -> str:
        """What it is for, in words: 2026, 2026 Q2, March 2026."""
        year = self.fiscal_year
        if self.period is None:
            return str(year)
        if self.months == QUARTER:
            return f"{year} Q{QUARTERS.index(self.period) + 1}"
        return f"{month_of(year.starts_on, self.period):%B %Y}"

    # Set by `budgets.ledger.cells` where it finds the cell.
    earlier: "list[BudgetCell] | tuple[()]" = ()

    @property
    def reserves_at(self) -> str:
        """From when on its account reserves. Known where `budgets.ledger.cells` found the cell."""
        return str(self.__dict__["account_reserves_at"])

    def covers(self, month: int) -> bool:
        """Whether it pays for a month of its fiscal year."""
        return self.period is None or self.period <= month < self.period + self.months

    def is_earlier_than(self, cell: "BudgetCell") -> bool:
        """Whether what it left may be used by a cumulative cell: the same but for the period."""
        names = ("fiscal_year_id", "cost_center_id", "gl_account_id", "project_id", "months")
        return (
            self.is_cumulative
            and cell.is_cumulative
            and (self.period or 0) < (cell.period or 0)
            and all(getattr(self, name) == getattr(cell, name) for name in names)
        )

    @property
    def left_before(self) -> Decimal:
        """What earlier periods left to a cumulative cell; base currency."""
        return max(sum((each.available for each in self.earlier), ZERO), ZERO)

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


class MonthSum(models.Model):
    """What the entries posted to one month moved in one budget, base currency, signed.

    The database keeps it by itself with every entry (`budgets.month_sums`): reports by month are
    read from here at any size of the ledger.
    """

    id = models.BigAutoField(primary_key=True)
    cell = models.ForeignKey(
        BudgetCell, on_delete=models.PROTECT, related_name="months_moved", db_index=False
    )
    month = models.DateField(help_text="Its first day.")
    pre_encumbered = AmountField(default=0)
    encumbered = AmountField(default=0)
    spent = AmountField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cell", "month"], name="month_sum_once"),
        ]

    def __str__(self) -> str:
        return f"{self.cell_id} {self.month:%Y-%m}"


class BudgetAdjustment(models.Model):
    """An append-only change of a cell's amount: the amount is the sum of its adjustments.

    Like an entry it has two dates: the day from which on it counts, and when it was written down.
    """

    id = models.BigAutoField(primary_key=True)
    cell = models.ForeignKey(BudgetCell, on_delete=models.PROTECT, related_name="adjustments")
    amount = AmountField()
    overdraft = AmountField(default=0)
    control = models.CharField(max_length=8, choices=Control, help_text="In force from then on.")
    reason = models.TextField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    effective_on = models.DateField(help_text="From this day on it counts.")
    recorded_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.cell_id} {self.amount}"
