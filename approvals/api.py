"""Approval steps, decided by the person they wait for, and the policies behind them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from approvals import safeguards, services
from approvals.models import ApprovalPolicy, ApprovalRequest, ApprovalStep
from core import refusals, transactions, transitions
from core.api.fields import AmountField, Id, MomentField, Reference
from core.api.filtering import Filter, choice, created, exact, reference
from core.api.serializers import (
    Input,
    Nothing,
    Output,
    PersonSerializer,
)
from core.api.views import Resource, Timeline
from core.documents import document_model

VERBS = {"approve": "approve", "reject": "reject", "send_back": "return", "hand_on": "forward"}


class PolicyReferenceSerializer(Output):
    name = serializers.CharField(source="policy.name", allow_null=True, default=None)
    version = serializers.IntegerField(source="policy_version")
    rule = serializers.CharField(source="rule_name")


class SubjectSerializer(Output):
    """The document that is to be approved, as it is now."""

    type = serializers.CharField()
    id = Id()
    number = serializers.CharField(allow_null=True)
    title = serializers.CharField()
    total = AmountField()
    currency = serializers.CharField()


class StepSerializer(Output):
    """One person's say in a round."""

    id = Id()
    step = serializers.IntegerField(source="group", help_text="Equal numbers are open together.")
    mode = serializers.CharField(help_text="any: one of the group suffices.")
    assignee = PersonSerializer()
    why = serializers.CharField()
    status = serializers.ChoiceField(choices=ApprovalStep.Status.choices)
    due_at = MomentField(allow_null=True)
    activated_at = MomentField(allow_null=True)
    decided_at = MomentField(allow_null=True)
    decided_by = PersonSerializer(allow_null=True)
    channel = serializers.CharField(help_text="web, email, api, or empty.")
    comment = serializers.CharField()


class RoundSerializer(Output):
    """One round of approval of one version of a document."""

    id = Id()
    status = serializers.ChoiceField(choices=ApprovalRequest.Status.choices)
    policy = PolicyReferenceSerializer(source="*")
    requested_at = MomentField(source="created_at")
    closed_at = MomentField(allow_null=True)
    steps = StepSerializer(source="seen_steps", many=True)


class ApprovalSerializer(StepSerializer):
    """A step with what it is about."""

    version = serializers.IntegerField()
    document = serializers.SerializerMethodField()
    requester = PersonSerializer(source="request.requester")
    acting_for = PersonSerializer(allow_null=True, default=None)
    amount = AmountField(source="request.amount", currency="entity.currency")
    base_currency = serializers.CharField(source="entity.currency")
    facts = serializers.JSONField(source="request.facts")
    policy = PolicyReferenceSerializer(source="request")
    digest = serializers.CharField(
        source="request.digest", help_text="Of the content that is being approved."
    )
    available_actions = serializers.SerializerMethodField()

    @extend_schema_field(SubjectSerializer)
    def get_document(self, step: ApprovalStep) -> dict[str, Any]:
        round_ = step.request
        subject = self.context["subjects"].get(round_.subject_id)
        shown = {
            "type": round_.subject_type,
            "id": round_.subject_id,
            "number": getattr(subject, "number", None),
            "title": round_.subject_title,
            "total": getattr(subject, "total", round_.amount),
            "currency": getattr(subject, "currency", step.entity.currency),
        }
        return dict(SubjectSerializer(shown).data)

    def get_available_actions(self, step: ApprovalStep) -> list[str]:
        user = self.context["request"].user
        if user.pk == step.request.requester_id:
            return []
        found = transitions.available(step, user)
        return sorted(VERBS[name] for name in found if name in VERBS)


class DecisionInput(Input):
    comment = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, default="", help_text="Why."
    )
    digest = serializers.CharField(
        max_length=64,
        required=False,
        allow_null=True,
        default=None,
        help_text="Of the content that was looked at; another one is refused.",
    )


class ForwardInput(Input):
    to = Reference(
        lambda user: User.objects.filter(entity_id=user.entity_id, is_active=True),
        noun="person",
        code="email",
        help_text="A person's id or email address.",
    )
    comment = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


def rounds(subject_ids: Iterable[UUID]) -> dict[UUID, ApprovalRequest]:
    """The latest round of each document with its steps in order. Statements: 2."""
    found: dict[UUID, ApprovalRequest] = {}
    subject_ids = list(subject_ids)
    requests = ApprovalRequest.objects.filter(subject_id__in=subject_ids).order_by("id")
    for each in requests.select_related("policy"):
        found[each.subject_id] = each
    seen: dict[UUID, list[ApprovalStep]] = defaultdict(list)
    steps = ApprovalStep.objects.filter(request__in=[each.pk for each in found.values()])
    for step in steps.select_related("assignee", "decided_by").order_by("group", "id"):
        seen[step.request_id].append(step)
    for each in found.values():
        each.seen_steps = seen[each.pk]
    return found


