"""Warnings before the money is gone: what is watched, what was crossed, and who was told."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.models import Entity
from budgets.models.cells import BudgetCell
from core import told
from core.fields import AmountField
from core.ids import new_id

LEVELS = (50, 80, 100)


def default_levels() -> list[int]:
    return list(LEVELS)


@told.changes("levels")
class BudgetWatch(models.Model):
    """The early-warning levels of one budget, and which of its warnings stand now.

    A row of its own, so that a check never waits for postings and no posting for a check. A
    budget without one is watched at 50, 80 and 100 percent.
    """

    cell = models.OneToOneField(
        BudgetCell, primary_key=True, on_delete=models.CASCADE, related_name="watch"
    )
    levels = models.JSONField(default=default_levels, help_text="Percent of the budget.")
    raised = models.JSONField(
        default=list, help_text="What stands: levels, and 0 for the burn rate."
    )

    def __str__(self) -> str:
        return f"{self.cell_id} {self.levels}"


class BudgetAlertQuerySet(models.QuerySet["BudgetAlert"]):
    def visible_to(self, user: Any) -> "BudgetAlertQuerySet":
        """As budgets are."""
        seen = BudgetCell.objects.visible_to(user)
        return self.filter(entity_id=user.entity_id, cell__in=seen.values("pk"))

    def standing(self) -> "BudgetAlertQuerySet":
        """What is still so and nobody has taken note of."""
        return self.filter(ended_at=None, acknowledged_at=None)


class BudgetAlert(models.Model):
    """One crossing of a warning level, or a burn rate that outruns the budget; told once."""

    class Kind(models.TextChoices):
        LEVEL = "level", "Level"
        BURN_RATE = "burn_rate", "Burn rate"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    entity = models.ForeignKey(Entity, on_delete=models.PROTECT, related_name="+", db_index=False)
    cell = models.ForeignKey(
        BudgetCell, on_delete=models.PROTECT, related_name="alerts", db_index=False
    )
    kind = models.CharField(max_length=12, choices=Kind)
    level = models.PositiveSmallIntegerField(help_text="Percent; 0 for the burn rate.")
    crossing = models.PositiveIntegerField(help_text="The first, second … time.")
    amount = AmountField(help_text="The budget when it was crossed, base currency.")
    used = AmountField(help_text="Reserved, committed and spent when it was crossed.")
    run_out_on = models.DateField(null=True, help_text="When nothing is left at this rate.")
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="Since when it is so no more.")
    gathered_at = models.DateTimeField(null=True, help_text="When it went into a mail, or none.")
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = BudgetAlertQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["cell", "kind", "level", "crossing"], name="alert_once_per_crossing"
            ),
        ]
        indexes: ClassVar = [
            # the alerts of an entity, newest first
            models.Index(fields=["entity", "-id"], name="alerts_newest"),
            # what waits for a mail
            models.Index(fields=["entity"], name="alerts_to_gather", condition=Q(gathered_at=None)),
        ]

    def __str__(self) -> str:
        if self.kind == self.Kind.LEVEL:
            return f"{self.level} % used"
        return f"Runs out on {self.run_out_on:%d %B %Y}" if self.run_out_on else "Runs out early"


class AlertLetter(models.Model):
    """What one person is told in one mail: every warning that came up since the last one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    entity = models.ForeignKey(Entity, on_delete=models.PROTECT, related_name="+")
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    alerts = models.ManyToManyField(BudgetAlert, related_name="letters")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.recipient_id} {self.created_at}"


@told.rows()
class QuietWindow(models.Model):
    """A time in which an entity wants no mail about budgets, such as a move or a holiday week."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="quiet_windows")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="quiet_window_lasts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at} – {self.ends_at}"


@told.changes()
class AlertSetting(models.Model):
    """Whether an entity wants mail about budgets in its working hours only; it does by default."""

    entity = models.OneToOneField(Entity, primary_key=True, on_delete=models.CASCADE)
    in_working_time_only = models.BooleanField(default=True)

    def __str__(self) -> str:
        return "Mail about budgets"
