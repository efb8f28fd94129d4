"""Requisitions over the API."""

from dataclasses import replace
from typing import Any, ClassVar

from django.db.models import Prefetch
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.api import RoundSerializer, rounds
from approvals.models import ApprovalStep
from budgets.models import CostCenter, GLAccount, Project
from core.api.fields import (
    AmountField,
    DecimalInput,
    FigureField,
    Id,
    MomentField,
    Reference,
    money,
)
from core.api.filtering import choice, created, day, exact, flag, reference
from core.api.serializers import Input, Nothing, Output, PersonSerializer, ReasonInput, represented
from core.api.views import Resource, Timeline
from core.money import HUNDRED
from requisitions import content, queries, services
from requisitions.inputs import DistributionInput, LineInput, RequisitionInput
from requisitions.models import Requisition, RequisitionDistribution, RequisitionLine
from vendors.models import CatalogItem, ServiceType, Vendor

_TEXT: dict[str, Any] = {"required": False, "allow_blank": True, "default": ""}
_MAYBE: dict[str, Any] = {"required": False, "allow_null": True, "default": None}


class DistributionSerializer(Output):
    id = Id()
    cost_center = serializers.CharField(source="cost_center.code")
    gl_account = serializers.CharField(source="gl_account.code")
    project = serializers.CharField(source="project.code", allow_null=True, default=None)
    percent = FigureField()
    amount = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_amount(self, part: Any) -> str:
        currency = self.context["currencies"][part.line_id]
        return money(part.amount, currency)


class LineSerializer(Output):
    """What the lines of requisitions and orders share."""

    id = Id()
    line_number = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=RequisitionLine.Kind.choices)
    catalog_item = Id(source="catalog_item_id", allow_null=True)
    sku = serializers.CharField()
    description = serializers.CharField()
    quantity = FigureField()
    unit = serializers.CharField(help_text="UN/ECE Recommendation 20 code.")
    unit_price = FigureField(least=2)
    tax_code = serializers.CharField()
    net = serializers.SerializerMethodField()
    need_by = serializers.DateField(allow_null=True)
    basis = serializers.ChoiceField(choices=RequisitionLine.Basis.choices)
    period_from = serializers.DateField(allow_null=True, help_text="Service that it pays for.")
    period_to = serializers.DateField(allow_null=True)
    distributions = DistributionSerializer(many=True)

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_net(self, line: Any) -> str:
        return money(line.net, self.context["currencies"][line.pk])


class RequisitionLineSerializer(LineSerializer):
    vendor = Id(source="vendor_id", allow_null=True, help_text="If not the header's.")
    ordered_quantity = FigureField()


class RiskSerializer(Output):
    personal_data = serializers.BooleanField()
    data_residency = serializers.CharField(help_text="ISO 3166 country, or empty.")
    regulated = serializers.BooleanField()
    third_party_access = serializers.BooleanField()


class ReferencesSerializer(Output):
    """References by kind; empty where none is given."""

    business_case = serializers.CharField(default="")
    dpia = serializers.CharField(default="")
    change_ticket = serializers.CharField(default="")
    incident = serializers.CharField(default="")
    project = serializers.CharField(default="")
    risk_register = serializers.CharField(default="")
    sow = serializers.CharField(default="")


class RequisitionSerializer(Output):
    id = Id()
    version = serializers.IntegerField()
    number = serializers.CharField(allow_null=True, help_text="Taken when first submitted.")
    status = serializers.ChoiceField(choices=Requisition.Status.choices)
    title = serializers.CharField()
    requester = PersonSerializer()
    vendor = Id(source="vendor_id", allow_null=True)
    vendor_code = serializers.CharField(source="vendor.code", allow_null=True, default=None)
    vendor_name = serializers.CharField(source="vendor.name", allow_null=True, default=None)
    currency = serializers.CharField()
    rate = FigureField()
    service_type = serializers.ChoiceField(choices=ServiceType.choices)
    need_by = serializers.DateField(allow_null=True)
    ship_to = serializers.CharField()
    justification = serializers.CharField()
    external_reference = serializers.CharField()
    budget_reason = serializers.CharField()
    emergency = serializers.BooleanField()
    emergency_reason = serializers.CharField()
    risk = RiskSerializer(source="*")
    references = ReferencesSerializer()
    lines = RequisitionLineSerializer(many=True)
    total = AmountField()
    approval = serializers.SerializerMethodField()
    holder = serializers.SerializerMethodField()
    holder_name = serializers.SerializerMethodField(
        help_text="Who has it now: people, a department, or nobody."
    )
    due_at = serializers.SerializerMethodField(
        help_text="When the first of its open approvals is due."
    )
    created_at = MomentField()
    submitted_at = MomentField(allow_null=True)
    approved_at = MomentField(allow_null=True)
    available_actions = serializers.SerializerMethodField()

    @extend_schema_field(RoundSerializer(allow_null=True))
    def get_approval(self, row: Requisition) -> Any:
        found = self.context["rounds"].get(row.pk)
        return represented(RoundSerializer, [found], self.context)[0] if found else None

    @extend_schema_field(PersonSerializer(allow_null=True))
    def get_holder(self, row: Requisition) -> Any:
        people = self.context["holders"][row.pk].people
        return represented(PersonSerializer, [people[0]], self.context)[0] if people else None

    def get_holder_name(self, row: Requisition) -> str:
        return self.context["holders"][row.pk].name

    @extend_schema_field(MomentField(allow_null=True))
    def get_due_at(self, row: Requisition) -> Any:
        due = self.context["holders"][row.pk].due_at
        return MomentField().to_representation(due) if due else None

    def get_available_actions(self, row: Requisition) -> list[str]:
        return queries.available_actions(row, self.context["request"].user)


