"""Blanket orders: what was agreed with the vendor as a whole, and how it is drawn down."""

from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from core import told
from core.fields import AmountField, PercentField
from core.money import ZERO
from purchase_orders.models.orders import PurchaseOrder


class AgreementQuerySet(models.QuerySet["Agreement"]):
    def visible_to(self, user: Any) -> "AgreementQuerySet":
        """Whoever sees the blanket order sees what was agreed in it."""
        return self.filter(order__in=PurchaseOrder.objects.visible_to(user))


@told.changes(
    "limit", "minimum", "commits", "allowance_percent", "release_minimum", "release_maximum",
    by=["order"],
)  # fmt: skip
class Agreement(models.Model):
    """The limits of a blanket order. Amounts are net, in the order's currency.

    `released` is the sum of its draw-downs, kept under the lock of the order's row; so is
    `last_release`, the turn of the release that was issued last. Numbers of releases are
    made of it: gapless, never used twice.
    """

    class LimitBy(models.TextChoices):
        AMOUNT = "amount", "Amount"
        QUANTITY = "quantity", "Quantity of each line"
        PRICE = "price", "Price only"

    class Commits(models.TextChoices):
        RELEASES = "releases", "What is released"
        MINIMUM = "minimum", "The minimum"
        LIMIT = "limit", "The whole limit"

    FIGURES = ("limit", "minimum", "allowance_percent", "release_minimum", "release_maximum")

    order = models.OneToOneField(
        PurchaseOrder, on_delete=models.CASCADE, related_name="agreement_terms"
    )
    limit_by = models.CharField(max_length=8, choices=LimitBy, default=LimitBy.AMOUNT)
    limit = AmountField(
        null=True, help_text="By quantity what its lines come to; none for price only."
    )
    commits = models.CharField(max_length=8, choices=Commits, default=Commits.RELEASES)
    minimum = AmountField(default=0, help_text="What we promised to buy.")
    allowance_percent = PercentField(
        default=0, help_text="By how much releases may exceed the limit."
    )
    release_minimum = AmountField(null=True, help_text="The least that one release may come to.")
    release_maximum = AmountField(null=True, help_text="The most that one release may come to.")
    released = AmountField(default=0, editable=False)
    last_release = models.PositiveIntegerField(default=0, editable=False)

    objects = AgreementQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(limit_by="price", limit__isnull=True) | Q(limit__gt=0),
                name="agreement_limit_agrees",
            ),
            models.CheckConstraint(
                condition=Q(commits="releases")
                | Q(commits="limit", limit__isnull=False)
                | Q(commits="minimum", minimum__gt=0),
                name="agreement_commits_something",
            ),
            models.CheckConstraint(
                condition=Q(minimum__gte=0)
                & (Q(limit__isnull=True) | Q(minimum__lte=F("limit")))
                & Q(allowance_percent__gte=0)
                & Q(released__gte=0),
                name="agreement_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(release_minimum__isnull=True)
                | Q(release_maximum__isnull=True)
                | Q(release_minimum__lte=F("release_maximum")),
                name="agreement_release_bounds_agree",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_limit_by_display()} of {self.order}"

    @property
    def committed(self) -> Decimal:
        """What it commits itself before anything is released, net."""
        whole = {self.Commits.MINIMUM: self.minimum, self.Commits.LIMIT: self.limit}
        return whole.get(self.Commits(self.commits)) or ZERO


class DrawDownQuerySet(models.QuerySet["DrawDown"]):
    def visible_to(self, user: Any) -> "DrawDownQuerySet":
        return self.filter(agreement__in=Agreement.objects.visible_to(user))


class DrawDown(models.Model):
    """What one release drew of its blanket order, or gave back, on a day. Only grows.

    `amount` is signed, net, in the order's currency.
    """

    class Cause(models.TextChoices):
        ISSUED = "issued", "Released"
        CHANGED = "changed", "Changed"
        CANCELLED = "cancelled", "Cancelled"
        CLOSED = "closed", "Closed short"
        REOPENED = "reopened", "Reopened"
        BILLED = "billed", "Billed after closing"

    id = models.BigAutoField(primary_key=True)
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="draw_downs")
    release = models.ForeignKey(
        PurchaseOrder, on_delete=models.PROTECT, related_name="draw_downs", db_index=False
    )
    cause = models.CharField(max_length=16, choices=Cause)
    amount = AmountField(help_text="Signed.")
    drawn_on = models.DateField(help_text="The entity's day.")
    recorded_at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    reason = models.TextField(blank=True)

    objects = DrawDownQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(amount=0), name="draw_down_draws"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["release", "id"], name="draw_downs_of_release"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} by {self.release}"
