"""Year ends over the API: looked at, run, resumed, undone, and the old year closed."""

from typing import Any, ClassVar

from django.db.models import Count, Q, Sum
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from budgeting.models import YearEnd, YearEndLine
from budgeting.services import year_ends
from core import transitions
from core.api.fields import AmountField, Id, MomentField, WholeInput, money
from core.api.filtering import Filter, choice, created
from core.api.schema import CONFLICT, INVALID
from core.api.serializers import Input, Output, PersonSerializer, ReasonInput
from core.api.views import Resource, Timeline
from core.errors import NotAllowed
from core.money import ZERO

_ACTIONS = ("resume", "reverse", "close", "reopen")
_SEES = (Role.CONTROLLER, Role.AUDITOR, Role.ADMINISTRATOR, Role.BUDGET_OWNER)


class YearEndSerializer(Output):
    """One batch that takes what is open in a fiscal year over into the next one."""

    id = Id()
    version = serializers.IntegerField()
    from_year = serializers.IntegerField(source="from_year.year")
    to_year = serializers.IntegerField(source="to_year.year")
    policy = serializers.ChoiceField(choices=YearEnd.Policy.choices)
    reason = serializers.CharField()
    status = serializers.ChoiceField(choices=YearEnd.Status.choices)
    currency = serializers.CharField(source="entity.currency")
    rolled = serializers.SerializerMethodField(help_text="How many lines went over.")
    refused = serializers.SerializerMethodField(help_text="How many could not.")
    amount = serializers.SerializerMethodField(help_text="What went over.")
    activated = serializers.SerializerMethodField(help_text="What schedules added.")
    budget = serializers.SerializerMethodField(help_text="What travelled along.")
    requested_by = PersonSerializer()
    created_at = MomentField()
    ended_at = MomentField(allow_null=True)
    available_actions = serializers.SerializerMethodField()

    def _sums(self, year_end: YearEnd) -> dict[str, Any]:
        return self.context["sums"].get(year_end.pk, {})

    def get_rolled(self, year_end: YearEnd) -> int:
        return int(self._sums(year_end).get("rolled", 0))

    def get_refused(self, year_end: YearEnd) -> int:
        return int(self._sums(year_end).get("refused", 0))

    def _money(self, year_end: YearEnd, name: str) -> str:
        return money(self._sums(year_end).get(name) or ZERO, year_end.entity.currency)

    def get_amount(self, year_end: YearEnd) -> str:
        return self._money(year_end, "total")

    def get_activated(self, year_end: YearEnd) -> str:
        return self._money(year_end, "added")

    def get_budget(self, year_end: YearEnd) -> str:
        return self._money(year_end, "travelled")

    def get_available_actions(self, year_end: YearEnd) -> list[str]:
        found = transitions.available(year_end, self.context["request"].user)
        return [name for name in _ACTIONS if name in found]


class YearEndPreviewLineSerializer(Output):
    """What a year end would do to one line. Amounts are in the entity's currency."""

    document_type = serializers.CharField(source="commitment.document_type")
    document_number = serializers.CharField(source="commitment.document_number")
    line_number = serializers.IntegerField(source="commitment.line_number")
    stage = serializers.CharField(source="commitment.stage")
    budget = serializers.CharField(source="commitment.cell.__str__")
    amount = serializers.SerializerMethodField()
    activated = serializers.SerializerMethodField()
    available = serializers.SerializerMethodField(help_text="Of the new budget.")
    is_short = serializers.BooleanField()

    def get_amount(self, line: Any) -> str:
        return money(line.amount, self.context["base"])

    def get_activated(self, line: Any) -> str:
        return money(line.activated, self.context["base"])

    def get_available(self, line: Any) -> str:
        return money(line.available, self.context["base"])


class YearEndLineSerializer(Output):
    id = Id()
    document_type = serializers.CharField(source="commitment.document_type")
    document_number = serializers.CharField(source="commitment.document_number")
    line_number = serializers.IntegerField(source="commitment.line_number")
    stage = serializers.CharField()
    amount = AmountField(currency="year_end.entity.currency")
    activated = AmountField(currency="year_end.entity.currency")
    budget = AmountField(currency="year_end.entity.currency")
    state = serializers.ChoiceField(choices=YearEndLine.State.choices)
    note = serializers.CharField()


