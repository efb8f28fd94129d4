"""The look afterwards at emergencies."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import transition

from accounts.models import EntityOwned
from accounts.permissions import person
from approvals.models.rounds import ApprovalRequest
from core import told
from core.documents import Document
from core.states import StateField


@told.changes("status", "assignee")
class Ratification(EntityOwned, Document):
    """The look afterwards at what was approved as an emergency, due in one working day."""

    document_type = "ratification"

    class Status(models.TextChoices):
        DUE = "due", "Due"
        RATIFIED = "ratified", "Ratified"
        OBJECTED = "objected", "Objected to"

    request = models.OneToOneField(
        ApprovalRequest, on_delete=models.PROTECT, related_name="ratification"
    )
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="ratifications"
    )
    incident = models.CharField(max_length=64)
    due_at = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True, help_text="When it was said that it is overdue.")
    status = StateField(choices=Status, default=Status.DUE, protected=True)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    comment = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar = [
            # the overdue list, and whether a requester has one
            models.Index(
                fields=["entity", "due_at"], condition=Q(status="due"), name="ratifications_due"
            ),
            models.Index(
                fields=["requester", "due_at"],
                condition=Q(status="due"),
                name="ratifications_of_requester",
            ),
            # what became overdue without anybody having been reminded of it
            models.Index(
                fields=["due_at"],
                condition=Q(status="due", reminded_at__isnull=True),
                name="ratifications_to_remind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request} · {self.incident}"

    @property
    def reference(self) -> str:
        return self.request.subject_title

    def _settle(self, actor: Any, at: Any, comment: str) -> None:
        self.settled_by, self.settled_at, self.comment = actor, at, comment

    @transition(status, source=Status.DUE, target=Status.RATIFIED, permission=person("assignee"))
    def ratify(self, *, actor: Any, at: Any, comment: str = "", **_: Any) -> None:
        """It was right to act first."""
        self._settle(actor, at, comment)

    @transition(status, source=Status.DUE, target=Status.OBJECTED, permission=person("assignee"))
    def object_to(self, *, actor: Any, at: Any, comment: str = "", **_: Any) -> None:
        """It should have gone the ordinary way; the report of bypasses names it."""
        self._settle(actor, at, comment)
