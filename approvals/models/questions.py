"""What approvers ask before they decide."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from approvals.models.rounds import ApprovalStep
from core.ids import new_id


class StepQuestion(models.Model):
    """What an approver wants to know before deciding; the step's clock waits for the answer."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    step = models.ForeignKey(ApprovalStep, on_delete=models.PROTECT, related_name="questions")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    asked_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="approval_questions"
    )
    asked_at = models.DateTimeField()
    question = models.TextField()
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True)
    reminders = models.PositiveSmallIntegerField(
        default=0, help_text="How often its own time has passed without an answer, and was told."
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["step"],
                condition=Q(answered_at__isnull=True),
                name="one_open_question_per_step",
            ),
        ]

    def __str__(self) -> str:
        return self.question[:80]
