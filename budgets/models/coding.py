"""What a cost is booked to, when, and at which rate."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.models import Entity
from core import told
from core.fields import RateField
from core.ids import new_id


@told.changes("is_open", "starts_on", "ends_on", by=[])
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


@told.changes(by=["entity"])
class CostCenter(Coding):
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="cost_centers"
    )


@told.changes(by=["entity"])
class GLAccount(Coding):
    """What kind of spend it is, and from when on it takes from the budget (rule C28)."""

    class Kind(models.TextChoices):
        OPEX = "opex", "Operating expense"
        CAPEX = "capex", "Capital expense"

    class ReservesAt(models.TextChoices):
        REQUISITION = "requisition", "When requested"
        ORDER = "order", "When ordered"
        INVOICE = "invoice", "When billed"

    kind = models.CharField(max_length=8, choices=Kind, default=Kind.OPEX)
    reserves_at = models.CharField(
        max_length=12, choices=ReservesAt, default=ReservesAt.REQUISITION
    )


@told.changes(by=["entity"])
class Project(Coding):
    pass


@told.rows(by=[])
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
