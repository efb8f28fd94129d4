"""Receipts over the API. Creating one posts it: a receipt is proof, not a plan."""

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core import transitions
from core.api.fields import DecimalInput, FigureField, Id, MomentField, Reference, as_id
from core.api.filtering import Filter, choice, created, day, exact
from core.api.serializers import Input, Nothing, Output, PersonSerializer, ReasonInput
from core.api.views import Resource, Timeline
from core.errors import IllegalTransition
from core.money import ZERO
from purchase_orders import services
from purchase_orders.inputs import ReceiptInput
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine, Receipt


class ReceiptLineSerializer(Output):
    id = Id()
    order_line = Id(source="order_line_id")
    line_number = serializers.IntegerField(source="order_line.line_number")
    description = serializers.CharField(source="order_line.description")
    quantity = FigureField(help_text="Accepted; negative on a reversal.")
    rejected_quantity = FigureField()
    unit = serializers.CharField(source="order_line.unit")
    reason = serializers.CharField()


class ReceiptSerializer(Output):
    id = Id()
    version = serializers.IntegerField()
    number = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=Receipt.Status.choices)
    order = Id(source="order_id")
    order_number = serializers.CharField(source="order.number", allow_null=True)
    received_at = serializers.DateField(source="received_on")
    delivery_note = serializers.CharField()
    note = serializers.CharField()
    lines = ReceiptLineSerializer(many=True)
    received_by = PersonSerializer(allow_null=True)
    posted_at = MomentField(allow_null=True)
    reverses = Id(source="reverses_id", allow_null=True, help_text="The receipt it takes back.")
    reversed_by = serializers.SerializerMethodField()
    created_at = MomentField()
    available_actions = serializers.SerializerMethodField()

    @extend_schema_field({"type": ["string", "null"]})
    def get_reversed_by(self, receipt: Receipt) -> str | None:
        mirror = getattr(receipt, "mirror", None)
        return str(mirror.pk) if mirror else None

    def get_available_actions(self, receipt: Receipt) -> list[str]:
        if receipt.reverses_id is not None:
            return []
        return transitions.available(receipt, self.context["request"].user)


@extend_schema_field({"type": "string", "examples": ["2026-03-02"]})
class ReceivedField(serializers.Field):
    """A day, or a moment that falls on one in the entity's time zone."""

    default_error_messages = {"invalid": "Send a date such as 2026-03-02."}

    def to_internal_value(self, data: Any) -> Any:
        try:
            if not isinstance(data, str) or not data.isascii():
                raise ValueError
            found = parse_date(data) if len(data) == 10 else parse_datetime(data)
            if found is None:
                raise ValueError
            if isinstance(found, datetime):
                zone = self.context["request"].user.entity.zone
                found = (found.astimezone(zone) if found.tzinfo else found).date()
        except (ValueError, OverflowError):
            self.fail("invalid")
        return found


class ReceiptLineInputSerializer(Input):
    order_line = Reference(
        lambda user: PurchaseOrderLine.objects.filter(
            order__in=PurchaseOrder.objects.visible_to(user)
        ).only("pk"),  # the order's lines are read again, under its lock
        noun="order line",
        code=None,
    )
    quantity = DecimalInput(help_text="Accepted.")
    rejected_quantity = DecimalInput(required=False, default=ZERO)
    reason = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="Why rejected."
    )


class ReceiptInputSerializer(Input):
    order = Reference(
        PurchaseOrder.objects.visible_to, noun="order", code="number", help_text="Id or number."
    )
    received_at = ReceivedField(
        required=False, source="received_on", help_text="Day of delivery; today by default."
    )
    delivery_note = serializers.CharField(required=False, allow_blank=True, default="")
    note = serializers.CharField(required=False, allow_blank=True, default="")
    lines = ReceiptLineInputSerializer(many=True, required=False, default=list)


def _of_order(value: str) -> Q:
    pk = as_id(value)
    return Q(order=pk) if pk else Q(order__number=value)


class ReceiptViewSet(Timeline, Resource):
    """Proof of delivery."""

    scope = "receipts:write"
    locked_first = False  # the order is
    model = Receipt
    output = ReceiptSerializer
    related = ("order", "received_by", "mirror")
    prefetched = ("lines__order_line",)
    filters: ClassVar[dict[str, Filter]] = {
        "number": exact("number"),
        "status": choice("status", Receipt.Status),
        "order": Filter(_of_order, {"type": "string"}, "The order's id or number."),
        "delivery_note": exact("delivery_note"),
        "received_from": day("received_on", "gte"),
        "received_to": day("received_on", "lte"),
        **created(),
    }
    search_fields = ("number", "delivery_note", "order__number")
    http_method_names = ["get", "head", "options", "post"]

    @extend_schema(request=ReceiptInputSerializer, responses={201: ReceiptSerializer})
    def create(self, request: Request) -> Response:
        """Count a delivery: the receipt is posted at once, numbered, and never edited."""
        said = self.read(ReceiptInputSerializer)
        now = timezone.now()
        said.setdefault("received_on", request.user.entity.day_of(now))
        lines = [ReceiptInput(**line) for line in said.pop("lines")]
        made = services.post_receipt(lines=lines, actor=request.user, at=now, **said)
        return self.answer(made, 201)

    @extend_schema(request=Nothing, responses={200: ReceiptSerializer})
    @action(detail=True, methods=["post"], url_path="post", url_name="post")
    def count(self, request: Request, pk: str) -> Response:
        """Always 409 illegal-transition: a receipt is posted by creating it."""
        self.read(Nothing)
        receipt = self.get_object()
        raise IllegalTransition(f"{receipt.number} was posted when it was created.")

    @extend_schema(request=ReasonInput, responses={200: ReceiptSerializer})
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, pk: str) -> Response:
        """Take it back by a mirror receipt, named in `reversed_by`."""
        receipt = self.get_object()
        self.act(services.reverse_receipt, "receipt", **self.read(ReasonInput))
        return self.answer(receipt)