class YearEndInput(Input):
    fiscal_year = WholeInput(min_value=1900, max_value=9998)
    policy = serializers.ChoiceField(choices=YearEnd.Policy.choices)
    reason = serializers.CharField(max_length=2000, trim_whitespace=False)


class PreviewInput(Input):
    fiscal_year = WholeInput(min_value=1900, max_value=9998)
    policy = serializers.ChoiceField(
        choices=YearEnd.Policy.choices, required=False, default=YearEnd.Policy.WITH_BUDGET
    )


class YearEndViewSet(Timeline, Resource):
    """Year ends; run by the worker, one batch each."""

    scope = "budgets:write"
    model = YearEnd
    output = YearEndSerializer
    related = ("entity", "from_year", "to_year", "requested_by")
    filters: ClassVar[dict[str, Filter]] = {
        "status": choice("status", YearEnd.Status),
        "policy": choice("policy", YearEnd.Policy),
        **created(),
    }
    http_method_names = ["get", "head", "options", "post"]

    def facts(self, rows: list[Any]) -> dict[str, Any]:
        lines = YearEndLine.objects.filter(year_end__in=rows).order_by().values("year_end")
        rolled = Q(state=YearEndLine.State.ROLLED)
        sums = lines.annotate(
            rolled=Count("pk", filter=rolled),
            refused=Count("pk", filter=~rolled),
            total=Sum("amount", filter=rolled),
            added=Sum("activated", filter=rolled),
            travelled=Sum("budget", filter=rolled),
        )
        return {"sums": {row["year_end"]: row for row in sums}}

    @extend_schema(request=YearEndInput, responses={201: YearEndSerializer, **CONFLICT})
    def create(self, request: Request) -> Response:
        """Let the worker take over what is open in a fiscal year that has ended."""
        said = self.read(YearEndInput)
        made = year_ends.request(
            entity=request.user.entity, actor=request.user, at=timezone.now(), **said
        )
        return self.answer(made, 201)

    @extend_schema(
        parameters=[
            OpenApiParameter("fiscal_year", int, required=True),
            OpenApiParameter("policy", str, enum=list(YearEnd.Policy.values)),
        ],
        responses={200: YearEndPreviewLineSerializer(many=True), **CONFLICT, **INVALID},
        filters=False,
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def preview(self, request: Request) -> Response:
        """What would go over, line by line; nothing is written."""
        if not request.user.has_role(*_SEES):
            raise NotAllowed("Only who answers for budgets sees what a year end would do.")
        said = PreviewInput(data=request.query_params, context=self.get_context())
        said.is_valid(raise_exception=True)
        entity = request.user.entity
        lines = year_ends.preview(entity=entity, **said.validated_data)
        context = {**self.get_context(), "base": entity.currency}
        return Response(YearEndPreviewLineSerializer(lines, many=True, context=context).data)

    @extend_schema(responses={200: YearEndLineSerializer(many=True)}, filters=False)
    @action(detail=True, methods=["get"])
    def lines(self, request: Request, pk: str) -> Response:
        """What became of each commitment; refused ones say why."""
        self.orderings, self.default_ordering = {"created_at": "id"}, "created_at"
        rows = self.get_object().lines.select_related("commitment", "year_end__entity")
        page = self.paginator.paginate_queryset(rows, self.request, view=self)
        context = self.get_context()
        return self.get_paginated_response(
            YearEndLineSerializer(page, many=True, context=context).data
        )

    @extend_schema(request=ReasonInput, responses={200: YearEndSerializer, **CONFLICT})
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Try again what was refused, after budgets were set."""
        return self._done(year_ends.resume)

    @extend_schema(request=ReasonInput, responses={200: YearEndSerializer, **CONFLICT})
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, pk: str) -> Response:
        """Undo the whole batch by the exact mirror of its entries."""
        return self._done(year_ends.reverse)

    @extend_schema(request=ReasonInput, responses={200: YearEndSerializer, **CONFLICT})
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Close the old fiscal year: it takes no entries from now on."""
        return self._done(year_ends.close)

    @extend_schema(request=ReasonInput, responses={200: YearEndSerializer, **CONFLICT})
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Open the closed fiscal year again."""
        return self._done(year_ends.reopen)

    def _done(self, service: Any) -> Response:
        return self.answer(self.act(service, "year_end", **self.read(ReasonInput)))
