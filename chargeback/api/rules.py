"""Rules of allocation and the consumption that they share by."""

from datetime import date
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from budgets.models import CostCenter, GLAccount, Project
from chargeback import intake, services
from chargeback.inputs import RuleInput, ShareInput, UnitsInput
from chargeback.models import AllocationRule, RuleRevision
from chargeback.models.rules import MAKERS
from core.api.fields import DecimalInput, FigureField, Id, MomentField, Reference
from core.api.filtering import created, exact
from core.api.parsing import UploadParser
from core.api.serializers import Input, Output, PersonSerializer
from core.api.views import Resource, Timeline

_CODING: dict[str, Any] = {"required": False, "allow_null": True, "default": None}


@extend_schema_field({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$", "examples": ["2026-03"]})
class MonthField(serializers.Field):
    """A month such as 2026-03, in and out; inside it is the month's first day."""

    default_error_messages = {"invalid": "Send a month such as “2026-03”."}

    def to_internal_value(self, data: Any) -> date:
        month = intake.month_of(data) if isinstance(data, str) else None
        if month is None:
            self.fail("invalid")
        assert month is not None
        return month

    def to_representation(self, value: date) -> str:
        return f"{value:%Y-%m}"


class ShareSerializer(Output):
    cost_center = serializers.CharField(source="cost_center.code")
    percent = FigureField()


class RevisionSerializer(Output):
    """What a rule says; the newest that has begun holds for a month."""

    revision = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=RuleRevision.Kind.choices)
    basis = serializers.ChoiceField(choices=RuleRevision.Basis.choices)
    cost_center = serializers.CharField(source="cost_center.code", allow_null=True, default=None)
    gl_account = serializers.CharField(source="gl_account.code", allow_null=True, default=None)
    project = serializers.CharField(source="project.code", allow_null=True, default=None)
    unit = serializers.CharField()
    service_owner = PersonSerializer()
    valid_from = serializers.DateField()
    valid_to = serializers.DateField(allow_null=True)
    shares = ShareSerializer(many=True)
    reason = serializers.CharField()
    made_by = PersonSerializer(allow_null=True)
    made_at = MomentField()


class AllocationRuleSerializer(Output):
    id = Id()
    version = serializers.IntegerField()
    name = serializers.CharField()
    revisions = RevisionSerializer(many=True, help_text="Oldest first.")
    created_at = MomentField()
    available_actions = serializers.SerializerMethodField()

    def get_available_actions(self, rule: AllocationRule) -> list[str]:
        user = self.context["request"].user
        if user.has_role(*MAKERS):
            return ["consumption", "edit", "import", "preview", "run"]
        newest = max(rule.revisions.all(), key=lambda each: each.revision)
        return ["consumption", "import"] if newest.service_owner_id == user.pk else []


class ShareInputSerializer(Input):
    cost_center = Reference(CostCenter.objects.visible_to, noun="cost centre")
    percent = DecimalInput(scale=6)


class AllocationRuleRevisionInput(Input):
    kind = serializers.ChoiceField(choices=RuleRevision.Kind.choices)
    basis = serializers.ChoiceField(choices=RuleRevision.Basis.choices)
    cost_center = Reference(CostCenter.objects.visible_to, noun="cost centre", **_CODING)
    gl_account = Reference(GLAccount.objects.visible_to, noun="GL account", **_CODING)
    project = Reference(Project.objects.visible_to, noun="project", **_CODING)
    unit = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    service_owner = Reference(User.objects.visible_to, noun="person", code="email")
    valid_from = serializers.DateField()
    valid_to = serializers.DateField(**_CODING)
    shares = ShareInputSerializer(many=True, required=False, default=list)


class AllocationRuleInput(AllocationRuleRevisionInput):
    name = serializers.CharField(max_length=120)


class AllocationRuleChangeInput(AllocationRuleRevisionInput):
    reason = serializers.CharField(max_length=2000)


class UnitsInputSerializer(Input):
    month = MonthField()
    cost_center = Reference(CostCenter.objects.visible_to, noun="cost centre")
    units = DecimalInput(scale=6)


class ConsumptionInput(Input):
    rows = UnitsInputSerializer(many=True)


class ConsumptionReportSerializer(Output):
    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()


class ConsumptionUpload(Input):
    file = serializers.FileField(help_text="CSV with month, cost_center, units; up to 2 MB.")


class AllocationRuleViewSet(Timeline, Resource):
    """By which rules shared costs are borne. A change adds a revision; nothing is edited."""

    scope = "budgets:write"
    model = AllocationRule
    output = AllocationRuleSerializer
    prefetched = (
        "revisions__shares__cost_center",
        "revisions__service_owner",
        "revisions__made_by",
        "revisions__cost_center",
        "revisions__gl_account",
        "revisions__project",
    )
    filters = {"name": exact("name"), **created()}
    search_fields = ("name",)
    orderings = {"name": "name", "created_at": "id"}
    default_ordering = "name"

    @extend_schema(request=AllocationRuleInput, responses={201: AllocationRuleSerializer})
    def create(self, request: Request) -> Response:
        """A rule with its first revision."""
        said = self.read(AllocationRuleInput)
        name = said.pop("name")
        user = request.user
        rule = services.create_rule(
            entity=user.entity, name=name, data=_said(said), actor=user, at=timezone.now()
        )
        return self.answer(rule, 201)

    @extend_schema(request=AllocationRuleChangeInput, responses={200: AllocationRuleSerializer})
    def partial_update(self, request: Request, pk: str) -> Response:
        """A further revision, said in full; what was shared keeps the one it was shared by."""
        said = self.read(AllocationRuleChangeInput)
        reason = said.pop("reason")
        return self.answer(self.act(services.revise_rule, "rule", data=_said(said), reason=reason))

    @extend_schema(request=ConsumptionInput, responses={200: ConsumptionReportSerializer})
    @action(detail=True, methods=["post"])
    def consumption(self, request: Request, pk: str) -> Response:
        """Take in who used how much. The same rows again change nothing."""
        rows = [UnitsInput(**row) for row in self.read(ConsumptionInput)["rows"]]
        return self._taken(rows)

    @extend_schema(
        request={"multipart/form-data": ConsumptionUpload},
        responses={200: ConsumptionReportSerializer},
    )
    @action(detail=True, methods=["post"], url_path="import", parser_classes=[UploadParser])
    def import_file(self, request: Request, pk: str) -> Response:
        """The same from a CSV file; nothing is taken in while a row is wrong."""
        file = self.read(ConsumptionUpload)["file"]
        data = file.read(intake.MAX_BYTES + 1)
        return self._taken(intake.read(entity=request.user.entity, data=data))

    def _taken(self, rows: list[UnitsInput]) -> Response:
        report = self.act(services.import_consumption, "rule", rows=rows)
        return Response(ConsumptionReportSerializer(report).data)


def _said(said: dict[str, Any]) -> RuleInput:
    return RuleInput(**{**said, "shares": [ShareInput(**each) for each in said["shares"]]})