def _waiting(value: str) -> Q:
    """Every visible step is the caller's own, so what waits for the caller is what is active."""
    if value not in ("true", "false"):
        raise ValueError("must be true or false")
    waiting = Q(status=ApprovalStep.Status.ACTIVE)
    return waiting if value == "true" else ~waiting


class ApprovalViewSet(Timeline, Resource):
    """What waits or waited for the caller's decision; `?mine=true` shows what waits now."""

    scope = "approvals:decide"
    locked_first = False  # the round is
    model = ApprovalStep
    output = ApprovalSerializer
    related = ("entity", "assignee", "decided_by", "request__requester", "request__policy")
    filters = {
        "mine": Filter(_waiting, {"type": "boolean"}, "What waits for the caller now."),
        "status": choice("status", ApprovalStep.Status),
        "document_id": reference("request__subject_id"),
        "document_type": exact("request__subject_type"),
        **created(),
    }
    search_fields = ("request__subject_title",)
    http_method_names = ["get", "head", "options", "post"]

    def visible(self) -> QuerySet[ApprovalStep]:
        return ApprovalStep.objects.visible_to(self.request.user)

    def facts(self, rows: list[ApprovalStep]) -> dict[str, Any]:
        wanted: dict[str, set[UUID]] = defaultdict(set)
        for step in rows:
            wanted[step.request.subject_type].add(step.request.subject_id)
        subjects: dict[UUID, Any] = {}
        for document_type, ids in wanted.items():
            subjects |= document_model(document_type)._base_manager.in_bulk(ids)
        return {"subjects": subjects}

    def _decide(self, decision: str) -> Response:
        said = self.read(DecisionInput)
        step = self.act(self._prove_and_decide, "step", decision=decision, channel="api", **said)
        return self.answer(step)

    @property
    def _prove_and_decide(self) -> Any:
        """The decision, for which a token must be new enough where more than a token is asked."""

        @refusals.told("approval.refused", about="step")
        @transactions.atomic
        def decide(*, step: ApprovalStep, at: datetime, **said: Any) -> ApprovalStep:
            if step.status == ApprovalStep.Status.ACTIVE:
                safeguards.require_proof(self.request, step, at=at)
            return services.decide(step=step, at=at, **said)

        return decide

    @extend_schema(request=DecisionInput, responses={200: ApprovalSerializer})
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Say yes. 403 self-approval for the requester, limit-too-low above one's limit,
        step-up-needed with an old token where more than a token is asked (emergency, over budget,
        a new vendor, above the entity's limit)."""
        return self._decide("approve")

    @extend_schema(request=DecisionInput, responses={200: ApprovalSerializer})
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Say no, with a reason. One no ends the round."""
        return self._decide("reject")

    @extend_schema(request=DecisionInput, responses={200: ApprovalSerializer})
    @action(detail=True, methods=["post"], url_path="return")
    def send_back(self, request: Request, pk: str) -> Response:
        """Ask the requester for changes."""
        return self._decide("return")

    @extend_schema(request=ForwardInput, responses={200: ApprovalSerializer})
    @action(detail=True, methods=["post"])
    def forward(self, request: Request, pk: str) -> Response:
        """Let somebody else decide in one's place; answers with the step that was handed on."""
        self.act(services.forward, "step", **self.read(ForwardInput))
        return self.answer(self.get_object())


class RuleSerializer(Output):
    name = serializers.CharField()
    when = serializers.JSONField(source="conditions")
    steps = serializers.JSONField()


class PolicySerializer(Output):
    id = Id()
    name = serializers.CharField()
    version = serializers.IntegerField(source="policy_version", help_text="Of the policy.")
    status = serializers.ChoiceField(choices=ApprovalPolicy.Status.choices)
    applies_to = serializers.CharField()
    priority = serializers.IntegerField()
    rules = RuleSerializer(many=True)


class PolicyViewSet(Timeline, Resource):
    """The rules that decide who must approve, version by version."""

    model = ApprovalPolicy
    output = PolicySerializer
    prefetched = ("rules",)
    filters = {
        "name": exact("name"),
        "status": choice("status", ApprovalPolicy.Status),
        "applies_to": exact("applies_to"),
    }
    http_method_names = ["get", "head", "options", "post"]

    def visible(self) -> QuerySet[ApprovalPolicy]:
        return ApprovalPolicy.objects.filter(entity_id=self.request.user.entity_id)

    @extend_schema(request=Nothing, responses={200: PolicySerializer})
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Put a draft version into force; the version before it retires."""
        self.read(Nothing)
        return self.answer(self.act(services.activate, "policy_version"))
