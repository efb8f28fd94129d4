"""What the API says of blanket orders and releases, and takes to make them."""

from dataclasses import replace
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.fields import (
    FIGURE,
    AmountField,
    DecimalInput,
    FigureField,
    Id,
    MomentField,
    Reference,
    money,
)
from core.api.serializers import Input, Output, PersonSerializer
from core.money import ZERO
from purchase_orders import agreements
from purchase_orders.inputs import AgreementInput, OrderInput
from purchase_orders.models import Agreement, DrawDown, PurchaseOrder, PurchaseOrderLine
from requisitions.api import DistributionInputSerializer
from requisitions.models import Requisition, RequisitionLine

_MAYBE: dict[str, Any] = {"required": False, "allow_null": True}
_OF = {"allow_null": True, "default": None}


class AgreementFields(serializers.Serializer):
    """Of a blanket order its limits and how much of them is drawn; null on any other."""

    agreement = Id(
        source="agreement_id", allow_null=True, help_text="The blanket order of a release."
    )
    agreement_number = serializers.CharField(source="agreement.number", **_OF)
    limit_by = serializers.ChoiceField(
        source="agreement_terms.limit_by", choices=Agreement.LimitBy.choices, **_OF
    )
    limit = AmountField(source="agreement_terms.limit", help_text="Net.", **_OF)
    commits = serializers.ChoiceField(
        source="agreement_terms.commits",
        choices=Agreement.Commits.choices,
        help_text="What is committed of it: its releases, its minimum, or its limit.",
        **_OF,
    )
    minimum = AmountField(source="agreement_terms.minimum", **_OF)
    allowance_percent = FigureField(source="agreement_terms.allowance_percent", **_OF)
    release_minimum = AmountField(source="agreement_terms.release_minimum", **_OF)
    release_maximum = AmountField(source="agreement_terms.release_maximum", **_OF)
    released = AmountField(
        source="agreement_terms.released", help_text="The sum of its draw-downs.", **_OF
    )
    unscheduled_balance = serializers.SerializerMethodField(
        help_text="Limit less released: nobody's commitment. Below 0 within the allowance."
    )

    @extend_schema_field(FIGURE | {"type": ["string", "null"]})
    def get_unscheduled_balance(self, order: PurchaseOrder) -> str | None:
        terms = getattr(order, "agreement_terms", None)
        left = None if terms is None else agreements.unscheduled(terms)
        return None if left is None else money(left, order.currency)


class AgreementInputFields(Input):
    """What makes an order a blanket order, and another a release."""

    agreement = Reference(
        lambda user: PurchaseOrder.objects.visible_to(user).select_related("vendor"),
        noun="blanket order",
        code="number",
        default=None,
        help_text="The blanket order that a release draws on.",
        **_MAYBE,
    )
    limit_by = serializers.ChoiceField(
        choices=Agreement.LimitBy.choices, required=False, help_text="By amount if not said."
    )
    limit = DecimalInput(help_text="Net; by amount only.", **_MAYBE)
    commits = serializers.ChoiceField(choices=Agreement.Commits.choices, required=False)
    minimum = DecimalInput(required=False)
    allowance_percent = DecimalInput(required=False)
    release_minimum = DecimalInput(**_MAYBE)
    release_maximum = DecimalInput(**_MAYBE)


TERMS = tuple(name for name in AgreementInputFields().fields if name != "agreement")


def with_terms(said: dict[str, Any], *, kept: OrderInput | None = None) -> dict[str, Any]:
    """What was said of an order, with what concerns its limits as `terms`; `kept` is a draft as it
    stands, whose limits count where nothing is said."""
    terms = {name: said.pop(name) for name in TERMS if name in said}
    kind = said.get("kind", kept.kind if kept else PurchaseOrder.Kind.STANDARD)
    if terms or kind == PurchaseOrder.Kind.BLANKET:
        said["terms"] = replace((kept and kept.terms) or AgreementInput(), **terms)
    elif kept is not None:
        said["terms"] = None
    return said


class ReleaseLineInputSerializer(Input):
    agreement_line = Reference(
        lambda user: PurchaseOrderLine.objects.filter(
            order__in=PurchaseOrder.objects.visible_to(user)
        ),
        noun="order line",
        code=None,
        help_text="A line of the blanket order.",
    )
    quantity = DecimalInput(help_text="Of a line by amount, the amount.")
    need_by = serializers.DateField(required=False, allow_null=True, default=None)
    requisition_line = Reference(
        lambda user: RequisitionLine.objects.filter(
            requisition__in=Requisition.objects.visible_to(user)
        ),
        noun="requisition line",
        code=None,
        default=None,
        help_text="The approved line that it orders; its coding pays.",
        **_MAYBE,
    )
    distributions = DistributionInputSerializer(
        many=True, required=False, default=list, help_text="Those of the blanket order if empty."
    )


class ReleaseInput(Input):
    lines = ReleaseLineInputSerializer(many=True, min_length=1, max_length=2000)
    title = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=200, trim_whitespace=False
    )
    note = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=4000, trim_whitespace=False
    )


class DrawDownSerializer(Output):
    """What a release drew on a day, or gave back."""

    release = Id(source="release_id")
    release_number = serializers.CharField(source="release.number")
    cause = serializers.ChoiceField(choices=DrawDown.Cause.choices)
    amount = AmountField(currency="release.currency", help_text="Signed, net.")
    released = serializers.SerializerMethodField(help_text="What was drawn in all after it.")
    drawn_on = serializers.DateField()
    recorded_at = MomentField()
    actor = PersonSerializer(allow_null=True)
    reason = serializers.CharField()

    @extend_schema_field(FIGURE)
    def get_released(self, row: Any) -> str:
        return money(row.drawn_so_far or ZERO, row.release.currency)
