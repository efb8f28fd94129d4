"""Variance, forecast, burn-down and aging as the API shows them."""

from rest_framework import serializers

from core.api.fields import AmountText
from core.api.serializers import Output


class HeadSerializer(Output):
    report = serializers.CharField()
    as_of = serializers.DateField(allow_null=True, help_text="null: now.")
    recorded_at = serializers.DateField(
        allow_null=True, help_text="The books of this day; null: all that was ever written down."
    )
    currency = serializers.CharField()


class GroupedReportSerializer(HeadSerializer):
    """Of one fiscal year, by dimensions, tied to the ledger."""

    fiscal_year = serializers.IntegerField()
    group_by = serializers.ListField(child=serializers.CharField())
    ties = serializers.BooleanField()
    difference = AmountText()


class CodingsSerializer(Output):
    """A dimension that the report is not grouped by is null; "" is what has no project."""

    cost_center = serializers.CharField(allow_null=True)
    cost_center_name = serializers.CharField(allow_null=True)
    gl_account = serializers.CharField(allow_null=True)
    gl_account_name = serializers.CharField(allow_null=True)
    project = serializers.CharField(allow_null=True)
    project_name = serializers.CharField(allow_null=True)


class DimensionsSerializer(CodingsSerializer):
    kind = serializers.CharField(allow_null=True, help_text="opex or capex.")


class AheadSerializer(Output):
    """forecast = spent + on_order + reserved + forward + run_rate."""

    spent = AmountText(help_text="In the present month so far; in a year, all of it so far.")
    on_order = AmountText()
    reserved = AmountText(help_text="Approved requests that are not ordered yet.")
    forward = AmountText(help_text="Ordered already, paid by a later fiscal year.")
    run_rate = AmountText(help_text="What is usual beyond what is committed.")
    forecast = AmountText()


METHODS = ("seasonal", "average", "commitments_only", "mixed")


class VarianceFiguresSerializer(Output):
    """forecast = spent + on_order + reserved + forward + run_rate of the rest of the year;
    variance = budget − forecast."""

    budget = AmountText()
    pre_encumbered = AmountText()
    encumbered = AmountText()
    spent = AmountText()
    on_order = AmountText()
    reserved = AmountText()
    forward = AmountText()
    run_rate = AmountText()
    forecast = AmountText()
    variance = AmountText()
    variance_percent = AmountText(allow_null=True, help_text="Of the budget; null without one.")


class VarianceRowSerializer(DimensionsSerializer, VarianceFiguresSerializer):
    method = serializers.ChoiceField(choices=METHODS)


class VarianceReportSerializer(GroupedReportSerializer):
    """Budget, committed, actual, forecast, and what that leaves."""

    rows = VarianceRowSerializer(many=True)
    totals = VarianceFiguresSerializer()


class ForecastMonthSerializer(AheadSerializer):
    month = serializers.CharField(help_text="Such as 2026-03.")


class ForecastYearSerializer(AheadSerializer):
    fiscal_year = serializers.IntegerField()
    budget = AmountText()
    variance = AmountText()


class ForecastRowSerializer(DimensionsSerializer, AheadSerializer):
    method = serializers.ChoiceField(choices=METHODS)


class ForecastReportSerializer(GroupedReportSerializer):
    """The rolling twelve months by month and by row, and three fiscal years."""

    months = ForecastMonthSerializer(many=True)
    years = ForecastYearSerializer(many=True)
    rows = ForecastRowSerializer(many=True)
    totals = AheadSerializer()
    method = serializers.ChoiceField(choices=METHODS)


class OrderReferenceSerializer(Output):
    id = serializers.CharField()
    number = serializers.CharField()


class BurnDownPointSerializer(Output):
    """Balances of budgets at the end of a day; or, for one order, `committed`, `spent` of the day
    and what is `left`."""

    day = serializers.DateField()
    budget = AmountText(required=False)
    pre_encumbered = AmountText(required=False)
    encumbered = AmountText(required=False)
    spent = AmountText()
    available = AmountText(required=False)
    committed = AmountText(required=False)
    left = AmountText(required=False)


class BurnDownReportSerializer(HeadSerializer):
    """How budgets, or one order, were used up, tied to what they hold."""

    fiscal_year = serializers.IntegerField(allow_null=True)
    order = OrderReferenceSerializer(allow_null=True)
    ties = serializers.BooleanField()
    difference = AmountText()
    rows = BurnDownPointSerializer(many=True)


class OpenOrderSerializer(Output):
    order = serializers.CharField(help_text="Its id.")
    order_number = serializers.CharField()
    title = serializers.CharField()
    vendor = serializers.CharField()
    buyer = serializers.CharField()
    issued_on = serializers.DateField()
    age = serializers.IntegerField(help_text="Days since it was issued.")
    late = serializers.IntegerField(help_text="Days since something that has not come was needed.")
    bucket = serializers.CharField()
    held = AmountText(help_text="What it has committed and not used, base currency.")


class BucketSerializer(Output):
    bucket = serializers.CharField(help_text="Days.")
    count = serializers.IntegerField()
    held = AmountText()


class AgingReportSerializer(HeadSerializer):
    """Open orders, oldest first."""

    rows = OpenOrderSerializer(many=True)
    buckets = BucketSerializer(many=True)
    median_age = AmountText(allow_null=True, help_text="Days.")
    over_30_days = serializers.IntegerField()
    total = AmountText()
    ties = serializers.BooleanField()
    difference = AmountText()
