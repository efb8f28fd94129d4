"""Warnings about budgets over the API."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from budgets import services
from budgets.models import BudgetAlert
from core.api.fields import AmountField, Id, MomentField
from core.api.filtering import choice, reference, whole
from core.api.serializers import Output, PersonSerializer
from core.api.views import Resource


class BudgetAlertSerializer(Output):
    """One crossing of a warning level, or a rate that uses a budget up too early."""

    id = Id()
    at = MomentField()
    budget = Id(source="cell_id")
    fiscal_year = serializers.IntegerField(source="cell.fiscal_year.year")
    cost_center = serializers.CharField(source="cell.cost_center.code")
    gl_account = serializers.CharField(source="cell.gl_account.code")
    project = serializers.CharField(source="cell.project.code", allow_null=True, default=None)
    kind = serializers.ChoiceField(choices=BudgetAlert.Kind.choices)
    level = serializers.IntegerField(help_text="Percent of the budget; 0 for the burn rate.")
    crossing = serializers.IntegerField(help_text="1 for the first time, 2 for the second …")
    currency = serializers.CharField(source="entity.currency")
    amount = AmountField(currency="entity.currency", help_text="The budget at that moment.")
    used = AmountField(currency="entity.currency", help_text="Reserved, committed and spent.")
    run_out_on = serializers.DateField(
        allow_null=True, help_text="When nothing is left at the present rate; null: in time."
    )
    ended_at = MomentField(allow_null=True, help_text="Since when it is so no more.")
    acknowledged_at = MomentField(allow_null=True)
    acknowledged_by = PersonSerializer(allow_null=True)


class BudgetAlertViewSet(Resource):
    """Warnings about the budgets that the caller may see, newest first."""

    scope = "budgets:write"
    model = BudgetAlert
    output = BudgetAlertSerializer
    related = (
        "entity",
        "acknowledged_by",
        "cell__fiscal_year",
        "cell__cost_center",
        "cell__gl_account",
        "cell__project",
    )
    orderings: ClassVar[dict[str, str]] = {"at": "id"}
    default_ordering = "-at"
    filters: ClassVar[dict[str, Any]] = {
        "budget": whole("cell"),
        "kind": choice("kind", BudgetAlert.Kind),
        "level": whole("level"),
        "cost_center": reference("cell__cost_center", code="code"),
        "gl_account": reference("cell__gl_account", code="code"),
        "project": reference("cell__project", code="code"),
    }
    http_method_names: ClassVar[list[str]] = ["get", "head", "options", "post"]

    @extend_schema(request=None, responses={200: BudgetAlertSerializer})
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Say that somebody saw it: the budget's owner or a controller. The first stands."""
        return self.answer(self.act(services.acknowledge, "alert"))
