"""Change orders over the API."""

from dataclasses import replace
from typing import Any, ClassVar

from django.db.models import Prefetch, Q
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.api import RoundSerializer, rounds
from core.api.fields import (
    AmountField,
    DecimalInput,
    FigureField,
    Id,
    MomentField,
    Reference,
    WholeInput,
    as_id,
    money,
)
from core.api.filtering import Filter, choice, created, reference
from core.api.serializers import Input, Nothing, Output, PersonSerializer, ReasonInput, represented
from core.api.views import Resource, Timeline
from purchase_orders import change_presentation, changed, services
from purchase_orders.api.inputs import OrderLineInputSerializer, SubmitInput
from purchase_orders.inputs import KEEP, ChangedLine, ChangeInput, OrderLineInput
from purchase_orders.models import (
    ChangeOrder,
    ChangeOrderDistribution,
    PurchaseOrder,
    PurchaseOrderLine,
)
from requisitions.api import LineSerializer, coded, distribution_inputs

_MAYBE: dict[str, Any] = {"required": False, "allow_null": True, "default": None}
_STAYS: dict[str, Any] = {"required": False, "allow_null": True}  # what is not sent stays
_CHANGED = ("quantity", "unit_price")


class ChangeLineSerializer(LineSerializer):
    order_line = Id(source="order_line_id", allow_null=True, help_text="Empty for a new line.")
    is_cancelled = serializers.BooleanField()


class TermsSerializer(Output):
    delivery_terms = serializers.CharField()
    payment_terms = serializers.IntegerField(source="payment_terms_days", help_text="Days.")
    ship_to = serializers.CharField()
    note = serializers.CharField()
    valid_from = serializers.DateField(allow_null=True)
    valid_to = serializers.DateField(allow_null=True)
    limit = AmountField(
        currency="order.currency", allow_null=True, help_text="Net, of a blanket order; else null."
    )
    minimum = AmountField(currency="order.currency", allow_null=True)
    allowance_percent = FigureField(allow_null=True)
    release_minimum = AmountField(currency="order.currency", allow_null=True)
    release_maximum = AmountField(currency="order.currency", allow_null=True)


class DifferenceSerializer(Output):
    """One field as it was first approved, as it is in force, and as it would be."""

    field = serializers.CharField()  # type: ignore[assignment]
    first = serializers.CharField()
    old = serializers.CharField()
    new = serializers.CharField()


class ChangeOrderSerializer(Output):
    id = Id()
    version = serializers.IntegerField()
    number = serializers.CharField(help_text="The order's number with the turn of the change.")
    order = Id(source="order_id")
    order_number = serializers.CharField(source="order.number")
    base_revision = serializers.IntegerField(help_text="The revision that it changes.")
    status = serializers.ChoiceField(choices=ChangeOrder.Status.choices)
    reason_code = serializers.ChoiceField(choices=ChangeOrder.Reason.choices)
    reason = serializers.CharField()
    buyer = PersonSerializer()
    terms = TermsSerializer(source="*")
    lines = ChangeLineSerializer(many=True, help_text="Those that change, and new ones.")
    currency = serializers.CharField(source="order.currency")
    difference = serializers.SerializerMethodField(help_text="Signed net.")
    needs = serializers.ListField(
        child=serializers.CharField(), help_text="Why it needs approval; empty: policy lets it pass"
    )
    differences = serializers.SerializerMethodField()
    approval = serializers.SerializerMethodField()
    created_at = MomentField()
    submitted_at = MomentField(allow_null=True)
    approved_at = MomentField(allow_null=True)
    issued_at = MomentField(allow_null=True)
    available_actions = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_difference(self, row: ChangeOrder) -> str:
        return money(row.difference, row.order.currency)

    @extend_schema_field(DifferenceSerializer(many=True))
    def get_differences(self, row: ChangeOrder) -> Any:
        rows = change_presentation.side_by_side(row, self.context["first"][row.pk])
        return represented(DifferenceSerializer, rows, self.context)

    @extend_schema_field(RoundSerializer(allow_null=True))
    def get_approval(self, row: ChangeOrder) -> Any:
        found = self.context["rounds"].get(row.pk)
        return represented(RoundSerializer, [found], self.context)[0] if found else None

    def get_available_actions(self, row: ChangeOrder) -> list[str]:
        return change_presentation.actions(row, self.context["request"].user)


class TermsInputSerializer(Input):
    """Only what is sent changes."""

    delivery_terms = serializers.CharField(required=False, allow_blank=True)
    payment_terms = WholeInput(
        source="payment_terms_days", required=False, min_value=0, max_value=365, help_text="Days."
    )
    ship_to = serializers.CharField(required=False, allow_blank=True)
    note = serializers.CharField(required=False, allow_blank=True)
    valid_from = serializers.DateField(**_STAYS)
    valid_to = serializers.DateField(**_STAYS)
    limit = DecimalInput(help_text="Net; of a blanket order that is limited by amount.", **_STAYS)
    minimum = DecimalInput(required=False)
    allowance_percent = DecimalInput(required=False)
    release_minimum = DecimalInput(**_STAYS)
    release_maximum = DecimalInput(**_STAYS)


