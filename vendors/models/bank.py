"""Where a vendor is paid: bank accounts, sealed, each verified by a second person."""

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import transition

from accounts import permissions
from accounts.models import EntityOwned
from core import told
from core.documents import Document
from core.history import HistoricalRecords
from core.states import StateField
from vendors.models.vendors import Vendor


@permissions.named("whoever verifies it, never who asked for it; the portal for what it takes over")
def _another(account: Any, user: Any) -> bool:
    return user is None or (
        user.is_active
        and user.entity_id == account.entity_id
        and user.pk != account.requested_by_id
    )


@permissions.named("whoever decides about it, or who asked for it")
def _colleague(account: Any, user: Any) -> bool:
    return user is not None and user.is_active and user.entity_id == account.entity_id


_STANDING = Q(status__in=["pending", "verified"])


class BankAccountQuerySet(models.QuerySet["BankAccount"]):
    def visible_to(self, user: Any) -> "BankAccountQuerySet":
        return self.filter(entity_id=user.entity_id)

    def standing(self) -> "BankAccountQuerySet":
        """Those that are asked for or verified; neither refused nor out of use."""
        return self.filter(_STANDING)

    def once_verified(self) -> "BankAccountQuerySet":
        """All but those that were refused: whose account it is, or was."""
        return self.filter(_STANDING | Q(verified_at__isnull=False))


@told.rows(by=["pk", "vendor"])
class BankAccount(EntityOwned, Document):
    """A bank account of a vendor. Its number is sealed (`core.sealed`); people see the last four.

    `valid_from` and `valid_until` bound when it counts: a new one from the end of its cooling
    time, the one that it replaces until that very moment.
    """

    document_type = "bank_account"

    class Status(models.TextChoices):
        PENDING = "pending", "Waits for verification"
        VERIFIED = "verified", "Verified"
        RETIRED = "retired", "Out of use"

    vendor = models.ForeignKey(Vendor, on_delete=models.PROTECT, related_name="bank_accounts")
    holder = models.CharField(max_length=140)
    sealed = models.TextField(
        editable=False, help_text="IBAN, or routing and account number; sealed."
    )
    index = models.CharField(max_length=64, editable=False, help_text="Keyed digest of the number.")
    last_four = models.CharField(max_length=4, editable=False)
    is_iban = models.BooleanField(editable=False)
    bic = models.CharField(max_length=11, blank=True)
    country = models.CharField(max_length=2)
    currency = models.CharField(max_length=3)
    status = StateField(choices=Status, default=Status.PENDING, protected=True)
    replaces = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="replaced_by",
        help_text="Counts until this one does; empty: it is a further account.",
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: taken over by the portal.",
    )
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    verified_at = models.DateTimeField(null=True, editable=False)
    note = models.TextField(
        blank=True, help_text="Whom the verifier called, at which number, and what was said."
    )
    valid_from = models.DateTimeField(null=True, editable=False)
    valid_until = models.DateTimeField(null=True, editable=False)
    history = HistoricalRecords()

    objects = BankAccountQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["vendor", "index"],
                condition=_STANDING,
                name="bank_account_once",
            ),
            models.CheckConstraint(
                condition=~Q(status="verified")
                | Q(valid_from__isnull=False, verified_at__isnull=False),
                name="bank_account_verified",
            ),
            models.CheckConstraint(
                condition=Q(verified_by__isnull=True)
                | Q(requested_by__isnull=True)
                | ~Q(verified_by=F("requested_by")),
                name="bank_account_by_another",
            ),
        ]
        indexes: ClassVar = [
            # whose account it is: duplicates, and invoices of two vendors with one account
            models.Index(fields=["entity", "index"], name="bank_accounts_alike"),
        ]

    def __str__(self) -> str:
        return self.shown

    @property
    def shown(self) -> str:
        """What people see of the number."""
        return f"{self.country} ••••{self.last_four}"

    @property
    def reference(self) -> str:
        return self.shown

    def counts(self, at: datetime) -> bool:
        """Whether the vendor may be paid to it at that moment."""
        return (
            self.status != self.Status.PENDING
            and self.valid_from is not None
            and self.valid_from <= at
            and (self.valid_until is None or at < self.valid_until)
        )

    @transition(status, source=Status.PENDING, target=Status.VERIFIED, permission=_another)
    def verify(
        self, *, actor: Any, at: datetime, valid_from: datetime, note: str, **_: Any
    ) -> None:
        """Somebody else made sure that it is the vendor's; it counts after its cooling time."""
        self.verified_by, self.verified_at = actor, at
        self.valid_from, self.note = valid_from, note

    @transition(status, source=Status.PENDING, target=Status.RETIRED, permission=_colleague)
    def drop(self, **_: Any) -> None:
        """It is not taken: refused, sent back, or taken back by who asked for it."""

    @transition(
        status, source=Status.VERIFIED, target=Status.RETIRED, permission=permissions.portal
    )
    def retire(self, **_: Any) -> None:
        """Another one counts in its place."""
