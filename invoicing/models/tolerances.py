"""How far invoices may be off: one row for each stretch of days that a limit held for a scope."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce

from accounts.models import Role
from core import told
from core.fields import AmountField, PercentField
from core.history import HistoricalRecords
from core.ids import new_id
from vendors.models import Vendor

KEEPERS = (Role.AP_MANAGER, Role.CONTROLLER)
READERS = (*KEEPERS, Role.AUDITOR, Role.ADMINISTRATOR)
_NO_VENDOR = Value(UUID(int=0), models.UUIDField())


class ToleranceQuerySet(models.QuerySet["Tolerance"]):
    def visible_to(self, user: Any) -> "ToleranceQuerySet":
        """Those of the entity, for who keeps them and for oversight."""
        return self.filter(entity_id=user.entity_id) if user.has_role(*READERS) else self.none()

    def holding(self, on: date) -> "ToleranceQuerySet":
        """Those that hold on a day."""
        return self.filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=on),
            Q(valid_to__isnull=True) | Q(valid_to__gte=on),
        )

    def of_scope(self, row: "Tolerance") -> "ToleranceQuerySet":
        """All there ever were for what a row is about, the newest first."""
        return self.filter(
            entity=row.entity_id,
            vendor=row.vendor_id,
            category=row.category,
            check_name=row.check_name,
            direction=row.direction,
        ).order_by("-pk")


@told.rows(by=["entity"])
class Tolerance(models.Model):
    """How far a check may be off, for a scope, on some days. Empty limits do not limit; 0 is exact.

    A row says the same for ever; another limit is another row, and the last day of the old one is
    set. One replaced on the day it began has its last day before its first.
    """

    class Check(models.TextChoices):
        UNIT_PRICE = "unit_price", "Price of a unit"
        LINE_AMOUNT = "line_amount", "Amount of a line"
        CUMULATIVE = "cumulative_amount", "All that is billed on an order line"
        ORDERED = "quantity_ordered", "Quantity against the order"
        RECEIVED = "quantity_received", "Quantity against what was received"
        ACCEPTED = "quantity_accepted", "Quantity against what was accepted"
        CHARGES = "charges", "Charges that are not on the order"
        TAX = "tax", "Tax"
        INVOICE_TOTAL = "invoice_total", "Total of the invoice against its lines"
        ORDER_TOTAL = "order_total", "All that is billed on an order"
        ROUNDING = "rounding", "Rounding of a line"

    class Direction(models.TextChoices):
        OVER = "over", "Over"
        UNDER = "under", "Under"

    class Combine(models.TextChoices):
        AND = "AND", "both limits hold"
        OR = "OR", "one limit holds"

    class Action(models.TextChoices):
        PASS = "pass", "Pass"
        EXCEPTION = "exception", "Exception"
        BLOCK = "block", "Block"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    entity = models.ForeignKey("accounts.Entity", on_delete=models.PROTECT, related_name="+")
    vendor = models.ForeignKey(Vendor, null=True, blank=True, on_delete=models.PROTECT)
    category = models.CharField(max_length=64, blank=True, help_text="Service type; empty: any.")
    check_name = models.CharField(max_length=32)
    direction = models.CharField(max_length=5, choices=Direction, default=Direction.OVER)
    percent = PercentField(null=True, blank=True)
    absolute = AmountField(null=True, blank=True, help_text="Document currency.")
    combine = models.CharField(max_length=3, choices=Combine, default=Combine.AND)
    action = models.CharField(max_length=9, choices=Action, default=Action.EXCEPTION)
    valid_from = models.DateField(null=True, help_text="First day; empty: from the beginning.")
    valid_to = models.DateField(null=True, help_text="Last day; empty: until it is changed.")
    history = HistoricalRecords()

    objects = ToleranceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            # Coalesced, because SQLite has no NULLS NOT DISTINCT: no vendor is a value here.
            models.UniqueConstraint(
                "entity",
                Coalesce("vendor", _NO_VENDOR),
                "category",
                "check_name",
                "direction",
                condition=Q(valid_to__isnull=True),
                name="tolerance_once_per_scope",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.check_name} {self.direction}"

    @property
    def is_empty(self) -> bool:
        """Replaced on the day it began, or called off before: it holds on no whole day."""
        return bool(self.valid_from and self.valid_to and self.valid_to < self.valid_from)
