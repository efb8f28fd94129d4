"""Year ends: what is still open at the end of a fiscal year goes on in the next one (C22)."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import transition

from accounts.models import EntityOwned, Role
from accounts.permissions import portal, role
from budgets.models import BudgetCell, Commitment, FiscalYear, Stage
from core import told
from core.documents import Document
from core.fields import AmountField
from core.history import HistoricalRecords
from core.states import StateField

_CONTROLS = role(Role.CONTROLLER)
_SEES = (Role.CONTROLLER, Role.AUDITOR, Role.ADMINISTRATOR, Role.BUDGET_OWNER)


class YearEndQuerySet(models.QuerySet["YearEnd"]):
    def visible_to(self, user: Any) -> "YearEndQuerySet":
        """Who answers for budgets sees the year ends of the entity."""
        own = self.filter(entity_id=user.entity_id)
        return own if user.has_role(*_SEES) else own.none()


@told.changes("status", "policy")
class YearEnd(EntityOwned, Document):
    """One batch that takes what is open in a fiscal year over into the next one.

    Everything it did stands in its lines, so that it can be undone exactly as one batch. Closing
    the old year is a step of its own.
    """

    document_type = "year_end"

    class Policy(models.TextChoices):
        WITH_BUDGET = "with_budget", "The budget travels along"
        WITHOUT_BUDGET = "without_budget", "The new year's budget pays"

    class Status(models.TextChoices):
        REQUESTED = "requested", "Running"
        INCOMPLETE = "incomplete", "Incomplete"
        RUN = "run", "Done"
        CLOSED = "closed", "Year closed"
        REVERSED = "reversed", "Reversed"

    from_year = models.ForeignKey(FiscalYear, on_delete=models.PROTECT, related_name="+")
    to_year = models.ForeignKey(FiscalYear, on_delete=models.PROTECT, related_name="+")
    policy = models.CharField(max_length=16, choices=Policy)
    reason = models.TextField()
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    status = StateField(choices=Status, default=Status.REQUESTED, protected=True)
    turn = models.PositiveSmallIntegerField(default=1, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    history = HistoricalRecords()

    objects = YearEndQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["from_year"],
                condition=~Q(status="reversed"),
                name="one_standing_year_end",
            ),
            models.CheckConstraint(
                condition=~Q(from_year=F("to_year")), name="year_end_between_years"
            ),
        ]
        indexes: ClassVar = [
            # list page by keyset
            models.Index(fields=["entity", "-id"], name="year_ends_newest"),
        ]

    def __str__(self) -> str:
        return f"Year end {self.from_year} to {self.to_year}"

    @transition(status, source=Status.REQUESTED, target=Status.RUN, permission=portal)
    def finish(self, *, at: Any, **_: Any) -> None:
        """Everything open went over."""
        self.ended_at = at

    @transition(status, source=Status.REQUESTED, target=Status.INCOMPLETE, permission=portal)
    def stop(self, *, at: Any, **_: Any) -> None:
        """Some lines could not go over; each says why."""
        self.ended_at = at

    @transition(status, source=Status.INCOMPLETE, target=Status.REQUESTED, permission=_CONTROLS)
    def resume(self, **_: Any) -> None:
        """Try again what could not go over."""
        self.turn += 1
        self.ended_at = None

    @transition(status, source=Status.RUN, target=Status.CLOSED, permission=_CONTROLS)
    def close(self, **_: Any) -> None:
        """Close the old fiscal year: nothing is posted to it any more."""

    @transition(status, source=Status.CLOSED, target=Status.RUN, permission=_CONTROLS)
    def reopen(self, **_: Any) -> None:
        """Open the old fiscal year again."""

    @transition(
        status,
        source=[Status.RUN, Status.INCOMPLETE],
        target=Status.REVERSED,
        permission=_CONTROLS,
    )
    def reverse(self, *, at: Any, **_: Any) -> None:
        """Undo the whole batch, entry by entry."""
        self.ended_at = at


class YearEndLine(models.Model):
    """What became of one commitment at a year end. All amounts are base currency.

    `amount` is the rest that went over, `activated` what the new year's schedule added, `budget`
    what travelled along. A refused line moved nothing and says why.
    """

    class State(models.TextChoices):
        ROLLED = "rolled", "Taken over"
        REFUSED = "refused", "Refused"

    id = models.BigAutoField(primary_key=True)
    year_end = models.ForeignKey(YearEnd, on_delete=models.PROTECT, related_name="lines")
    commitment = models.ForeignKey(Commitment, on_delete=models.PROTECT, related_name="+")
    stage = models.CharField(max_length=3, choices=Stage)
    from_cell = models.ForeignKey(BudgetCell, on_delete=models.PROTECT, related_name="+")
    to_cell = models.ForeignKey(BudgetCell, null=True, on_delete=models.PROTECT, related_name="+")
    amount = AmountField()
    activated = AmountField(default=0)
    budget = AmountField(default=0)
    state = models.CharField(max_length=16, choices=State)
    note = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["year_end", "commitment"], name="rolled_once"),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.amount} {self.state}"
