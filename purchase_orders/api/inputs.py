"""What a client may say about an order."""

from typing import Any

from rest_framework import serializers

from budgets.models import CostCenter, GLAccount, Project
from core.api.fields import DecimalInput, Reference, WholeInput
from core.api.serializers import Input
from core.money import ZERO
from purchase_orders.api.agreement_fields import TERMS, AgreementInputFields
from purchase_orders.drafting import stored_line, stored_terms
from purchase_orders.inputs import OrderInput, OrderLineInput
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from requisitions.api import LineInputSerializer, distribution_inputs
from requisitions.models import Requisition, RequisitionLine
from vendors.models import Contract, MatchType, Vendor

_TEXT: dict[str, Any] = {"required": False, "allow_blank": True, "default": ""}
_MAYBE: dict[str, Any] = {"required": False, "allow_null": True, "default": None}


class OrderLineInputSerializer(LineInputSerializer):
    """From a requisition line it takes that line's coding."""

    match_type = serializers.ChoiceField(
        choices=["", *MatchType.values], required=False, default="", help_text="Vendor's if empty."
    )
    over_receipt_percent = DecimalInput(required=False, default=ZERO)
    requisition_line = Reference(
        lambda user: RequisitionLine.objects.filter(
            requisition__in=Requisition.objects.visible_to(user)
        ),
        noun="requisition line",
        code=None,
        **_MAYBE,
    )
    agreement_line = Reference(
        lambda user: PurchaseOrderLine.objects.filter(
            order__in=PurchaseOrder.objects.visible_to(user)
        ),
        noun="order line",
        code=None,
        help_text="The line of the blanket order that a line of a release takes from.",
        **_MAYBE,
    )


class SubmitInput(Input):
    budget_reason = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="Why, although a budget warns."
    )


class OrderInputSerializer(AgreementInputFields):
    vendor = Reference(Vendor.objects.visible_to, noun="vendor", **_MAYBE)
    contract = Reference(
        Contract.objects.visible_to,
        noun="contract",
        code="number",
        help_text="Without one it stands under the one that covers all of it, if there is one.",
        **_MAYBE,
    )
    currency = serializers.CharField(
        required=False, max_length=3, help_text="The entity's own by default."
    )
    title = serializers.CharField(**_TEXT)
    kind = serializers.ChoiceField(
        choices=PurchaseOrder.Kind.choices, required=False, default="standard"
    )
    delivery_terms = serializers.CharField(**_TEXT)
    payment_terms = WholeInput(
        source="payment_terms_days", min_value=0, max_value=365, help_text="Days.", **_MAYBE
    )
    ship_to = serializers.CharField(**_TEXT)
    bill_to = serializers.CharField(**_TEXT)
    note = serializers.CharField(**_TEXT)
    valid_from = serializers.DateField(**_MAYBE)
    valid_to = serializers.DateField(**_MAYBE)
    lines = OrderLineInputSerializer(many=True, required=False, default=list)


class SendInput(Input):
    recipient = serializers.EmailField(
        required=False, allow_blank=True, default="", help_text="The vendor's address if empty."
    )


class OrderFile(Input):
    """Without coding it is booked to the entity's first budget that only tracks."""

    file = serializers.FileField(allow_empty_file=True, help_text="A UBL Order.")
    cost_center = Reference(CostCenter.objects.visible_to, noun="cost centre", **_MAYBE)
    gl_account = Reference(GLAccount.objects.visible_to, noun="GL account", **_MAYBE)
    project = Reference(Project.objects.visible_to, noun="project", **_MAYBE)


def order_lines(said: list[dict[str, Any]]) -> list[OrderLineInput]:
    return [
        OrderLineInput(**{**each, "distributions": distribution_inputs(each["distributions"])})
        for each in said
    ]


def kept(order: PurchaseOrder) -> OrderInput:
    """The order as it stands, as the input it could have come from."""
    fields = OrderInputSerializer().fields.values()
    names = [
        field.source or field.field_name
        for field in fields
        if field.field_name not in ("lines", *TERMS)
    ]
    header = {name: getattr(order, name) for name in names}
    rows = order.lines.select_related("catalog_item", "requisition_line", "agreement_line")
    lines = rows.prefetch_related(
        "distributions__cost_center", "distributions__gl_account", "distributions__project"
    )
    return OrderInput(
        **header, terms=stored_terms(order), lines=[stored_line(line) for line in lines]
    )