class DistributionInputSerializer(Input):
    cost_center = Reference(CostCenter.objects.visible_to, noun="cost centre", **_MAYBE)
    gl_account = Reference(GLAccount.objects.visible_to, noun="GL account", **_MAYBE)
    project = Reference(Project.objects.visible_to, noun="project", **_MAYBE)
    percent = DecimalInput(required=False, default=HUNDRED)


class LineInputSerializer(Input):
    """With a catalog item the item's name, vendor, unit, price and tax code count."""

    description = serializers.CharField(**_TEXT)
    quantity = DecimalInput(**_MAYBE)
    unit = serializers.CharField(required=False, default="C62")
    unit_price = DecimalInput(**_MAYBE)
    kind = serializers.ChoiceField(
        choices=RequisitionLine.Kind.choices, required=False, default="goods"
    )
    catalog_item = Reference(
        lambda user: CatalogItem.objects.visible_to(user).select_related("vendor"),
        noun="catalog item",
        code="sku",
        **_MAYBE,
    )
    sku = serializers.CharField(**_TEXT)
    tax_code = serializers.CharField(**_TEXT)
    need_by = serializers.DateField(**_MAYBE)
    basis = serializers.ChoiceField(
        choices=RequisitionLine.Basis.choices, required=False, default="quantity"
    )
    period_from = serializers.DateField(
        help_text="First day of the service it pays for; later fiscal years pay their part.",
        **_MAYBE,
    )
    period_to = serializers.DateField(help_text="Its last day.", **_MAYBE)
    distributions = DistributionInputSerializer(many=True, required=False, default=list)


class RequisitionLineInputSerializer(LineInputSerializer):
    vendor = Reference(Vendor.objects.visible_to, noun="vendor", **_MAYBE)


class RiskInputSerializer(Input):
    personal_data = serializers.BooleanField(required=False)
    data_residency = serializers.CharField(
        required=False, allow_blank=True, help_text="ISO 3166 country."
    )
    regulated = serializers.BooleanField(required=False)
    third_party_access = serializers.BooleanField(required=False)


class ReferencesInputSerializer(Input):
    """References by kind, up to 64 characters; an empty one takes it away."""

    business_case = serializers.CharField(required=False, allow_blank=True)
    dpia = serializers.CharField(required=False, allow_blank=True)
    change_ticket = serializers.CharField(required=False, allow_blank=True)
    incident = serializers.CharField(required=False, allow_blank=True)
    project = serializers.CharField(required=False, allow_blank=True)
    risk_register = serializers.CharField(required=False, allow_blank=True)
    sow = serializers.CharField(required=False, allow_blank=True)


class RequisitionInputSerializer(Input):
    title = serializers.CharField(**_TEXT)
    vendor = Reference(Vendor.objects.visible_to, noun="vendor", **_MAYBE)
    currency = serializers.CharField(
        required=False, max_length=3, help_text="The entity's own by default."
    )
    service_type = serializers.ChoiceField(
        choices=ServiceType.choices, required=False, default="other"
    )
    need_by = serializers.DateField(**_MAYBE)
    ship_to = serializers.CharField(**_TEXT)
    justification = serializers.CharField(**_TEXT)
    external_reference = serializers.CharField(**_TEXT)
    budget_reason = serializers.CharField(**_TEXT)
    emergency = serializers.BooleanField(required=False, default=False)
    emergency_reason = serializers.CharField(**_TEXT)
    risk = RiskInputSerializer(required=False, default=dict)
    references = ReferencesInputSerializer(required=False, default=dict)
    lines = RequisitionLineInputSerializer(many=True, required=False, default=list)