class ChangeLineInputSerializer(OrderLineInputSerializer):
    """With `order_line` what is sent of quantity, price, day and coding changes; without, a new
    line."""

    order_line = Reference(
        lambda user: PurchaseOrderLine.objects.filter(
            order__in=PurchaseOrder.objects.visible_to(user)
        ),
        noun="order line",
        code=None,
        **_MAYBE,
    )
    is_cancelled = serializers.BooleanField(required=False, default=False)
    need_by = serializers.DateField(**_STAYS)


class ChangeInputSerializer(Input):
    order = Reference(PurchaseOrder.objects.visible_to, noun="order", code="number")
    reason_code = serializers.ChoiceField(choices=ChangeOrder.Reason.choices)
    reason = serializers.CharField()
    budget_reason = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="Why, although a budget warns."
    )
    terms = TermsInputSerializer(required=False)
    lines = ChangeLineInputSerializer(many=True, required=False, default=list)


def change_lines(said: list[dict[str, Any]]) -> list[ChangedLine | OrderLineInput]:
    return [_line(dict(each)) for each in said]


def _line(said: dict[str, Any]) -> ChangedLine | OrderLineInput:
    order_line, is_cancelled = said.pop("order_line", None), said.pop("is_cancelled", False)
    parts = distribution_inputs(said.pop("distributions", []))
    if order_line is None:
        said.setdefault("need_by", None)
        return OrderLineInput(**said, distributions=parts)
    return ChangedLine(
        order_line=order_line,
        need_by=said.get("need_by", KEEP),
        distributions=parts or None,
        is_cancelled=is_cancelled,
        **{name: said.get(name) for name in _CHANGED},
    )


def _of_order(value: str) -> Q:
    pk = as_id(value)
    return Q(order=pk) if pk else Q(order__number=value)


class ChangeOrderViewSet(Timeline, Resource):
    """What shall become of issued orders."""

    scope = "orders:write"
    locked_first = False  # the order is
    model = ChangeOrder
    output = ChangeOrderSerializer
    related = ("order", "buyer")
    prefetched = (Prefetch("lines__distributions", coded(ChangeOrderDistribution)),)
    filters: ClassVar[dict[str, Filter]] = {
        "order": Filter(_of_order, {"type": "string"}, "The order's id or number."),
        "status": choice("status", ChangeOrder.Status),
        "reason_code": choice("reason_code", ChangeOrder.Reason),
        "buyer": reference("buyer", code="email"),
        **created(),
    }
    search_fields = ("order__number", "reason")

    def facts(self, rows: list[ChangeOrder]) -> dict[str, Any]:
        return {
            "rounds": rounds(row.pk for row in rows),
            "first": change_presentation.first_versions(rows),
            "currencies": {line.pk: row.order.currency for row in rows for line in row.lines.all()},
        }

    @extend_schema(request=ChangeInputSerializer, responses={201: ChangeOrderSerializer})
    def create(self, request: Request) -> Response:
        """A draft; the order stays as it is. 409 while another change of it is open."""
        said = self.read(ChangeInputSerializer)
        order = said.pop("order")
        data = ChangeInput(
            **{**said, "terms": said.get("terms", {}), "lines": change_lines(said["lines"])}
        )
        made = services.draft_change(order=order, data=data, actor=request.user, at=timezone.now())
        return self.answer(made, 201)

    @extend_schema(request=ChangeInputSerializer, responses={200: ChangeOrderSerializer})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a draft; members that are not sent stay, `lines` are replaced as a whole."""
        said = self.read(ChangeInputSerializer, partial=True)
        said.pop("order", None)
        if "lines" in said:
            said["lines"] = change_lines(said["lines"])
        return self.answer(self.act(self._edit, "change", said=said))

    @staticmethod
    def _edit(*, change: ChangeOrder, said: dict[str, Any], **who: Any) -> ChangeOrder:
        kept = changed.as_input(change)
        said["terms"] = {**kept.terms, **said.get("terms", {})}
        return services.edit_change(change=change, data=replace(kept, **said), **who)

    @extend_schema(request=SubmitInput, responses={200: ChangeOrderSerializer})
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: str) -> Response:
        """Put it up: what it costs more is held; without need of approval it is approved at once"""
        return self.answer(self.act(services.submit_change, "change", **self.read(SubmitInput)))

    @extend_schema(request=Nothing, responses={200: ChangeOrderSerializer})
    @action(detail=True, methods=["post"])
    def issue(self, request: Request, pk: str) -> Response:
        """Make it binding: the order's next revision goes to the vendor."""
        self.read(Nothing)
        return self.answer(self.act(services.issue_change, "change"))

    @extend_schema(request=ReasonInput, responses={200: ChangeOrderSerializer})
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take it back; what it held is free again."""
        return self.answer(self.act(services.withdraw_change, "change", **self.read(ReasonInput)))
