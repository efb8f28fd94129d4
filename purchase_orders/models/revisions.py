"""What was sent to the vendor: frozen revisions and each sending of them."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from core.ids import new_id
from core.models import StoredFile
from purchase_orders.models.orders import PurchaseOrder


class OrderRevision(models.Model):
    """An issued revision, frozen: its content as data and, once rendered, its PDF by digest."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order = models.ForeignKey(PurchaseOrder, on_delete=models.PROTECT, related_name="revisions")
    revision = models.PositiveSmallIntegerField()
    content = models.JSONField(help_text="Everything the document prints.")
    issued_at = models.DateTimeField()
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    pdf = models.ForeignKey(StoredFile, null=True, on_delete=models.PROTECT)
    rendered_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["revision"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "revision"], name="revision_once"),
        ]

    def __str__(self) -> str:
        return f"{self.order} rev {self.revision}"


class Dispatch(models.Model):
    """One sending of one revision to the vendor, and what became of it."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    revision = models.ForeignKey(OrderRevision, on_delete=models.PROTECT, related_name="dispatches")
    recipient = models.EmailField()
    message_id = models.CharField(max_length=200, unique=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.QUEUED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    requested_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.recipient} {self.status}"
