"""One-time links in mails."""

from django.conf import settings
from django.db import models

from approvals.models.rounds import ApprovalStep
from core.ids import new_id


class ActionToken(models.Model):
    """A one-time email link: only the SHA-256 of 256 random bits is kept.

    Bound to one step, one person and one digest; dead after use, after `expires_at`, or when
    `void_reason` says why.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    token_hash = models.CharField(max_length=64, unique=True)
    step = models.ForeignKey(ApprovalStep, on_delete=models.PROTECT, related_name="tokens")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    void_reason = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"link for {self.person}"
