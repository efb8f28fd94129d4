"""Files with rows to take in: what was looked at first, and what became of it."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from accounts.models import EntityOwned
from core.ids import new_id
from core.models import StoredFile


class FileImportQuerySet(models.QuerySet["FileImport"]):
    def visible_to(self, user: Any) -> "FileImportQuerySet":
        """A file is looked at by whoever brought it, nobody else."""
        return self.filter(entity_id=user.entity_id, uploaded_by=user)


class FileImport(EntityOwned):
    """One file with its row report: of the dry run, then of what was taken in.

    `report` is what `budgeting.intake.report.Report.stored` gives.
    """

    class Kind(models.TextChoices):
        BUDGETS = "budgets", "Budgets"
        JOURNALS = "journals", "Journals"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    uploaded_at = models.DateTimeField()
    report = models.JSONField(default=dict)
    applied_at = models.DateTimeField(null=True)

    objects = FileImportQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            # what somebody brought lately
            models.Index(fields=["uploaded_by", "-id"], name="imports_of_person"),
        ]

    def __str__(self) -> str:
        return self.name
