"""The looks afterwards at approved emergencies, over the API."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from approvals import emergencies, services
from approvals.models import Ratification
from core import transitions
from core.api.fields import AmountField, Id, MomentField
from core.api.filtering import Filter, choice, created, reference
from core.api.serializers import Input, Output, PersonSerializer
from core.api.views import Resource, Timeline

VERBS = {"ratify": "ratify", "object_to": "object"}


class RatificationSerializer(Output):
    id = Id()
    version = serializers.IntegerField()
    document_type = serializers.CharField(source="request.subject_type")
    document_id = Id(source="request.subject_id")
    title = serializers.CharField(source="request.subject_title")
    amount = AmountField(source="request.amount", currency="entity.currency")
    base_currency = serializers.CharField(source="entity.currency")
    incident = serializers.CharField()
    requester = PersonSerializer()
    assignee = PersonSerializer()
    status = serializers.ChoiceField(choices=Ratification.Status.choices)
    due_at = MomentField()
    is_overdue = serializers.SerializerMethodField()
    settled_at = MomentField(allow_null=True)
    settled_by = PersonSerializer(allow_null=True)
    comment = serializers.CharField()
    available_actions = serializers.SerializerMethodField()

    def get_is_overdue(self, row: Ratification) -> bool:
        return row.status == Ratification.Status.DUE and row.due_at < self.context["now"]

    def get_available_actions(self, row: Ratification) -> list[str]:
        found = transitions.available(row, self.context["request"].user)
        return sorted(VERBS[name] for name in found)


class RatifyInput(Input):
    comment = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class ObjectInput(Input):
    comment = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, default="", help_text="Why; needed."
    )


def _overdue(value: str) -> Q:
    if value not in ("true", "false"):
        raise ValueError("must be true or false")
    overdue = Q(status=Ratification.Status.DUE, due_at__lt=timezone.now())
    return overdue if value == "true" else ~overdue


class RatificationViewSet(Timeline, Resource):
    """Emergencies of the caller, those that fall to the caller, or all for oversight."""

    scope = "approvals:decide"
    model = Ratification
    output = RatificationSerializer
    related = ("entity", "request", "requester", "assignee", "settled_by")
    filters = {
        "status": choice("status", Ratification.Status),
        "requester": reference("requester", code="email"),
        "assignee": reference("assignee", code="email"),
        "overdue": Filter(_overdue, {"type": "boolean"}, "Due and not settled in time."),
        **created(),
    }
    http_method_names = ["get", "head", "options", "post"]

    def visible(self) -> QuerySet[Ratification]:
        user: Any = self.request.user
        return emergencies.visible_to(user)

    def facts(self, rows: list[Ratification]) -> dict[str, Any]:
        return {"now": timezone.now()}

    @extend_schema(request=RatifyInput, responses={200: RatificationSerializer})
    @action(detail=True, methods=["post"])
    def ratify(self, request: Request, pk: str) -> Response:
        """It was right to act first."""
        return self.answer(self.act(services.ratify, "ratification", **self.read(RatifyInput)))

    @extend_schema(request=ObjectInput, responses={200: RatificationSerializer})
    @action(detail=True, methods=["post"], url_path="object")
    def object_to(self, request: Request, pk: str) -> Response:
        """It should have gone the ordinary way; says why. What was bought stays bought."""
        return self.answer(self.act(services.object_to, "ratification", **self.read(ObjectInput)))
