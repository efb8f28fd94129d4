"""What vendors sell at agreed prices."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from core import told
from core.fields import PriceField
from core.history import HistoricalRecords
from core.ids import new_id
from vendors.models.contracts import Contract
from vendors.models.vendors import ServiceType, Vendor


class CatalogItemQuerySet(models.QuerySet["CatalogItem"]):
    def visible_to(self, user: Any) -> "CatalogItemQuerySet":
        return self.filter(vendor__entity_id=user.entity_id)

    def orderable(self) -> "CatalogItemQuerySet":
        """What may be requested today: active items of approved vendors."""
        return self.filter(is_active=True, vendor__status=Vendor.Status.APPROVED)


@told.changes(by=["vendor"])
class CatalogItem(models.Model):
    """Something a vendor sells at an agreed price."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    vendor = models.ForeignKey(Vendor, on_delete=models.PROTECT, related_name="catalog_items")
    contract = models.ForeignKey(
        Contract, null=True, blank=True, on_delete=models.PROTECT, related_name="catalog_items"
    )
    sku = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    category = models.CharField(max_length=64)
    service_type = models.CharField(max_length=32, choices=ServiceType, default=ServiceType.OTHER)
    unit = models.CharField(max_length=8, help_text="UN/ECE Recommendation 20 code.")
    unit_price = PriceField()
    currency = models.CharField(max_length=3)
    tax_code = models.CharField(max_length=16, blank=True)
    gl_account_code = models.CharField(
        max_length=32, blank=True, help_text="Suggested account for a line with this item."
    )
    is_active = models.BooleanField(default=True)
    history = HistoricalRecords()

    objects = CatalogItemQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["vendor", "sku"], name="sku_once_per_vendor"),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="catalog_price_positive"),
        ]

    def __str__(self) -> str:
        return self.name
