"""Rounds of approval over the API, as an auditor reads them: facts, decisions, and a replay."""

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from approvals import histories
from approvals.api.rounds import PolicyReferenceSerializer, StepSerializer
from approvals.models import ApprovalRequest
from approvals.replay import replay
from core.api.fields import AmountField, Id, MomentField, as_id
from core.api.filtering import Filter, choice, created
from core.api.serializers import Output, PersonSerializer
from core.api.views import Resource


class RoundDocumentSerializer(Output):
    type = serializers.CharField(source="subject_type")
    id = Id(source="subject_id")
    title = serializers.CharField(source="subject_title")


class StepHistorySerializer(StepSerializer):
    kept_from = Id(
        source="kept_from_id", allow_null=True, help_text="The approval of an earlier round."
    )
    replaces = Id(source="replaces_id", allow_null=True, help_text="In whose place.")


class RoundHistorySerializer(Output):
    """A round as a snapshot: policy version, facts seen, and every decision with its channel."""

    id = Id()
    document = RoundDocumentSerializer(source="*")
    requester = PersonSerializer()
    status = serializers.ChoiceField(choices=ApprovalRequest.Status.choices)
    amount = AmountField(currency="entity.currency")
    base_currency = serializers.CharField(source="entity.currency")
    emergency = serializers.BooleanField()
    policy = PolicyReferenceSerializer(source="*")
    facts = serializers.DictField(help_text="What the policy saw; amounts as text.")
    digest = serializers.CharField(help_text="SHA-256 of the content that was signed.")
    created_at = MomentField()
    closed_at = MomentField(allow_null=True)
    steps = StepHistorySerializer(source="told_steps", many=True)


class ReplaySerializer(Output):
    """The chain built again from the stored facts, the policy and the people of that day."""

    agrees = serializers.BooleanField()
    rule = serializers.CharField(help_text="The rule that the facts lead to.")
    then = serializers.ListField(child=serializers.CharField(), help_text="Stage by stage.")
    again = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="null: it would be refused."
    )
    differences = serializers.ListField(child=serializers.CharField())


def _document(value: str) -> Q:
    pk = as_id(value)
    if pk is None:
        raise ValueError("must be the id of a document")
    return Q(subject_id=pk)


class ApprovalRoundViewSet(Resource):
    """The rounds of the documents that the caller may see."""

    model = ApprovalRequest
    output = RoundHistorySerializer
    related = ("entity", "policy", "requester")
    filters = {
        "document": Filter(_document, {"type": "string"}, "The id of the document."),
        "status": choice("status", ApprovalRequest.Status),
        **created(),
    }
    http_method_names = ["get", "head", "options"]

    def visible(self) -> QuerySet[ApprovalRequest]:
        user: User = self.request.user  # type: ignore[assignment]
        return histories.rounds_visible_to(user)

    def shown(self, rows: list[Any]) -> list[Any]:
        steps = list(histories.steps_of(rows))
        for row in rows:
            row.told_steps = [each for each in steps if each.request_id == row.pk]
        return super().shown(rows)

    @extend_schema(responses={200: ReplaySerializer})
    @action(detail=True, methods=["get"])
    def replay(self, request: Request, pk: str) -> Response:
        """Whether the stored facts lead to the same people again, and what differs."""
        found = replay(self._one(self.get_queryset()))
        return Response(ReplaySerializer(found).data)
