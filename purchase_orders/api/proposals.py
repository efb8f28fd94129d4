"""Proposed releases over the API: the list, one at a time, in bulk, and undone as a batch."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from core.api.fields import AmountField, Id, MomentField, Reference
from core.api.filtering import Filter, choice, reference
from core.api.schema import CONFLICT
from core.api.serializers import Input, Output, PersonSerializer, ReasonInput
from core.api.views import Resource
from core.errors import Missing
from purchase_orders import services
from purchase_orders.models import ReleaseBatch, ReleaseProposal


class ReleaseProposalSerializer(Output):
    """An order that looks finished: why, since when, and what it would give back."""

    id = Id()
    order = Id(source="order_id")
    order_number = serializers.CharField(source="order.number")
    vendor_name = serializers.CharField(source="order.vendor.name")
    buyer = PersonSerializer(source="order.buyer", allow_null=True)
    kind = serializers.ChoiceField(choices=ReleaseProposal.Kind.choices)
    since = serializers.DateField()
    amount = AmountField(currency="entity.currency", help_text="Still committed, base currency.")
    currency = serializers.CharField(source="entity.currency")
    found_on = serializers.DateField()
    status = serializers.ChoiceField(choices=ReleaseProposal.Status.choices)
    batch = Id(source="batch_id", allow_null=True)
    kept_until = serializers.DateField(allow_null=True)
    decided_by = PersonSerializer(allow_null=True)
    available_actions = serializers.SerializerMethodField()

    def get_available_actions(self, proposal: ReleaseProposal) -> list[str]:
        if not self.context["request"].user.has_role(Role.BUYER, Role.CONTROLLER):
            return []
        by_status = {"open": ["accept", "keep"], "accepted": ["reverse"]}
        return by_status.get(proposal.status, [])


class ReleaseBatchSerializer(Output):
    """What was accepted together; it is undone together."""

    id = Id()
    reason = serializers.CharField()
    accepted_by = PersonSerializer()
    accepted_at = MomentField()
    reversed_by = PersonSerializer(allow_null=True)
    reversed_at = MomentField(allow_null=True)
    proposals = serializers.SerializerMethodField(help_text="Ids of what was accepted.")

    def get_proposals(self, batch: ReleaseBatch) -> list[str]:
        ids = batch.proposals.order_by("pk").values_list("pk", flat=True)
        return [str(pk) for pk in ids]


class AcceptInput(Input):
    proposals = serializers.ListField(
        child=Reference(ReleaseProposal.objects.visible_to, noun="proposal", code=None),
        min_length=1,
        max_length=200,
        help_text="Ids.",
    )
    reason = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=2000, trim_whitespace=False
    )


class ReleaseProposalViewSet(Resource):
    """Stale and expired orders, looked for every night."""

    scope = "orders:write"
    model = ReleaseProposal
    output = ReleaseProposalSerializer
    related = ("entity", "order__vendor", "order__buyer", "batch", "decided_by")
    filters: ClassVar[dict[str, Filter]] = {
        "status": choice("status", ReleaseProposal.Status),
        "kind": choice("kind", ReleaseProposal.Kind),
        "order": reference("order", code="number"),
    }
    http_method_names = ["get", "head", "options", "post"]

    @extend_schema(
        request=AcceptInput, responses={200: ReleaseBatchSerializer, **CONFLICT}, filters=False
    )
    @action(detail=False, methods=["post"])
    def accept(self, request: Request) -> Response:
        """Close these orders with why, as one batch; the worker gives back what they commit."""
        said = self.read(AcceptInput)
        batch = services.accept(
            proposals=said["proposals"],
            actor=request.user,
            at=timezone.now(),
            reason=said["reason"],
        )
        return self._batch(batch)

    @extend_schema(request=ReasonInput, responses={200: ReleaseProposalSerializer, **CONFLICT})
    @action(detail=True, methods=["post"])
    def keep(self, request: Request, pk: str) -> Response:
        """The order is still needed: it is not proposed again for 90 days."""
        return self.answer(self.act(services.keep, "proposal", **self.read(ReasonInput)))

    @extend_schema(request=ReasonInput, responses={200: ReleaseBatchSerializer, **CONFLICT})
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, pk: str) -> Response:
        """Reopen every order of the batch in which this one was accepted, or none of them."""
        said: dict[str, Any] = self.read(ReasonInput)
        batch = self.get_object().batch
        if batch is None:
            raise Missing("It was not accepted: there is no batch to undo.")
        undone = services.reverse_batch(
            batch=batch, actor=request.user, at=timezone.now(), reason=said.get("reason", "")
        )
        return self._batch(undone)

    def _batch(self, batch: ReleaseBatch) -> Response:
        return Response(ReleaseBatchSerializer(batch, context=self.get_serializer_context()).data)