def coded(parts: Any) -> Any:
    """Distributions of a document with the codes that they are shown by."""
    return parts.objects.select_related("cost_center", "gl_account", "project")


def distribution_inputs(said: list[dict[str, Any]]) -> list[DistributionInput]:
    return [DistributionInput(**each) for each in said]


def line_inputs(said: list[dict[str, Any]]) -> list[LineInput]:
    return [
        LineInput(**{**each, "distributions": distribution_inputs(each["distributions"])})
        for each in said
    ]


class RequisitionViewSet(Timeline, Resource):
    """Internal requests to buy."""

    scope = "requisitions:write"
    model = Requisition
    output = RequisitionSerializer
    related = ("requester", "vendor")
    prefetched = (Prefetch("lines__distributions", coded(RequisitionDistribution)),)
    filters: ClassVar[dict[str, Any]] = {
        "number": exact("number"),
        "status": choice("status", Requisition.Status),
        "vendor": reference("vendor", code="code"),
        "requester": reference("requester", code="email"),
        "service_type": choice("service_type", ServiceType),
        "currency": exact("currency"),
        "external_reference": exact("external_reference"),
        "need_by_before": day("need_by", "lte"),
        "emergency": flag("emergency"),
        **created(),
    }
    search_fields = ("number", "title", "vendor__name")
    orderings: ClassVar[dict[str, str]] = {"created_at": "id", "total": "total"}

    def facts(self, rows: list[Requisition]) -> dict[str, Any]:
        latest = rounds(row.pk for row in rows)
        open_steps = {
            pk: [step for step in each.seen_steps if step.status == ApprovalStep.Status.ACTIVE]
            for pk, each in latest.items()
        }
        return {
            "rounds": latest,
            "holders": queries.holders(rows, open_steps=open_steps),
            "currencies": {line.pk: row.currency for row in rows for line in row.lines.all()},
        }

    @extend_schema(request=RequisitionInputSerializer, responses={201: RequisitionSerializer})
    def create(self, request: Request) -> Response:
        """A draft of one's own."""
        said = self.read(RequisitionInputSerializer)
        said.setdefault("currency", request.user.entity.currency)
        said["lines"] = line_inputs(said["lines"])
        data = RequisitionInput(**said.pop("risk"), **said)
        made = services.create(requester=request.user, data=data, at=timezone.now())
        return self.answer(made, 201)

    @extend_schema(request=RequisitionInputSerializer, responses={200: RequisitionSerializer})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a draft; members that are not sent stay, those of `risk` and `references` too.

        `lines` are replaced as a whole.
        """
        said = self.read(RequisitionInputSerializer, partial=True)
        if "lines" in said:
            said["lines"] = line_inputs(said["lines"])
        return self.answer(self.act(self._edit, "requisition", said=said))

    @staticmethod
    def _edit(*, requisition: Requisition, said: dict[str, Any], **who: Any) -> Requisition:
        kept = content.as_input(requisition, content.lines_of(requisition))
        said = {**said.pop("risk", {}), **said}
        said["references"] = {**kept.references, **said.get("references", {})}
        return services.edit(requisition=requisition, data=replace(kept, **said), **who)

    def _perform(self, service: Any, body: type[Input] = Nothing) -> Response:
        return self.answer(self.act(service, "requisition", **self.read(body)))

    @extend_schema(request=Nothing, responses={200: RequisitionSerializer})
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: str) -> Response:
        """Ask for approval. 409 budget-exceeded where a budget stops it."""
        return self._perform(services.submit)

    @extend_schema(request=ReasonInput, responses={200: RequisitionSerializer})
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take it back before it is decided."""
        return self._perform(services.withdraw, ReasonInput)

    @extend_schema(request=ReasonInput, responses={200: RequisitionSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Not needed any more; what was reserved goes back."""
        return self._perform(services.cancel, ReasonInput)

    @extend_schema(request=ReasonInput, responses={200: RequisitionSerializer})
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Nothing more will be ordered from it; the rest of its reservation goes back."""
        return self._perform(services.close, ReasonInput)

    @extend_schema(request=Nothing, responses={201: RequisitionSerializer})
    @action(detail=True, methods=["post"])
    def copy(self, request: Request, pk: str) -> Response:
        """A new draft with the same lines at today's catalog prices."""
        self.read(Nothing)
        return self.answer(self.act(services.copy, "requisition"), 201)
