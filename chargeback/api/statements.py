"""Statements: read, as files too, and disputed line by line."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from chargeback import documents, queries, services
from chargeback.api.rules import MonthField
from chargeback.models import RuleRevision, Statement, StatementLine
from core import tables, transitions
from core.api.errors import BadRequest
from core.api.fields import AmountField, DecimalInput, FigureField, Id, MomentField, Reference
from core.api.filtering import created, day, reference
from core.api.serializers import Input, Output, PersonSerializer
from core.api.views import Resource, download
from core.errors import FieldError, Invalid

FILES = {
    "pdf": (lambda view: documents.pdf(view), "application/pdf"),
    "csv": (lambda view: tables.csv(documents.table(view)), "text/csv; charset=utf-8"),
    "xlsx": (lambda view: tables.xlsx(documents.table(view)), documents.XLSX),
}
_CURRENCY = "line.allocation.entity.currency"


class StatementEntrySerializer(Output):
    id = Id()
    posting_date = serializers.DateField()
    budget = Id(source="cell_id")
    cost_center = serializers.CharField(source="cell.cost_center.code")
    gl_account = serializers.CharField(source="cell.gl_account.code")
    amount = AmountField()
    reverses = Id(source="reverses_id", allow_null=True)


class BehindSerializer(Output):
    """A document of the spend that was shared, and what it cost in all."""

    type = serializers.CharField(source="document_type")
    id = Id(source="document_id")
    number = serializers.CharField()
    amount = FigureField(least=2)


class StatementLineSerializer(Output):
    """What one service comes to. `charged` is what the ledger moved."""

    id = Id(source="line.pk")
    service = serializers.CharField(source="line.allocation.rule.name")
    service_owner = PersonSerializer(source="line.allocation.revision.service_owner")
    kind = serializers.ChoiceField(
        choices=RuleRevision.Kind.choices, source="line.allocation.revision.kind"
    )
    basis = serializers.ChoiceField(
        choices=RuleRevision.Basis.choices, source="line.allocation.revision.basis"
    )
    allocation = Id(source="line.allocation_id")
    allocation_number = serializers.CharField(source="line.allocation.number")
    shared = AmountField(source="line.allocation.total", currency=_CURRENCY)
    units = FigureField(source="line.units", allow_null=True)
    unit = serializers.CharField(source="line.allocation.revision.unit")
    percent = FigureField(source="line.percent")
    amount = AmountField(source="line.amount", currency=_CURRENCY)
    charged = AmountField(source="line.moved", currency=_CURRENCY)
    status = serializers.ChoiceField(choices=StatementLine.Status.choices, source="line.status")
    mirrors = Id(source="line.mirrors_id", allow_null=True)
    replaces = Id(source="line.replaces_id", allow_null=True)
    disputed_by = PersonSerializer(source="line.disputed_by", allow_null=True)
    disputed_at = MomentField(source="line.disputed_at", allow_null=True)
    dispute_reason = serializers.CharField(source="line.dispute_reason")
    resolved_by = PersonSerializer(source="line.resolved_by", allow_null=True)
    resolved_at = MomentField(source="line.resolved_at", allow_null=True)
    resolution = serializers.CharField(source="line.resolution")
    entries = StatementEntrySerializer(many=True)
    documents = BehindSerializer(source="behind", many=True)
    available_actions = serializers.SerializerMethodField()

    def get_available_actions(self, view: queries.LineView) -> list[str]:
        found = transitions.available(view.line, self.context["request"].user)
        return [name for name in found if name != "reverse"]


class StatementSerializer(Output):
    """The shared costs of one cost centre in one month, as far as the caller may see them."""

    id = Id(source="statement.pk")
    version = serializers.IntegerField(source="statement.version")
    cost_center = serializers.CharField(source="statement.cost_center.code")
    cost_center_name = serializers.CharField(source="statement.cost_center.name")
    owner = PersonSerializer(source="statement.cost_center.owner", allow_null=True)
    month = MonthField(source="statement.month")
    currency = serializers.CharField(source="statement.entity.currency")
    total = AmountField(currency="statement.entity.currency")
    charged = AmountField(currency="statement.entity.currency")
    lines = StatementLineSerializer(many=True)
    created_at = MomentField(source="statement.created_at")


class DisputeLineInput(Input):
    line = Reference(StatementLine.objects.visible_to, noun="line", code=None)
    reason = serializers.CharField(max_length=2000)


class AnswerLineInput(Input):
    line = Reference(StatementLine.objects.visible_to, noun="line", code=None)
    resolution = serializers.ChoiceField(choices=[("kept", "Kept"), ("corrected", "Corrected")])
    amount = DecimalInput(
        scale=4, required=False, allow_null=True, default=None, help_text="When corrected."
    )
    comment = serializers.CharField(max_length=2000)


class StatementViewSet(Resource):
    """Shared costs by department and month. Owners see their own, service owners their lines."""

    scope = "budgets:write"
    model = Statement
    output = StatementSerializer
    locked_first = False
    filters = {
        "cost_center": reference("cost_center", code="code"),
        "month_from": day("month", "gte"),
        "month_to": day("month", "lte"),
        **created(),
    }
    http_method_names = ["get", "head", "options", "post"]

    def detailed(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return queries.statements(self.request.user).filter(pk__in=rows.order_by().values("pk"))

    def shown(self, rows: list[Any]) -> list[Any]:
        for row in rows:
            for line in queries.lines_of(row):
                line.allocation.entity = row.entity
        return super().shown(queries.views(rows))

    @extend_schema(
        parameters=[
            OpenApiParameter("format", str, enum=["json", *FILES], description="json by default.")
        ],
        responses={
            (200, "application/json"): StatementSerializer,
            **{(200, kind): OpenApiTypes.BINARY for _, kind in FILES.values()},
        },
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """One statement, or the same as a PDF, CSV or XLSX file."""
        wanted = request.query_params.get("format", "json")
        if wanted == "json":
            return super().retrieve(request, pk)
        if wanted not in FILES:
            raise BadRequest("format must be json, pdf, csv or xlsx.", "invalid-filter")
        view = queries.view(self._one(self.get_queryset()))
        write, content_type = FILES[wanted]
        name = documents.file_name(view, wanted)
        return download(write(view), name=name, content_type=content_type)

    @extend_schema(request=DisputeLineInput, responses={200: StatementSerializer})
    @action(detail=True, methods=["post"])
    def dispute(self, request: Request, pk: str) -> Response:
        """Say why a line is wrong; it returns to the owner of the service."""
        said = self.read(DisputeLineInput)
        return self._acted(services.dispute, said["line"], reason=said["reason"])

    @extend_schema(request=AnswerLineInput, responses={200: StatementSerializer})
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: str) -> Response:
        """Keep a disputed line with words, or correct it to another amount."""
        said = self.read(AnswerLineInput)
        if said["resolution"] == "kept":
            return self._acted(services.keep, said["line"], resolution=said["comment"])
        if said["amount"] is None:
            message = "Say what the line shall come to."
            raise Invalid(errors=[FieldError("/amount", "required", message)])
        return self._acted(
            services.correct, said["line"], amount=said["amount"], resolution=said["comment"]
        )

    def _acted(self, service: Any, line: StatementLine, **facts: Any) -> Response:
        if line.statement_id != self.get_object().pk:
            message = "This line is not of this statement."
            raise Invalid(errors=[FieldError("/line", "does_not_exist", message)])

        def call(*, statement: Statement, **more: Any) -> Statement:
            service(line=line, **facts, **more)
            return statement

        return self.answer(self.act(call, "statement"))
