"""What people are told: mail, one row per event and recipient, and where they are named."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from core.ids import new_id
from core.models import Comment


class OutgoingMail(models.Model):
    """A mail to one person about one event; its Message-ID is derived from its key."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"  # tried again by the outbox
        REFUSED = "refused", "Refused for good"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.CharField(max_length=200, unique=True)
    recipient = models.EmailField()
    subject = models.CharField(max_length=300)
    document_type = models.CharField(max_length=32, blank=True)
    document_id = models.UUIDField(null=True)
    message_id = models.CharField(max_length=200)
    status = models.CharField(max_length=8, choices=Status, default=Status.QUEUED)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar = [
            # mail log, newest first
            models.Index(fields=["-created_at"], name="mail_newest"),
        ]

    def __str__(self) -> str:
        return self.subject


class BouncingAddress(models.Model):
    """An address whose mail server refused a mail for good; gone once a mail gets through."""

    email = models.EmailField(primary_key=True)
    since = models.DateTimeField(help_text="The first refusal.")
    last_at = models.DateTimeField()
    refusals = models.PositiveIntegerField(default=1)
    error = models.TextField(help_text="What the mail server said last.")

    class Meta:
        verbose_name_plural = "bouncing addresses"

    def __str__(self) -> str:
        return self.email


class MentionQuerySet(models.QuerySet["Mention"]):
    def visible_to(self, user: Any) -> "MentionQuerySet":
        """One's own alone: what somebody was told is nobody else's business."""
        return self.filter(person=user)


class Mention(models.Model):
    """Somebody is named in a comment; listed on their home page until they have seen to it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    comment = models.ForeignKey(Comment, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=200, help_text="The document, as it was called then.")
    at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)

    objects = MentionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "comment"], name="mentioned_once"),
        ]
        indexes: ClassVar = [
            # home page: what a person has not seen yet, newest first
            models.Index(
                fields=["person", "-id"],
                condition=models.Q(seen_at__isnull=True),
                name="mentions_unseen",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} on {self.reference}"
