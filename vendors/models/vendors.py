"""Companies that goods and services are bought from, and who answers for what they sell."""

from collections.abc import Collection
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django_fsm import transition

from accounts.models import EntityOwned, Role
from accounts.permissions import role
from core import told
from core.documents import Document
from core.history import HistoricalRecords
from core.states import StateField

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


@told.changes()
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
    status = StateField(choices=Status, default=Status.PROSPECT, protected=True)
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
            # who is the same company: one tax id under two names
            models.Index(fields=["entity", "tax_id"], name="vendors_by_tax_id"),
            # companies of one group; one that names none is found by its code
            models.Index(fields=["entity", "family"], name="vendors_by_family"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        return self.name

    @property
    def family_key(self) -> str:
        return self.family or self.code

    @staticmethod
    def in_families(keys: Collection[str]) -> models.Q:
        """Those whose `family_key` is one of these."""
        return models.Q(family__in=keys) | models.Q(family="", code__in=keys)

    @property
    def takes_two_people(self) -> bool:
        """Whether its master data changes only once somebody else agrees: orders may exist."""
        return self.status not in (self.Status.PROSPECT, self.Status.IN_REVIEW)

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


@told.rows(by=["vendor"])
class VendorContact(models.Model):
    vendor = models.ForeignKey(Vendor, on_delete=models.CASCADE, related_name="contacts")
    name = models.CharField(max_length=120)
    email = models.EmailField()
    role = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.name


@told.rows(by=["entity"])
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
