"""Receipts: proof of delivery against order lines."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django_fsm import transition

from accounts.models import EntityOwned, Role
from accounts.permissions import either, portal, role
from core import told
from core.documents import Document
from core.fields import QuantityField
from core.history import HistoricalRecords
from core.ids import new_id
from core.states import StateField
from purchase_orders.models.orders import PurchaseOrder, PurchaseOrderLine


class ReceiptQuerySet(models.QuerySet["Receipt"]):
    def visible_to(self, user: Any) -> "ReceiptQuerySet":
        return self.filter(order__in=PurchaseOrder.objects.visible_to(user))


@told.changes("status")
class Receipt(EntityOwned, Document):
    """Proof of delivery. Posted at once, never edited: a reversal is a mirror receipt."""

    document_type = "receipt"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        POSTED = "posted", "Posted"
        REVERSED = "reversed", "Reversed"

    number = models.CharField(max_length=32, null=True, editable=False)
    order = models.ForeignKey(PurchaseOrder, on_delete=models.PROTECT, related_name="receipts")
    received_on = models.DateField()
    delivery_note = models.CharField(max_length=64, blank=True)
    note = models.TextField(blank=True)
    received_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reverses = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="mirror"
    )
    status = StateField(choices=Status, default=Status.DRAFT, protected=True)
    posted_at = models.DateTimeField(null=True, editable=False)
    history = HistoricalRecords()

    objects = ReceiptQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "number"], name="receipt_number_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["entity", "-id"], name="receipts_newest"),  # list page by keyset
        ]

    def __str__(self) -> str:
        return self.number or "Draft receipt"

    @transition(
        status,
        source=Status.DRAFT,
        target=Status.POSTED,
        permission=either(role(Role.RECEIVER, Role.BUYER), portal),
    )
    def post(self, *, at: Any, **_: Any) -> None:
        """Count it."""
        self.posted_at = at

    @transition(
        status,
        source=Status.POSTED,
        target=Status.REVERSED,
        permission=role(Role.RECEIVER, Role.BUYER),
    )
    def reverse(self, **_: Any) -> None:
        """Take it back by its mirror."""


class ReceiptLine(models.Model):
    """Accepted and rejected quantities of one order line; a mirror carries them negative."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    receipt = models.ForeignKey(Receipt, on_delete=models.CASCADE, related_name="lines")
    order_line = models.ForeignKey(
        PurchaseOrderLine, on_delete=models.PROTECT, related_name="receipt_lines"
    )
    quantity = QuantityField(help_text="Accepted; rejected goods do not count as received.")
    rejected_quantity = QuantityField(default=0)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["receipt", "order_line"], name="receipt_line_once"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.order_line}"
