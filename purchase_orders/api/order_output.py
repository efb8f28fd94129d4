"""An order as the API shows it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.api import RoundSerializer
from approvals.models import ApprovalStep
from core.api.fields import AmountField, FigureField, Id, MomentField, money
from core.api.serializers import Output, PersonSerializer, represented
from core.money import ZERO
from purchase_orders import presentation, queries
from purchase_orders.api.agreement_fields import AgreementFields
from purchase_orders.models import PurchaseOrder
from requisitions.api import LineSerializer
from vendors.models import MatchType


class OrderLineSerializer(LineSerializer):
    match_type = serializers.ChoiceField(choices=MatchType.choices)
    tax_percent = FigureField()
    tax_category = serializers.CharField()
    over_receipt_percent = FigureField()
    requisition_line = Id(source="requisition_line_id", allow_null=True)
    agreement_line = Id(source="agreement_line_id", allow_null=True)
    received = FigureField()
    rejected = FigureField()
    accepted = FigureField(source="received")
    billed = FigureField(source="billed_quantity")
    billed_amount = serializers.SerializerMethodField(help_text="Net, cleared, minus credits.")
    open_commitment = serializers.SerializerMethodField(help_text="In the entity's currency.")
    is_final = serializers.BooleanField()

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_billed_amount(self, line: Any) -> str:
        currency = self.context["currencies"][line.pk]
        return money(line.billed_amount, currency)

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_open_commitment(self, line: Any) -> str:
        held = self.context["open_lines"].get(line.pk, ZERO)
        return money(held, self.context["base"])


class OrderSerializer(AgreementFields, Output):
    id = Id()
    version = serializers.IntegerField()
    number = serializers.CharField(allow_null=True, help_text="Taken when it is issued.")
    legacy_number = serializers.CharField(help_text="The number it came with, if taken over.")
    revision = serializers.IntegerField()
    status = serializers.ChoiceField(choices=PurchaseOrder.Status.choices)
    kind = serializers.ChoiceField(choices=PurchaseOrder.Kind.choices)
    title = serializers.CharField()
    vendor = Id(source="vendor_id")
    vendor_code = serializers.CharField(source="vendor.code")
    vendor_name = serializers.CharField(source="vendor.name")
    contract = Id(source="contract_id", allow_null=True)
    contract_number = serializers.CharField(source="contract.number", allow_null=True, default=None)
    buyer = PersonSerializer(allow_null=True)
    currency = serializers.CharField()
    rate = FigureField()
    issued_at = MomentField(allow_null=True)
    closed_at = MomentField(allow_null=True)
    close_reason = serializers.CharField()
    valid_from = serializers.DateField(allow_null=True)
    valid_to = serializers.DateField(allow_null=True)
    delivery_terms = serializers.CharField()
    payment_terms = serializers.IntegerField(source="payment_terms_days", help_text="Days.")
    ship_to = serializers.CharField()
    bill_to = serializers.CharField()
    note = serializers.CharField()
    lines = OrderLineSerializer(many=True)
    net = AmountField()
    tax = AmountField()
    total = AmountField(help_text="Net and tax.")
    receipt_status = serializers.SerializerMethodField()
    billing_status = serializers.SerializerMethodField()
    open_commitment = serializers.SerializerMethodField(help_text="Entity's currency.")
    budget_reason = serializers.CharField(help_text="Why, although a budget warned.")
    needs = serializers.SerializerMethodField(
        help_text="Why this draft needs an approval of its own; empty: whoever asks may issue it."
    )
    approval = serializers.SerializerMethodField(help_text="Its own round, if it had one.")
    holder = serializers.SerializerMethodField()
    holder_name = serializers.SerializerMethodField(
        help_text="Who has it before it is issued: its buyer, or who is asked to approve it."
    )
    due_at = serializers.SerializerMethodField(
        help_text="When the first of its open approvals is due."
    )
    submitted_at = MomentField(allow_null=True)
    approved_at = MomentField(allow_null=True)
    created_at = MomentField()
    available_actions = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_open_commitment(self, order: PurchaseOrder) -> str:
        held = self.context["open_orders"].get(order.pk, ZERO)
        return money(held, self.context["base"])

    def get_receipt_status(self, order: PurchaseOrder) -> str:
        return queries.receipt_status(order)

    def get_billing_status(self, order: PurchaseOrder) -> str:
        return queries.billing_status(order)

    def get_available_actions(self, order: PurchaseOrder) -> list[str]:
        user, needs = self.context["request"].user, self.context["needs"]
        return sorted(presentation.own_actions(order, user, needs.get(order.pk, ())))

    @extend_schema_field(RoundSerializer(allow_null=True))
    def get_approval(self, order: PurchaseOrder) -> Any:
        found = self.context["rounds"].get(order.pk)
        return represented(RoundSerializer, [found], self.context)[0] if found else None

    @extend_schema_field(PersonSerializer(allow_null=True))
    def get_holder(self, order: PurchaseOrder) -> Any:
        people = presentation.holders(order, self._open_steps(order))
        return represented(PersonSerializer, [people[0]], self.context)[0] if people else None

    def get_holder_name(self, order: PurchaseOrder) -> str:
        people = presentation.holders(order, self._open_steps(order))
        return ", ".join(person.name for person in people)

    @extend_schema_field(MomentField(allow_null=True))
    def get_due_at(self, order: PurchaseOrder) -> Any:
        due = min((each.due_at for each in self._open_steps(order) if each.due_at), default=None)
        return MomentField().to_representation(due) if due else None

    def _open_steps(self, order: PurchaseOrder) -> list[ApprovalStep]:
        round_ = self.context["rounds"].get(order.pk)
        steps = round_.seen_steps if round_ else []
        return [step for step in steps if step.status == ApprovalStep.Status.ACTIVE]

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_needs(self, order: PurchaseOrder) -> list[str]:
        return list(self.context["needs"].get(order.pk, ()))
