"""Coding, fiscal years, budgets and the commitment ledger over the API."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Control
from budgets import ledger, services
from budgets.models import (
    BudgetCell,
    CostCenter,
    FiscalYear,
    GLAccount,
    LedgerEntry,
    Project,
    Stage,
)
from budgets.models.alerts import default_levels
from budgets.models.cells import SEE_BUDGETS
from core.api.fields import (
    AmountField,
    DecimalInput,
    FigureField,
    Id,
    MomentField,
    Reference,
    WholeInput,
)
from core.api.filtering import Filter, choice, day, exact, flag, moment, reference, whole
from core.api.serializers import Input, Output, PersonSerializer, own_type, public_type
from core.api.views import Resource

_CODED = {"code": "code", "name": "name", "created_at": "id"}
_READING = ["get", "head", "options"]


class CodingSerializer(Output):
    id = Id()
    code = serializers.CharField()
    name = serializers.CharField()
    active = serializers.BooleanField(source="is_active")


class CostCenterSerializer(CodingSerializer):
    owner = PersonSerializer(allow_null=True)


class GLAccountSerializer(CodingSerializer):
    kind = serializers.ChoiceField(choices=GLAccount.Kind.choices)
    reserves_at = serializers.ChoiceField(
        choices=GLAccount.ReservesAt.choices, help_text="From when on it takes from its budget."
    )


class ProjectSerializer(CodingSerializer):
    pass


class CodingViewSet(Resource):
    """What a cost is booked to."""

    filters = {"code": exact("code"), "active": flag("is_active")}
    search_fields = ("code", "name")
    orderings = _CODED
    default_ordering = "code"
    http_method_names = _READING


class CostCenterViewSet(CodingViewSet):
    """Cost centres and who owns them."""

    model = CostCenter
    output = CostCenterSerializer
    related = ("owner",)


class GLAccountViewSet(CodingViewSet):
    """Accounts of the general ledger."""

    model = GLAccount
    output = GLAccountSerializer


class ProjectViewSet(CodingViewSet):
    """Projects that costs may be booked to."""

    model = Project
    output = ProjectSerializer


class FiscalYearSerializer(Output):
    id = Id()
    year = serializers.IntegerField()
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    is_open = serializers.BooleanField()


class FiscalYearViewSet(Resource):
    """Fiscal years, named by the calendar year in which they start."""

    model = FiscalYear
    output = FiscalYearSerializer
    filters = {"year": whole("year"), "is_open": flag("is_open")}
    orderings = {"year": "year"}
    default_ordering = "year"
    http_method_names = _READING

    def visible(self) -> QuerySet[FiscalYear]:
        return FiscalYear.objects.filter(entity_id=self.request.user.entity_id)

    def addressed(self) -> Any:
        return numeric_id(self.kwargs["pk"])


def numeric_id(text: str) -> int:
    """The id of a record that is numbered; 0, which none has, when the text is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


class BudgetSerializer(Output):
    """A budget cell with its balances, in the entity's currency."""

    id = Id()
    fiscal_year = serializers.IntegerField(source="fiscal_year.year")
    period = serializers.IntegerField(
        allow_null=True, help_text="First month of the fiscal year; null: the whole year."
    )
    months = serializers.IntegerField(help_text="1, 3 or 12.")
    is_cumulative = serializers.BooleanField(
        help_text="What earlier periods of the year left may be used."
    )
    cost_center = serializers.CharField(source="cost_center.code")
    gl_account = serializers.CharField(source="gl_account.code")
    project = serializers.CharField(source="project.code", allow_null=True, default=None)
    currency = serializers.CharField(source="entity.currency")
    control = serializers.ChoiceField(choices=Control.choices)
    amount = AmountField(currency="entity.currency")
    overdraft = AmountField(currency="entity.currency")
    pre_encumbered = AmountField(currency="entity.currency")
    encumbered = AmountField(currency="entity.currency")
    spent = AmountField(currency="entity.currency")
    available = AmountField(currency="entity.currency")
    warn_levels = serializers.SerializerMethodField(
        help_text="Percentages of the amount at which its owner is warned."
    )

    def get_warn_levels(self, cell: BudgetCell) -> list[int]:
        watch = getattr(cell, "watch", None)
        return default_levels() if watch is None else watch.levels


class LevelsInput(Input):
    levels = serializers.ListField(
        child=WholeInput(), help_text="At most six, from 1 to 200; none is allowed."
    )


class BudgetInput(Input):
    fiscal_year = WholeInput(min_value=1900, max_value=2999)
    period = WholeInput(min_value=1, max_value=12, required=False, allow_null=True, default=None)
    months = serializers.ChoiceField(
        choices=[1, 3, 12],
        required=False,
        allow_null=True,
        default=None,
        help_text="Without it 1 with a period, else 12.",
    )
    is_cumulative = serializers.BooleanField(required=False, allow_null=True, default=None)
    cost_center = Reference(CostCenter.objects.visible_to, noun="cost centre")
    gl_account = Reference(GLAccount.objects.visible_to, noun="GL account")
    project = Reference(
        Project.objects.visible_to, noun="project", required=False, allow_null=True, default=None
    )
    amount = DecimalInput(scale=4)
    control = serializers.ChoiceField(
        choices=Control.choices, required=False, default=Control.STOP.value
    )
    reason = serializers.CharField(max_length=2000)


