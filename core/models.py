"""Rows behind the mechanisms of core: trail, outbox, numbers, files, idempotency."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from core.ids import new_id


class TrailEvent(models.Model):
    """One thing that happened to one document; append-only and hash-chained per stream."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    stream = models.CharField(max_length=64)
    sequence = models.PositiveBigIntegerField()
    type = models.CharField(max_length=64)
    at = models.DateTimeField(help_text="When it happened, as the service was told.")
    recorded_at = models.DateTimeField(help_text="When the row was written.")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    channel = models.CharField(max_length=16)
    request_id = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=64, blank=True)
    document_type = models.CharField(max_length=32)
    document_id = models.UUIDField()
    document_reference = models.CharField(max_length=200, blank=True)
    document_version = models.PositiveIntegerField()
    reason = models.TextField(blank=True)
    changes = models.JSONField(default=list)  # [{"field", "old", "new"}]
    data = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stream", "sequence"], name="trail_no_gap_no_twin"),
        ]
        indexes: ClassVar = [
            # timeline on a document's page
            models.Index(fields=["document_id", "sequence"], name="trail_of_document"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.document_reference}"


class TrailHead(models.Model):
    """The end of a stream's chain; its lock puts the stream's events in one order."""

    stream = models.CharField(primary_key=True, max_length=64)
    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="0" * 64)

    def __str__(self) -> str:
        return f"{self.stream} at {self.sequence}"


class OutboxItem(models.Model):
    """Work promised by a committed transaction. The table is the queue, the broker only a bell."""

    id = models.BigAutoField(primary_key=True)
    handler = models.CharField(max_length=100)
    arguments = models.JSONField(default=dict)
    key = models.CharField(max_length=200, unique=True, help_text="One effect per key.")
    run_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    parked_at = models.DateTimeField(null=True, help_text="Gave up; an operator must look.")
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            # claim: due items that are neither done nor parked
            models.Index(
                fields=["run_at", "id"],
                condition=Q(done_at__isnull=True, parked_at__isnull=True),
                name="outbox_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.handler} {self.key}"


class PeriodicRun(models.Model):
    """One run of a periodic job; the unique key makes a second scheduler harmless."""

    job = models.CharField(max_length=100)
    period = models.DateTimeField(help_text="Start of the period that the run stands for.")
    started_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "period"], name="periodic_run_once"),
        ]

    def __str__(self) -> str:
        return f"{self.job} {self.period:%Y-%m-%d %H:%M}"


class NumberSequence(models.Model):
    """The last number taken per stream, kind and fiscal year; its lock keeps numbers gapless."""

    stream = models.CharField(max_length=64)
    kind = models.CharField(max_length=8)
    fiscal_year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["stream", "kind", "fiscal_year"], name="one_sequence_per_year"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}-{self.fiscal_year}-{self.last:06d}"


class StoredFile(models.Model):
    """Bytes kept once under their digest; never changed. See `core.files`."""

    sha256 = models.CharField(primary_key=True, max_length=64)
    size = models.PositiveBigIntegerField()
    content_type = models.CharField(max_length=100)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.sha256[:12]


class Attachment(models.Model):
    """A file that somebody put to a document. Read through the document's own visibility."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    document_type = models.CharField(max_length=32)
    document_id = models.UUIDField()
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT)
    name = models.CharField(max_length=200)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    uploaded_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            # attachments on a document's page
            models.Index(fields=["document_id"], name="attachments_of_document"),
        ]

    def __str__(self) -> str:
        return self.name


class Comment(models.Model):
    """A remark on a document by somebody who can see it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    document_type = models.CharField(max_length=32)
    document_id = models.UUIDField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(max_length=5000)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            # comments on a document's page
            models.Index(fields=["document_id"], name="comments_of_document"),
        ]

    def __str__(self) -> str:
        return self.text[:40]


class IdempotencyKey(models.Model):
    """The first answer to a client's key, claimed before the work, in the same transaction."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once"),
        ]
        indexes: ClassVar = [
            # clean-up of keys older than a day
            models.Index(fields=["created_at"], name="idempotency_by_age"),
        ]

    def __str__(self) -> str:
        return self.key
