"""Reports that come by mail on a schedule, and who is having a file written right now."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.dates import WEEKDAYS
from django_fsm import transition

from accounts.models import EntityOwned
from accounts.permissions import either, person, portal
from core import told
from core.documents import Document
from core.ids import new_id
from core.models import StoredFile
from core.states import StateField
from reports.asking import may_read

_OWNER = person("owner")


class ScheduledReportQuerySet(models.QuerySet["ScheduledReport"]):
    def visible_to(self, user: Any) -> "ScheduledReportQuerySet":
        """One's own, as long as they run: what was ended is gone for its owner."""
        own = self.filter(owner=user, entity_id=user.entity_id)
        return own.exclude(status=ScheduledReport.Status.ENDED)


@told.changes("status")
class ScheduledReport(EntityOwned, Document):
    """A report with its filters that one person gets by mail, on working days of the entity.

    `next_run_at` is the moment at which the next mail is due; empty while paused and after the end.
    """

    document_type = "scheduled_report"

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        ENDED = "ended", "Ended"

    class Frequency(models.TextChoices):
        DAILY = "daily", "Every working day"
        WEEKLY = "weekly", "Every week"
        MONTHLY = "monthly", "Every month"

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "Excel"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=120)
    report = models.CharField(max_length=32, help_text="Its name in the API.")
    filters = models.JSONField(default=dict, help_text="As the API takes them.")
    file_format = models.CharField(max_length=4, choices=Format, default=Format.XLSX)
    frequency = models.CharField(max_length=8, choices=Frequency, default=Frequency.WEEKLY)
    weekday = models.PositiveSmallIntegerField(
        default=1, help_text="Of a weekly one: 1 is Monday, 7 Sunday."
    )
    month_day = models.PositiveSmallIntegerField(default=1, help_text="Of a monthly one: 1 to 28.")
    hour = models.PositiveSmallIntegerField(default=7, help_text="0 to 23, where the entity is.")
    status = StateField(choices=Status, default=Status.ACTIVE, protected=True)
    next_run_at = models.DateTimeField(null=True, editable=False)
    ended_because = models.CharField(max_length=200, blank=True, editable=False)

    objects = ScheduledReportQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(weekday__range=(1, 7), month_day__range=(1, 28), hour__range=(0, 23)),
                name="scheduled_at_some_time",
            ),
            models.CheckConstraint(
                condition=Q(status="active", next_run_at__isnull=False)
                | ~Q(status="active") & Q(next_run_at__isnull=True),
                name="only_active_reports_are_due",
            ),
        ]
        indexes: ClassVar = [
            # the periodic job: what is due
            models.Index(
                fields=["next_run_at"],
                condition=Q(next_run_at__isnull=False),
                name="scheduled_reports_due",
            ),
            # a person's list
            models.Index(fields=["owner", "-id"], name="scheduled_reports_of"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        return self.name

    @property
    def may_be_sent(self) -> bool:
        """Whether its owner still works here and may still read it, as of now."""
        owner = self.owner
        return (
            self.status == self.Status.ACTIVE
            and owner.entity_id == self.entity_id
            and may_read(self.report, user=owner, filters=self.filters)
        )

    @property
    def frequency_in_words(self) -> str:
        """`every Monday at 07:00`; a day that is no working day waits for the next one."""
        at = f"at {self.hour:02d}:00"
        if self.frequency == self.Frequency.DAILY:
            return f"every working day {at}"
        if self.frequency == self.Frequency.WEEKLY:
            return f"every {WEEKDAYS[self.weekday - 1]} {at}"
        return f"on day {self.month_day} of every month {at}"

    @transition(status, source=Status.ACTIVE, target=Status.PAUSED, permission=_OWNER)
    def pause(self, **_: Any) -> None:
        """Send nothing for now."""
        self.next_run_at = None

    @transition(status, source=Status.PAUSED, target=Status.ACTIVE, permission=_OWNER)
    def resume(self, *, next_run_at: Any, **_: Any) -> None:
        """Send it again from the next due time on; what was missed is not sent later."""
        self.next_run_at = next_run_at

    @transition(
        status,
        source=[Status.ACTIVE, Status.PAUSED],
        target=Status.ENDED,
        permission=either(_OWNER, portal),
    )
    def end(self, *, reason: str = "", **_: Any) -> None:
        """Never send it again."""
        self.next_run_at, self.ended_because = None, reason


class ScheduledRun(models.Model):
    """One due time of a scheduled report; the unique key makes a second scheduler harmless."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    schedule = models.ForeignKey(ScheduledReport, on_delete=models.PROTECT, related_name="runs")
    due_at = models.DateTimeField()
    file = models.ForeignKey(StoredFile, null=True, on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=120, blank=True)
    rendered_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, help_text="Why there is no file.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["schedule", "due_at"], name="scheduled_run_once"),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.due_at:%Y-%m-%d %H:%M}"


class RunningExport(models.Model):
    """That a person is having a report written; a second one waits. Lapses if its process dies."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    claim = models.UUIDField(default=new_id)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.person_id} until {self.until:%H:%M:%S}"