class BudgetViewSet(Resource):
    """Budgets of the caller's entity. `POST` sets a cell's amount and control, with a reason."""

    scope = "budgets:write"
    model = BudgetCell
    output = BudgetSerializer
    related = ("entity", "fiscal_year", "cost_center", "gl_account", "project", "watch")
    filters = {
        "fiscal_year": whole("fiscal_year__year"),
        "period": whole("period"),
        "months": whole("months"),
        "cost_center": reference("cost_center", code="code"),
        "gl_account": reference("gl_account", code="code"),
        "project": reference("project", code="code"),
        "control": choice("control", Control),
    }
    http_method_names = ["get", "head", "options", "post"]

    def addressed(self) -> Any:
        return numeric_id(self.kwargs["pk"])

    @extend_schema(request=BudgetInput, responses={201: BudgetSerializer})
    def create(self, request: Request) -> Response:
        """Set the amount of a cell; its balances stay. Refused below what is committed (stop)."""
        cell = ledger.set_budget(
            entity=request.user.entity,
            actor=request.user,
            at=timezone.now(),
            **self.read(BudgetInput),
        )
        return self.answer(cell, 201)

    @extend_schema(request=LevelsInput, responses={200: BudgetSerializer})
    @action(detail=True, methods=["post"], url_path="set-levels")
    def set_levels(self, request: Request, pk: str) -> Response:
        """Say at which percentages it warns: its owner or a controller. The burn rate always
        does."""
        levels = self.read(LevelsInput)["levels"]
        watch = self.act(services.set_levels, "cell", levels=levels)
        return self.answer(watch.cell)


class EntryDocumentSerializer(Output):
    type = serializers.CharField(source="document_type")
    id = Id(source="document_id")
    number = serializers.CharField(source="document_number")
    line = serializers.IntegerField(source="line_number")


class LedgerEntrySerializer(Output):
    """One immutable line of the commitment ledger."""

    id = Id()
    at = MomentField(source="recorded_at")
    posting_date = serializers.DateField()
    stage = serializers.ChoiceField(choices=Stage.choices)
    amount = AmountField(currency="entity.currency")
    document_amount = AmountField()
    currency = serializers.CharField(help_text="Of document_amount.")
    rate = FigureField()
    quantity = FigureField()
    budget = Id(source="cell_id")
    cost_center = serializers.CharField(source="cell.cost_center.code")
    gl_account = serializers.CharField(source="cell.gl_account.code")
    project = serializers.CharField(source="cell.project.code", allow_null=True, default=None)
    document = EntryDocumentSerializer(source="*")
    event = serializers.SerializerMethodField(help_text="Such as purchase_order.issued.")
    reason = serializers.CharField()
    actor = PersonSerializer(allow_null=True)
    reverses = Id(source="reverses_id", allow_null=True)

    def get_event(self, entry: LedgerEntry) -> str:
        return public_type(entry.event)


_PROJECT = reference("cell__project", code="code")


class LedgerEntryViewSet(Resource):
    """The commitment ledger of the caller's entity, for those who see its budgets. The filters are
    those of reports, so that what a figure is made of can be asked for."""

    model = LedgerEntry
    output = LedgerEntrySerializer
    related = ("entity", "actor", "cell__cost_center", "cell__gl_account", "cell__project")
    orderings = {"at": "id"}
    default_ordering = "-at"
    filters = {
        "stage": choice("stage", Stage),
        "event": Filter(lambda value: Q(event=own_type(value)), {"type": "string"}),
        "document_id": reference("document_id"),
        "document_type": exact("document_type"),
        "document_number": exact("document_number"),
        "fiscal_year": whole("cell__fiscal_year__year"),
        "cost_center": reference("cell__cost_center", code="code"),
        "gl_account": reference("cell__gl_account", code="code"),
        "project": Filter(
            lambda value: Q(cell__project=None) if value == "none" else _PROJECT.condition(value),
            _PROJECT.schema,
            "An id, or a code; none: what has no project.",
        ),
        "kind": choice("cell__gl_account__kind", GLAccount.Kind),
        "budget": whole("cell"),
        "posted_from": day("posting_date", "gte"),
        "posted_to": day("posting_date", "lte"),
        "recorded_before": moment("recorded_at", "lt"),
    }
    http_method_names = _READING

    def visible(self) -> QuerySet[LedgerEntry]:
        user = self.request.user
        own = LedgerEntry.objects.filter(entity_id=user.entity_id)
        if user.has_role(*SEE_BUDGETS):
            return own
        return own.filter(cell__cost_center__owner=user)

    def addressed(self) -> Any:
        return numeric_id(self.kwargs["pk"])
