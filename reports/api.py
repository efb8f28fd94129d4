"""Reports over the API: the same figures as JSON, CSV or XLSX."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework import serializers
from rest_framework.exceptions import NotFound, Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.errors import BadRequest
from core.api.fields import AmountText
from core.api.schema import INVALID
from core.api.serializers import Output
from core.api.views import Api, download
from reports import planning_api, registry
from reports.approval_api import BottlenecksSerializer, EmergencyReviewSerializer
from reports.exporting import FILES, ExportRunning, one_at_a_time
from reports.segregation_api import SegregationReportSerializer


class FiguresSerializer(Output):
    budget = AmountText()
    pre_encumbered = AmountText()
    encumbered = AmountText()
    received_not_invoiced = AmountText()
    spent = AmountText()
    available = AmountText()


class CommitmentRowSerializer(planning_api.CodingsSerializer, FiguresSerializer):
    """A dimension that the report is not grouped by is null; "" is what has no project."""

    fiscal_year = serializers.IntegerField()
    period = serializers.IntegerField(
        allow_null=True,
        help_text="A month of the fiscal year; 13: what was booked once the year was over.",
    )


class CommitmentReportSerializer(planning_api.GroupedReportSerializer):
    """What budgets hold; `ties` says whether the totals equal the ledger by another road."""

    rows = CommitmentRowSerializer(many=True)
    totals = FiguresSerializer()


class AccrualSerializer(Output):
    order = serializers.CharField(help_text="Its id.")
    order_number = serializers.CharField()
    vendor = serializers.CharField()
    line_number = serializers.IntegerField()
    description = serializers.CharField()
    quantity = AmountText()
    unit = serializers.CharField()
    currency = serializers.CharField()
    amount = AmountText()
    base_amount = AmountText()


class AccrualReportSerializer(planning_api.HeadSerializer):
    """Received, not invoiced, line by line; `total` and `base_amount` in `currency`."""

    rows = AccrualSerializer(many=True)
    total = AmountText()
    ties = serializers.BooleanField(
        allow_null=True, help_text="With the stored sums of budgets; null with recorded_at."
    )
    difference = AmountText(allow_null=True)


def _parameter(name: str, kind: Any, words: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=words, **more)


class ReportView(Api):
    """Controllers, auditors, budget owners, buyers and the like see all of their entity; who only
    owns a cost centre sees one own at a time, by `cost_center`."""

    throttle_scope = "report"

    @extend_schema(
        operation_id="report",
        parameters=[
            OpenApiParameter(
                "name",
                str,
                OpenApiParameter.PATH,
                enum=sorted(registry.REPORTS),
                description="Which.",
            ),
            _parameter("as_of", OpenApiTypes.DATE, "The end of a past day; now by default."),
            _parameter(
                "recorded_at",
                OpenApiTypes.DATE,
                "The books of this day: nothing that was written down later.",
            ),
            _parameter(
                "since", OpenApiTypes.DATE, "The first day of the period, where it has one."
            ),
            _parameter("fiscal_year", int, "By the year in which it starts; this one by default."),
            _parameter("cost_center", str, "A code."),
            _parameter("gl_account", str, "A code."),
            _parameter("project", str, "A code; none: what has no project."),
            _parameter("kind", str, "Of GL accounts.", enum=["opex", "capex"]),
            _parameter("order", str, "The id or number of an order: its burn-down."),
            _parameter(
                "group_by",
                str,
                "One or more of cost_center, gl_account, project, period (kind instead of it in "
                "budget-variance and forecast), with commas.",
            ),
            _parameter("format", str, "json by default.", enum=["json", *FILES]),
        ],
        responses={
            (200, "application/json"): PolymorphicProxySerializer(
                component_name="Report",
                serializers=[
                    CommitmentReportSerializer,
                    AccrualReportSerializer,
                    planning_api.VarianceReportSerializer,
                    planning_api.ForecastReportSerializer,
                    planning_api.BurnDownReportSerializer,
                    planning_api.AgingReportSerializer,
                    SegregationReportSerializer,
                    EmergencyReviewSerializer,
                    BottlenecksSerializer,
                ],
                resource_type_field_name=None,
            ),
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, FILES["xlsx"][1]): OpenApiTypes.BINARY,
            **INVALID,
        },
    )
    def get(self, request: Request, name: str) -> HttpResponse:
        """The report's figures now, or as they were at the end of any past day.

        One file at a time for each person: a second one gets 429 with Retry-After.
        """
        if name not in registry.REPORTS:
            raise NotFound
        wanted = self._format()
        asked = dict(request.query_params.lists())
        asked.pop("format", None)
        now = timezone.now()
        if wanted == "json":
            return Response(registry.answer(name, asked, user=request.user, now=now).body)
        write, content_type = FILES[wanted]
        try:
            with one_at_a_time(request.user):
                data = write(registry.answer(name, asked, user=request.user, now=now).table)
        except ExportRunning as running:
            raise Throttled(running.retry_after, running.detail) from None
        return download(data, name=f"{name}.{wanted}", content_type=content_type)

    def _format(self) -> str:
        wanted = self.request.query_params.get("format", "json")
        if wanted != "json" and wanted not in FILES:
            raise BadRequest("format must be json, csv or xlsx.", "invalid-filter")
        return wanted
