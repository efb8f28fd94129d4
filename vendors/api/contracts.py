"""Contracts over the API."""

from dataclasses import replace
from typing import Any, ClassVar

from django.db.models import Prefetch
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core import transitions
from core.api.fields import (
    AmountField,
    DecimalInput,
    FigureField,
    Id,
    MomentField,
    Reference,
    WholeInput,
)
from core.api.filtering import choice, created, day, exact, reference
from core.api.serializers import Input, Output, PersonSerializer, ReasonInput
from core.api.views import Resource, Timeline
from vendors.inputs import ContractInput, PriceInput
from vendors.models import Contract, ContractPrice, Vendor
from vendors.models.contracts import DRAFTERS
from vendors.services import contracts

_TEXT: dict[str, Any] = {"required": False, "allow_blank": True, "default": ""}
_MAYBE: dict[str, Any] = {"required": False, "allow_null": True, "default": None}


class PriceSerializer(Output):
    sku = serializers.CharField()
    unit = serializers.CharField(help_text="UN/ECE Recommendation 20 code; empty: any.")
    unit_price = FigureField(least=2)


class ContractSerializer(Output):
    id = Id()
    version = serializers.IntegerField()
    number = serializers.CharField()
    status = serializers.ChoiceField(choices=Contract.Status.choices)
    vendor = Id(source="vendor_id")
    vendor_code = serializers.CharField(source="vendor.code")
    vendor_name = serializers.CharField(source="vendor.name")
    title = serializers.CharField()
    valid_from = serializers.DateField()
    valid_to = serializers.DateField(allow_null=True, help_text="null: until it is terminated.")
    notice_days = serializers.IntegerField()
    decide_by = serializers.DateField(allow_null=True, help_text="The last day to give notice.")
    currency = serializers.CharField()
    spend_cap = AmountField(currency="currency", allow_null=True)
    prices = PriceSerializer(many=True)
    sla_terms = serializers.ListField(child=serializers.CharField())
    drafted_by = PersonSerializer(allow_null=True)
    activated_by = PersonSerializer(allow_null=True)
    activated_at = MomentField(allow_null=True)
    ended_at = MomentField(allow_null=True)
    created_at = MomentField()
    available_actions = serializers.SerializerMethodField()

    def get_available_actions(self, contract: Contract) -> list[str]:
        user = self.context["request"].user
        found = set(transitions.available(contract, user))
        if contract.status == Contract.Status.DRAFT and user.has_role(*DRAFTERS):
            found.add("edit")
        return sorted(found)


class PriceInputSerializer(Input):
    sku = serializers.CharField(max_length=64)
    unit = serializers.CharField(help_text="UN/ECE Recommendation 20 code; empty: any.", **_TEXT)
    unit_price = DecimalInput()


class ContractInputSerializer(Input):
    vendor = Reference(lambda user: Vendor.objects.visible_to(user), noun="vendor")
    title = serializers.CharField(**_TEXT)
    valid_from = serializers.DateField(**_MAYBE)
    currency = serializers.CharField(help_text="ISO 4217 code.", **_TEXT)
    number = serializers.CharField(help_text="Without one it takes the next.", **_TEXT)
    valid_to = serializers.DateField(help_text="null: until it is terminated.", **_MAYBE)
    notice_days = WholeInput(
        min_value=0, max_value=contracts.MOST_NOTICE_DAYS, required=False, default=0
    )
    spend_cap = DecimalInput(scale=4, **_MAYBE)
    sla_terms = serializers.ListField(
        child=serializers.CharField(), max_length=contracts.MOST_TERMS, required=False, default=list
    )
    prices = PriceInputSerializer(many=True, required=False, default=list)


def _prices(said: list[dict[str, Any]]) -> list[PriceInput]:
    return [PriceInput(**each) for each in said]


class ContractViewSet(Timeline, Resource):
    """What was agreed with vendors: terms, prices, caps. Holds once a second person says so."""

    scope = "vendors:write"
    model = Contract
    output = ContractSerializer
    related = ("vendor", "drafted_by", "activated_by")
    prefetched = (Prefetch("prices", queryset=ContractPrice.objects.order_by("sku")),)
    filters: ClassVar[dict[str, Any]] = {
        "number": exact("number"),
        "status": choice("status", Contract.Status),
        "vendor": reference("vendor", code="code"),
        "currency": exact("currency"),
        "valid_to_before": day("valid_to", "lt"),
        **created(),
    }
    search_fields = ("number", "title", "vendor__name")

    @extend_schema(request=ContractInputSerializer, responses={201: ContractSerializer})
    def create(self, request: Request) -> Response:
        """A draft; somebody else puts it into force."""
        said = self.read(ContractInputSerializer)
        data = ContractInput(**{**said, "prices": _prices(said["prices"])})
        user = request.user
        made = contracts.draft(entity=user.entity, data=data, actor=user, at=timezone.now())
        return self.answer(made, 201)

    @extend_schema(request=ContractInputSerializer, responses={200: ContractSerializer})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a draft; members that are not sent stay, lists are replaced."""
        said = self.read(ContractInputSerializer, partial=True)
        if "prices" in said:
            said["prices"] = _prices(said["prices"])
        return self.answer(self.act(self._edit, "contract", said=said))

    @staticmethod
    def _edit(*, contract: Contract, said: dict[str, Any], **who: Any) -> Contract:
        data = replace(contracts.present(contract), **said)
        return contracts.edit(contract=contract, data=data, **who)

    @extend_schema(request=ReasonInput, responses={200: ContractSerializer})
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Put it into force; neither who drafted it may nor who changed it last."""
        return self.answer(self.act(contracts.activate, "contract", **self.read(ReasonInput)))

    @extend_schema(request=ReasonInput, responses={200: ContractSerializer})
    @action(detail=True, methods=["post"])
    def terminate(self, request: Request, pk: str) -> Response:
        """End it now, with a reason; what is ordered under it goes on."""
        return self.answer(self.act(contracts.terminate, "contract", **self.read(ReasonInput)))
