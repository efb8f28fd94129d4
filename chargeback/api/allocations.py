"""Sharing a month: preview, run, reverse."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from chargeback import services
from chargeback.api.rules import MonthField
from chargeback.models import Allocation, AllocationRule, RuleRevision
from chargeback.models.rules import READERS
from chargeback.services.running import Preview
from core import transitions
from core.api.fields import (
    AmountField,
    AmountText,
    FigureField,
    Id,
    MomentField,
    Reference,
    money,
    plain,
)
from core.api.filtering import choice, created, day, exact, reference
from core.api.serializers import Input, Output, PersonSerializer, ReasonInput
from core.api.views import Resource, Timeline
from core.money import ZERO


class SpendSerializer(Output):
    """What one budget had spent in the month."""

    budget = Id(source="cell_id")
    cost_center = serializers.CharField(source="cell.cost_center.code")
    gl_account = serializers.CharField(source="cell.gl_account.code")
    project = serializers.CharField(source="cell.project.code", allow_null=True, default=None)
    amount = AmountField(currency="allocation.entity.currency")


class AllocationLineSerializer(Output):
    id = Id()
    line_number = serializers.IntegerField()
    statement = Id(source="statement_id")
    cost_center = serializers.CharField(source="cost_center.code")
    units = FigureField(allow_null=True)
    percent = FigureField()
    amount = AmountField(currency="allocation.entity.currency")
    status = serializers.CharField()
    mirrors = Id(source="mirrors_id", allow_null=True)
    replaces = Id(source="replaces_id", allow_null=True)


class AllocationSerializer(Output):
    """One month of one rule, shared; amounts are the entity's currency."""

    id = Id()
    version = serializers.IntegerField()
    number = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=Allocation.Status.choices)
    rule = Id(source="rule_id")
    rule_name = serializers.CharField(source="rule.name")
    revision = serializers.IntegerField(source="revision.revision")
    kind = serializers.ChoiceField(choices=RuleRevision.Kind.choices, source="revision.kind")
    basis = serializers.ChoiceField(choices=RuleRevision.Basis.choices, source="revision.basis")
    month = MonthField()
    posting_date = serializers.DateField()
    currency = serializers.CharField(source="entity.currency")
    total = AmountField(currency="entity.currency")
    requested_by = PersonSerializer(allow_null=True)
    created_at = MomentField()
    posted_at = MomentField(allow_null=True)
    reversed_at = MomentField(allow_null=True)
    refusal = serializers.CharField(help_text="Why it could not be run.")
    spends = SpendSerializer(many=True)
    lines = AllocationLineSerializer(many=True)
    available_actions = serializers.SerializerMethodField()

    def get_available_actions(self, allocation: Allocation) -> list[str]:
        return transitions.available(allocation, self.context["request"].user)


class RunInput(Input):
    rule = Reference(AllocationRule.objects.visible_to, noun="rule", code="name")
    month = MonthField()


class PreviewLineSerializer(Output):
    cost_center = serializers.CharField()
    units = serializers.CharField(allow_null=True)
    percent = serializers.CharField()
    amount = AmountText()


class PreviewCheckSerializer(Output):
    """What a budget that bears something answers."""

    budget = serializers.CharField()
    requested = AmountText()
    available = AmountText()
    verdict = serializers.ChoiceField(choices=["ok", "warn", "refuse"])
    message = serializers.CharField()


class PreviewSerializer(Output):
    revision = serializers.IntegerField(allow_null=True)
    month = serializers.CharField()
    currency = serializers.CharField()
    total = AmountText()
    lines = PreviewLineSerializer(many=True)
    checks = PreviewCheckSerializer(many=True)
    refusals = serializers.ListField(
        child=serializers.CharField(), help_text="Why a run would be refused; empty: it would not."
    )


class AllocationViewSet(Timeline, Resource):
    """Runs of rules. A run is done by the queue a moment after it was asked for."""

    scope = "budgets:write"
    model = Allocation
    output = AllocationSerializer
    related = ("entity", "rule", "revision", "requested_by")
    prefetched = (
        "spends__allocation__entity",
        "spends__cell__cost_center",
        "spends__cell__gl_account",
        "spends__cell__project",
        "lines__cost_center",
        "lines__allocation__entity",
    )
    filters = {
        "number": exact("number"),
        "status": choice("status", Allocation.Status),
        "rule": reference("rule", code="name"),
        "month_from": day("month", "gte"),
        "month_to": day("month", "lte"),
        **created(),
    }
    http_method_names = ["get", "head", "options", "post"]

    @extend_schema(request=RunInput, responses={200: PreviewSerializer})
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """What a run would do now. Nothing is written."""
        said = self.read(RunInput)
        if not request.user.has_role(*READERS):
            raise PermissionDenied("A preview shows the budgets of others.")
        found = services.preview(**said, at=timezone.now())
        return Response(_previewed(found, said["month"], request.user.entity.currency))

    @extend_schema(request=RunInput, responses={201: AllocationSerializer})
    @action(detail=False, methods=["post"])
    def run(self, request: Request) -> Response:
        """Have a month shared. Of one rule and month at most one allocation waits or holds."""
        made = services.request_run(**self.read(RunInput), actor=request.user, at=timezone.now())
        return self.answer(made, 201)

    @extend_schema(request=ReasonInput, responses={200: AllocationSerializer})
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, pk: str) -> Response:
        """Take it back by mirrors; the month may be run again."""
        return self.answer(self.act(services.reverse, "allocation", **self.read(ReasonInput)))


def _previewed(found: Preview, month: Any, currency: str) -> dict[str, Any]:
    plan = found.plan
    return {
        "revision": found.revision.revision if found.revision else None,
        "month": f"{month:%Y-%m}",
        "currency": currency,
        "total": money(plan.total, currency) if plan else money(ZERO, currency),
        "lines": [
            {
                "cost_center": part.bearer.cost_center.code,
                "units": None if part.bearer.units is None else plain(part.bearer.units),
                "percent": plain(part.bearer.percent),
                "amount": money(part.amount, currency),
            }
            for part in (plan.parts if plan else [])
        ],
        "checks": [
            {
                "budget": check.label,
                "requested": money(check.requested, currency),
                "available": money(check.available, currency),
                "verdict": check.verdict,
                "message": check.message,
            }
            for check in found.checks
        ],
        "refusals": found.refusals,
    }
