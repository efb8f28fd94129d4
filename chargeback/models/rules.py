"""By which rule a shared cost is borne: what is shared, among whom, and from when on."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.models import EntityOwned, Role
from budgets.models import CostCenter, GLAccount, Project
from core import told
from core.documents import Document
from core.fields import PercentField, QuantityField

MAKERS = (Role.CONTROLLER,)
READERS = (Role.CONTROLLER, Role.AUDITOR)


class AllocationRuleQuerySet(models.QuerySet["AllocationRule"]):
    def visible_to(self, user: Any) -> "AllocationRuleQuerySet":
        """Controllers and auditors see every rule of their entity, others what they answer for."""
        own = self.filter(entity_id=user.entity_id)
        if user.has_role(*READERS):
            return own
        return own.filter(pk__in=RuleRevision.objects.filter(service_owner=user).values("rule"))


@told.changes()
class AllocationRule(EntityOwned, Document):
    """A shared service whose cost others bear. What it says stands in its revisions."""

    document_type = "allocation_rule"

    name = models.CharField(max_length=120)

    objects = AllocationRuleQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "name"], name="allocation_rule_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class RuleRevision(models.Model):
    """What a rule says; it only grows. A month is shared by the newest revision covering it.

    The source is the actual spend on whatever of cost centre, GL account and project is named.
    """

    class Kind(models.TextChoices):
        CHARGEBACK = "chargeback", "Chargeback"
        SHOWBACK = "showback", "Showback"

    class Basis(models.TextChoices):
        FIXED = "fixed", "Fixed split"
        CONSUMPTION = "consumption", "By consumption"

    id = models.BigAutoField(primary_key=True)
    rule = models.ForeignKey(AllocationRule, on_delete=models.PROTECT, related_name="revisions")
    revision = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=Kind)
    basis = models.CharField(max_length=16, choices=Basis)
    cost_center = models.ForeignKey(
        CostCenter, null=True, on_delete=models.PROTECT, related_name="+"
    )
    gl_account = models.ForeignKey(GLAccount, null=True, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(Project, null=True, on_delete=models.PROTECT, related_name="+")
    unit = models.CharField(
        max_length=32, blank=True, help_text="What consumption is counted in: seats, GB, hours."
    )
    service_owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    valid_from = models.DateField(help_text="First day of the first month.")
    valid_to = models.DateField(null=True, help_text="Last day of the last month; empty: no end.")
    reason = models.TextField(blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule", "revision"], name="rule_revision_once"),
            models.CheckConstraint(
                condition=Q(cost_center__isnull=False)
                | Q(gl_account__isnull=False)
                | Q(project__isnull=False),
                name="rule_names_its_source",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")),
                name="rule_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} rev {self.revision}"

    @property
    def moves_money(self) -> bool:
        return self.kind == self.Kind.CHARGEBACK


class RuleShare(models.Model):
    """What one cost centre bears of a fixed split, in percent; it only grows with its revision."""

    id = models.BigAutoField(primary_key=True)
    revision = models.ForeignKey(RuleRevision, on_delete=models.PROTECT, related_name="shares")
    position = models.PositiveSmallIntegerField()
    cost_center = models.ForeignKey(CostCenter, on_delete=models.PROTECT, related_name="+")
    percent = PercentField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["revision", "cost_center"], name="rule_share_once"),
            models.CheckConstraint(condition=Q(percent__gt=0), name="rule_share_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.cost_center_id} {self.percent} %"


class Consumption(models.Model):
    """What one cost centre used of a shared service in a month; corrected only until it is run."""

    id = models.BigAutoField(primary_key=True)
    rule = models.ForeignKey(AllocationRule, on_delete=models.PROTECT, related_name="consumption")
    month = models.DateField(help_text="The first day of the month.")
    cost_center = models.ForeignKey(CostCenter, on_delete=models.PROTECT, related_name="+")
    units = QuantityField()
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    imported_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["rule", "month", "cost_center"], name="consumption_once"
            ),
            models.CheckConstraint(condition=Q(units__gte=0), name="consumption_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.cost_center_id} {self.month:%Y-%m} {self.units}"
