"""Reports over the API: the same figures as JSON, CSV or XLSX."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
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
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role, User
from budgets.models import CostCenter
from core import text
from core.api.errors import BadRequest
from core.api.fields import AmountText, money, plain
from core.api.filtering import day_of
from core.api.schema import INVALID
from core.api.serializers import Output
from core.api.views import Api, download
from core.money import ZERO
from reports import exports, queries
from reports.segregation import segregation
from reports.segregation_api import SegregationReportSerializer, segregation_body

WHOLE_ENTITY = (
    Role.CONTROLLER,
    Role.AUDITOR,
    Role.ADMINISTRATOR,
    Role.BUYER,
    Role.AP_MANAGER,
)
OVERSIGHT = (Role.CONTROLLER, Role.AUDITOR, Role.ADMINISTRATOR)
FORMATS = {
    "csv": (exports.csv, "text/csv; charset=utf-8"),
    "xlsx": (
        exports.xlsx,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
}
FIGURES = (
    "budget",
    "pre_encumbered",
    "encumbered",
    "received_not_invoiced",
    "spent",
    "available",
)


class FiguresSerializer(Output):
    budget = AmountText()
    pre_encumbered = AmountText()
    encumbered = AmountText()
    received_not_invoiced = AmountText()
    spent = AmountText()
    available = AmountText()


class CommitmentRowSerializer(FiguresSerializer):
    """A dimension that the report is not grouped by is null; "" is what has no project."""

    fiscal_year = serializers.IntegerField()
    cost_center = serializers.CharField(allow_null=True)
    cost_center_name = serializers.CharField(allow_null=True)
    gl_account = serializers.CharField(allow_null=True)
    gl_account_name = serializers.CharField(allow_null=True)
    project = serializers.CharField(allow_null=True)
    project_name = serializers.CharField(allow_null=True)
    period = serializers.IntegerField(allow_null=True)


class CommitmentReportSerializer(Output):
    """What budgets hold; `ties` says whether the totals equal the ledger by another road."""

    report = serializers.CharField()
    as_of = serializers.DateField(allow_null=True, help_text="null: now.")
    currency = serializers.CharField()
    fiscal_year = serializers.IntegerField()
    group_by = serializers.ListField(child=serializers.CharField())
    rows = CommitmentRowSerializer(many=True)
    totals = FiguresSerializer()
    ties = serializers.BooleanField()
    difference = AmountText()


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


class AccrualReportSerializer(Output):
    """Received, not invoiced, line by line."""

    report = serializers.CharField()
    as_of = serializers.DateField(allow_null=True, help_text="null: now.")
    currency = serializers.CharField(help_text="Of base_amount and total.")
    rows = AccrualSerializer(many=True)
    total = AmountText()


@dataclass(frozen=True)
class Question:
    """What was asked for, read from the query."""

    user: User
    since: date | None
    as_of: date | None
    fiscal_year: int
    filters: dict[str, str]
    group_by: list[str]


@dataclass(frozen=True)
class Answer:
    """A report both ways: as data, and as a table to write."""

    body: dict[str, Any]
    table: exports.Table


def commitments(asked: Question) -> Answer:
    entity = asked.user.entity
    report = queries.commitments(
        entity=entity,
        as_of=asked.as_of,
        fiscal_year=asked.fiscal_year,
        group_by=asked.group_by or queries.DEFAULT_GROUPS,
        **asked.filters,
    )
    body = {
        "report": "commitments",
        "as_of": asked.as_of,
        "currency": entity.currency,
        "fiscal_year": report.fiscal_year,
        "group_by": list(report.group_by),
        "rows": [_row(row, entity.currency) for row in report.rows],
        "totals": _figures(report.totals, entity.currency),
        "ties": report.ties,
        "difference": money(report.difference, entity.currency),
    }
    return Answer(body, exports.commitments(report))


def accruals(asked: Question) -> Answer:
    entity = asked.user.entity
    rows = queries.received_not_invoiced(entity=entity, as_of=asked.as_of)
    body = {
        "report": "accruals",
        "as_of": asked.as_of,
        "currency": entity.currency,
        "rows": [
            {
                "order": str(row.order_id),
                "order_number": row.order_number,
                "vendor": row.vendor,
                "line_number": row.line_number,
                "description": row.description,
                "quantity": plain(row.quantity),
                "unit": row.unit,
                "currency": row.currency,
                "amount": money(row.amount, row.currency),
                "base_amount": money(row.base, entity.currency),
            }
            for row in rows
        ],
        "total": money(sum((row.base for row in rows), ZERO), entity.currency),
    }
    return Answer(body, exports.accruals(rows, currency=entity.currency))


def duties_kept_apart(asked: Question) -> Answer:
    if not asked.user.has_role(*OVERSIGHT):
        raise PermissionDenied("This report is for those who oversee the entity.")
    report = segregation(entity=asked.user.entity, since=asked.since, as_of=asked.as_of)
    return Answer(segregation_body(report), exports.duties_kept_apart(report))


def _row(row: Any, currency: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"fiscal_year": row.fiscal_year, "period": row.period}
    for name in ("cost_center", "gl_account", "project"):
        coding = getattr(row, name)
        shown[name] = coding.code if coding else None
        shown[f"{name}_name"] = coding.name if coding else None
    return {**shown, **_figures(row.figures, currency)}


def _figures(figures: Any, currency: str) -> dict[str, str]:
    return {name: money(getattr(figures, name), currency) for name in FIGURES}


# name: (function, filters it takes, whether it knows fiscal years and groups)
REPORTS: dict[str, tuple[Callable[[Question], Answer], tuple[str, ...]]] = {
    "commitments": (
        commitments,
        ("fiscal_year", "group_by", "cost_center", "gl_account", "project"),
    ),
    "accruals": (accruals, ()),
    "segregation-of-duties": (duties_kept_apart, ("since",)),
}


def _parameter(name: str, kind: Any, words: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=words, **more)


class ReportView(Api):
    """Controllers, auditors, buyers and the like see all of their entity; a budget owner one
    own cost centre at a time, by `cost_center`."""

    throttle_scope = "report"

    @extend_schema(
        operation_id="report",
        parameters=[
            OpenApiParameter(
                "name", str, OpenApiParameter.PATH, enum=sorted(REPORTS), description="Which."
            ),
            _parameter("as_of", OpenApiTypes.DATE, "The end of a past day; now by default."),
            _parameter(
                "since", OpenApiTypes.DATE, "The first day of the period, where it has one."
            ),
            _parameter("fiscal_year", int, "By the year in which it starts; this one by default."),
            _parameter("cost_center", str, "A code."),
            _parameter("gl_account", str, "A code."),
            _parameter("project", str, "A code; none: what has no project."),
            _parameter(
                "group_by",
                str,
                "One or more of cost_center, gl_account, project, period, with commas.",
            ),
            _parameter("format", str, "json by default.", enum=["json", *FORMATS]),
        ],
        responses={
            (200, "application/json"): PolymorphicProxySerializer(
                component_name="Report",
                serializers=[
                    CommitmentReportSerializer,
                    AccrualReportSerializer,
                    SegregationReportSerializer,
                ],
                resource_type_field_name=None,
            ),
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, FORMATS["xlsx"][1]): OpenApiTypes.BINARY,
            **INVALID,
        },
    )
    def get(self, request: Request, name: str) -> HttpResponse:
        """The report's figures now, or as they were at the end of any past day."""
        if name not in REPORTS:
            raise NotFound
        function, takes = REPORTS[name]
        wanted = self._format()
        answer = function(self._question(takes))
        if wanted == "json":
            return Response(answer.body)
        write, content_type = FORMATS[wanted]
        return download(write(answer.table), name=f"{name}.{wanted}", content_type=content_type)

    def _format(self) -> str:
        wanted = self.request.query_params.get("format", "json")
        if wanted != "json" and wanted not in FORMATS:
            raise BadRequest("format must be json, csv or xlsx.", "invalid-filter")
        return wanted

    def _question(self, takes: tuple[str, ...]) -> Question:
        query = self.request.query_params
        for each in query:
            if each not in ("as_of", "format", *takes):
                raise BadRequest(f"There is no filter {each[:64]!r} here.", "unknown-filter")
            if text.fault(query[each], multiline=False):
                raise BadRequest(f"{each} holds characters that are not accepted.")
        user = self.request.user
        as_of = self._day("as_of")
        since = self._day("since")
        self._require_sight(user, query.get("cost_center"))
        filters = {
            each: query[each] for each in ("cost_center", "gl_account", "project") if each in query
        }
        groups = [part for each in query.getlist("group_by") for part in each.split(",")]
        year = self._year(query.get("fiscal_year"), as_of or user.entity.day_of(timezone.now()))
        return Question(user, since, as_of, year, filters, groups)

    def _day(self, name: str) -> date | None:
        given = self.request.query_params.get(name)
        try:
            return day_of(given) if given is not None else None
        except ValueError as error:
            raise BadRequest(f"{name} {error}", "invalid-filter") from None

    def _year(self, given: str | None, day: date) -> int:
        if given is None:
            return self.request.user.entity.fiscal_year_of(day)
        if not given.isascii() or not given.isdigit() or len(given) != 4:
            raise BadRequest("fiscal_year must be a year such as 2026.", "invalid-filter")
        return int(given)

    @staticmethod
    def _require_sight(user: User, cost_center: str | None) -> None:
        """What a budget owner may ask for. Raises PermissionDenied, NotFound."""
        if user.has_role(*WHOLE_ENTITY):
            return
        owned = CostCenter.objects.visible_to(user).filter(owner=user)
        if not owned.exists():
            raise PermissionDenied("Reports are for those who answer for budgets.")
        if cost_center is None:
            raise PermissionDenied("Ask for one of your own cost centres by cost_center.")
        if not owned.filter(code=cost_center).exists():
            raise NotFound
