"""Vendors and what they sell."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import FSMField, transition
from simple_history.models import HistoricalRecords

from accounts.models import EntityOwned, Role
from accounts.permissions import role
from core.documents import Document
from core.fields import PriceField
from core.ids import new_id

_MANAGES = role(Role.VENDOR_MANAGER)


class ServiceType(models.TextChoices):
    SAAS = "saas", "Software as a service"
    IAAS = "iaas", "Cloud infrastructure"
    SERVICES = "professional_services", "Professional services"
    HARDWARE = "hardware", "Hardware"
    LICENCE = "licence", "Software licence"
    GOODS = "goods", "Goods"
    OTHER = "other", "Other"


class MatchType(models.TextChoices):
    TWO_WAY = "2-way", "2-way: ordered"
    THREE_WAY = "3-way", "3-way: ordered and received"
    FOUR_WAY = "4-way", "4-way: ordered, received and accepted"


class VendorQuerySet(models.QuerySet["Vendor"]):
    def visible_to(self, user: Any) -> "VendorQuerySet":
        return self.filter(entity_id=user.entity_id)


class Vendor(EntityOwned, Document):
    """A company that goods and services are bought from; only an approved one gets an order."""

    document_type = "vendor"

    class Status(models.TextChoices):
        PROSPECT = "prospect", "Prospect"
        IN_REVIEW = "in_review", "In review"
        APPROVED = "approved", "Approved"
        SUSPENDED = "suspended", "Suspended"
        BLOCKED = "blocked", "Blocked"
        ARCHIVED = "archived", "Archived"

    code = models.CharField(max_length=32)
    name = models.CharField(max_length=200)
    family = models.CharField(
        max_length=64, blank=True, help_text="Companies of one group share it; empty: its own code."
    )
    status = FSMField(choices=Status, default=Status.PROSPECT, protected=True)
    tax_id = models.CharField(max_length=32, blank=True)
    country = models.CharField(max_length=2)
    currency = models.CharField(max_length=3)
    address = models.TextField(blank=True)
    order_email = models.EmailField(blank=True)
    payment_terms_days = models.PositiveSmallIntegerField(default=30)
    default_match_type = models.CharField(
        max_length=8, choices=MatchType, default=MatchType.THREE_WAY
    )
    history = HistoricalRecords()

    objects = VendorQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "code"], name="vendor_code_once"),
        ]
        indexes: ClassVar = [
            # vendor list and search by name
            models.Index(fields=["entity", "name"], name="vendors_by_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        return self.name

    @property
    def family_key(self) -> str:
        return self.family or self.code

    @property
    def is_approved(self) -> bool:
        return self.status == self.Status.APPROVED

    @transition(status, source=Status.PROSPECT, target=Status.IN_REVIEW, permission=_MANAGES)
    def submit(self, **_: Any) -> None:
        """Put a prospect up for review."""

    @transition(status, source=Status.IN_REVIEW, target=Status.APPROVED, permission=_MANAGES)
    def approve(self, **_: Any) -> None:
        """Let it receive orders."""

    @transition(status, source=Status.IN_REVIEW, target=Status.PROSPECT, permission=_MANAGES)
    def reject(self, **_: Any) -> None:
        """Send it back to prospect."""

    @transition(status, source=Status.APPROVED, target=Status.SUSPENDED, permission=_MANAGES)
    def suspend(self, **_: Any) -> None:
        """No new orders for the time being."""

    @transition(status, source=Status.SUSPENDED, target=Status.APPROVED, permission=_MANAGES)
    def reinstate(self, **_: Any) -> None:
        """Orders may go to it again."""

    @transition(
        status,
        source=[Status.APPROVED, Status.SUSPENDED, Status.IN_REVIEW],
        target=Status.BLOCKED,
        permission=_MANAGES,
    )
    def block(self, **_: Any) -> None:
        """No orders any more."""


class VendorContact(models.Model):
    vendor = models.ForeignKey(Vendor, on_delete=models.CASCADE, related_name="contacts")
    name = models.CharField(max_length=120)
    email = models.EmailField()
    role = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.name


class ServiceOwner(EntityOwned):
    """Who answers for a kind of service in an entity, and is asked when more of it is bought."""

    service_type = models.CharField(max_length=32, choices=ServiceType)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="services_owned"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "service_type"], name="service_owner_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_service_type_display()}: {self.owner}"


class CatalogItemQuerySet(models.QuerySet["CatalogItem"]):
    def visible_to(self, user: Any) -> "CatalogItemQuerySet":
        return self.filter(vendor__entity_id=user.entity_id)

    def orderable(self) -> "CatalogItemQuerySet":
        """What may be requested today: active items of approved vendors."""
        return self.filter(is_active=True, vendor__status=Vendor.Status.APPROVED)


class CatalogItem(models.Model):
    """Something a vendor sells at an agreed price."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    vendor = models.ForeignKey(Vendor, on_delete=models.PROTECT, related_name="catalog_items")
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
