"""A round of approval as the API shows it, also within the documents it is about."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Prefetch
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from approvals.models import ApprovalRequest, ApprovalStep, StepQuestion
from core.api.fields import Id, MomentField
from core.api.serializers import Output, PersonSerializer, represented
from core.composed import Composed

QUESTIONS = Prefetch(
    "questions",
    StepQuestion.objects.select_related("asked_by", "asked_of").order_by("asked_at", "id"),
)


class PolicyReferenceSerializer(Output):
    name = serializers.CharField(source="policy.name", allow_null=True, default=None)
    version = serializers.IntegerField(source="policy_version")
    rule = serializers.CharField(source="rule_name")


class QuestionSerializer(Output):
    """What somebody wants to know before deciding."""

    id = Id()
    asked_by = PersonSerializer()
    asked_of = PersonSerializer()
    asked_at = MomentField()
    question = serializers.CharField()
    answer = serializers.CharField()
    answered_at = MomentField(allow_null=True)


class StepSerializer(Output):
    """One person's say in a round."""

    id = Id()
    stage = serializers.IntegerField(help_text="Equal numbers are open together, in this order.")
    step = serializers.IntegerField(source="group", help_text="Equal numbers are one group.")
    mode = serializers.CharField(help_text="all of the group, any one, or a quorum of it.")
    quorum = serializers.IntegerField(help_text="How many of the group suffice; 0: as mode says.")
    assignee = PersonSerializer()
    acting_for = serializers.SerializerMethodField(
        help_text="For whom it was decided by somebody else."
    )
    why = serializers.CharField()
    status = serializers.ChoiceField(choices=ApprovalStep.Status.choices)
    due_at = MomentField(allow_null=True)
    activated_at = MomentField(allow_null=True)
    decided_at = MomentField(allow_null=True)
    decided_by = PersonSerializer(allow_null=True)
    channel = serializers.CharField(help_text="web, email, api, or empty.")
    comment = serializers.CharField()
    questions = QuestionSerializer(source="questions.all", many=True)

    @extend_schema_field(PersonSerializer(allow_null=True))
    def get_acting_for(self, step: ApprovalStep) -> Any:
        return self._person(step.assignee) if step.delegation_id else None

    def _person(self, person: User) -> Any:
        return represented(PersonSerializer, [person], self.context)[0]


class RoundSerializer(Output):
    """One round of approval of one version of a document."""

    id = Id()
    status = serializers.ChoiceField(choices=ApprovalRequest.Status.choices)
    policy = PolicyReferenceSerializer(source="*")
    requested_at = MomentField(source="created_at")
    closed_at = MomentField(allow_null=True)
    steps = StepSerializer(source="seen_steps", many=True)


_rounds_of = Composed[ApprovalRequest](
    lambda subjects: (
        ApprovalRequest.objects.filter(subject_id__in=subjects)
        .order_by("id")
        .select_related("policy")
    )
)
_steps_of = Composed[ApprovalStep](
    lambda requests: (
        ApprovalStep.objects.filter(request__in=requests)
        .select_related("assignee", "decided_by")
        .prefetch_related(QUESTIONS)
        .order_by("stage", "group", "id")
    )
)


def rounds(subject_ids: Iterable[UUID]) -> dict[UUID, ApprovalRequest]:
    """The latest round of each document with its steps in order. Statements: 3."""
    found = {each.subject_id: each for each in _rounds_of(set(subject_ids))}
    seen: dict[UUID, list[ApprovalStep]] = defaultdict(list)
    for step in _steps_of([each.pk for each in found.values()]):
        seen[step.request_id].append(step)
    for each in found.values():
        each.seen_steps = seen[each.pk]
    return found
