"""Approval steps: decided by the person they wait for, or by who decides for them."""

from collections import defaultdict
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from approvals import queries, safeguards, services
from approvals.api.rounds import QUESTIONS, PolicyReferenceSerializer, StepSerializer
from approvals.models import ApprovalPolicy, ApprovalStep, StepQuestion
from approvals.services.decisions import DECISIONS
from core import refusals, transactions, transitions
from core.api.fields import AmountField, Id, Reference, as_id
from core.api.filtering import Filter, choice, created, exact, reference
from core.api.serializers import Input, Output, PersonSerializer
from core.api.views import Resource, Timeline, all_but
from core.composed import Composed
from core.documents import document_model

VERBS = {"approve": "approve", "reject": "reject", "send_back": "return", "hand_on": "forward"}
MOST_AT_ONCE = 200


class SubjectSerializer(Output):
    """The document that is to be approved, as it is now."""

    type = serializers.CharField()
    id = Id()
    number = serializers.CharField(allow_null=True)
    title = serializers.CharField()
    total = AmountField()
    currency = serializers.CharField()


class ApprovalSerializer(StepSerializer):
    """A step with what it is about."""

    version = serializers.IntegerField()
    document = serializers.SerializerMethodField()
    requester = PersonSerializer(source="request.requester")
    acting_for = serializers.SerializerMethodField(
        help_text="For whom the caller decides, or for whom it was decided by somebody else."
    )
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

    @extend_schema_field(PersonSerializer(allow_null=True))
    def get_acting_for(self, step: ApprovalStep) -> Any:
        others = step.acting_under is not None and step.status == ApprovalStep.Status.ACTIVE
        return self._person(step.assignee) if others else super().get_acting_for(step)

    def get_available_actions(self, step: ApprovalStep) -> list[str]:
        user = self.context["request"].user
        open_to = [each for each in step.questions.all() if each.answered_at is None]
        found = {"answer"} if any(each.asked_of_id == user.pk for each in open_to) else set()
        if user.pk in self.context["barred"][step.pk]:
            return sorted(found)
        found |= {VERBS[name] for name in transitions.available(step, user) if name in VERBS}
        if "approve" in found:
            found.add("add-approver")
            if user.pk == step.assignee_id and not open_to:
                found.add("ask")
        return sorted(found)


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


def _people(user: User) -> QuerySet[User]:
    return User.objects.filter(entity_id=user.entity_id, is_active=True)


class ForwardInput(Input):
    to = Reference(
        _people, noun="person", code="email", help_text="A person's id or email address."
    )
    comment = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class AskInput(Input):
    question = serializers.CharField(max_length=2000)
    of = Reference(
        _people,
        noun="person",
        code="email",
        required=False,
        allow_null=True,
        default=None,
        help_text="A person's id or email address; the requester by default.",
    )


class AnswerInput(Input):
    answer = serializers.CharField(max_length=2000)


class AddApproverInput(Input):
    person = Reference(
        _people, noun="person", code="email", help_text="A person's id or email address."
    )
    comment = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class SeenInput(Input):
    id = serializers.UUIDField()
    digest = serializers.CharField(
        max_length=64, required=False, allow_null=True, default=None, help_text="As in approve."
    )


class ManyInput(Input):
    decision = serializers.ChoiceField(choices=DECISIONS)
    comment = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")
    steps = SeenInput(many=True, allow_empty=False, max_length=MOST_AT_ONCE)


class OutcomeSerializer(Output):
    """What became of one of them."""

    id = Id(source="step_id")
    ok = serializers.BooleanField()
    type = serializers.CharField(source="slug", help_text="Why not, as a stable slug, or empty.")
    detail = serializers.CharField(help_text="Why not, in words, or empty.")


class OutcomesSerializer(Output):
    results = OutcomeSerializer(many=True)


def _waiting(value: str) -> Q:
    """Of the visible steps those that are open wait for the caller, if for somebody else's sake."""
    if value not in ("true", "false"):
        raise ValueError("must be true or false")
    waiting = Q(status=ApprovalStep.Status.ACTIVE)
    return waiting if value == "true" else ~waiting


_SHOWN = ("number", "total", "currency")


@cache
def _subjects_of(document_type: str) -> Composed[Any]:
    """Documents of a type by their ids, with as much of them as is shown beside a step."""
    model = document_model(document_type)
    columns = {each.name for each in model._meta.concrete_fields}
    shown = _SHOWN if columns.issuperset(_SHOWN) else columns
    return Composed(lambda ids: model._base_manager.filter(pk__in=ids).only(*shown))


class ApprovalViewSet(Timeline, Resource):
    """What waits or waited for the caller's decision; `?mine=true` shows what waits now."""

    scope = "approvals:decide"
    locked_first = False  # the round is
    model = ApprovalStep
    output = ApprovalSerializer
    related = ("assignee", "decided_by", "request__requester", "request__policy")
    prefetched = (QUESTIONS,)
    unread = (
        *all_but("assignee", User, "name"),
        *all_but("decided_by", User, "name"),
        *all_but("request__requester", User, "name"),
        *all_but("request__policy", ApprovalPolicy, "name"),
        "request__parts",
    )
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
        """Who was asked something reaches the step in order to answer, and for nothing else."""
        user: Any = self.request.user
        if self.action == "tell":
            asked = StepQuestion.objects.filter(asked_of=user, step__entity=user.entity_id)
            return ApprovalStep.objects.filter(pk__in=asked.values("step"))
        return ApprovalStep.objects.visible_to(user)

    def get_object(self) -> Any:
        """An act on a step that the caller may not see is a 404 that the trail remembers."""
        try:
            return super().get_object()
        except NotFound:
            pk = as_id(self.kwargs["pk"])
            if self.request.method == "POST" and pk is not None:
                safeguards.note_attempt(self.request.user, pk, at=timezone.now())
            raise

    def facts(self, rows: list[ApprovalStep]) -> dict[str, Any]:
        user: Any = self.request.user
        queries.look_for(user, rows, timezone.now())
        wanted: dict[str, set[UUID]] = defaultdict(set)
        for step in rows:
            wanted[step.request.subject_type].add(step.request.subject_id)
        subjects: dict[UUID, Any] = {}
        for document_type, ids in wanted.items():
            subjects |= {each.pk: each for each in _subjects_of(document_type)(ids)}
        barred = queries.requester_sides([step.request for step in rows], timezone.now())
        return {
            "subjects": subjects,
            "barred": {step.pk: barred[step.request_id] for step in rows},
        }

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

    @extend_schema(request=AskInput, responses={200: ApprovalSerializer})
    @action(detail=True, methods=["post"])
    def ask(self, request: Request, pk: str) -> Response:
        """Ask the requester, or somebody else of the round, before deciding. The clock waits."""
        said = self.read(AskInput)
        of = said.pop("of") or self.get_object().request.requester
        self.act(services.ask, "step", of=of, **said)
        return self.answer(self.get_object())

    @extend_schema(
        operation_id="approvals_answer", request=AnswerInput, responses={200: ApprovalSerializer}
    )
    @action(detail=True, methods=["post"], url_path="answer")
    def tell(self, request: Request, pk: str) -> Response:
        """Answer the question that is open on it; for the person who was asked."""
        self.act(self._answer, "step", **self.read(AnswerInput))
        return self.answer(self.get_object())

    @staticmethod
    def _answer(*, step: ApprovalStep, actor: Any, **said: Any) -> StepQuestion:
        mine = step.questions.filter(asked_of=actor).order_by("-asked_at", "-id")
        question = mine.filter(answered_at=None).first() or mine[0]
        return services.answer(question=question, actor=actor, **said)

    @extend_schema(request=AddApproverInput, responses={200: ApprovalSerializer})
    @action(detail=True, methods=["post"], url_path="add-approver")
    def add_approver(self, request: Request, pk: str) -> Response:
        """Ask somebody else to agree as well, in the same stage; answers with the own step."""
        self.act(services.add_approver, "step", **self.read(AddApproverInput))
        return self.answer(self.get_object())

    @extend_schema(request=ManyInput, responses={200: OutcomesSerializer}, filters=False)
    @action(detail=False, methods=["post"], url_path="decide-many")
    def decide_many(self, request: Request) -> Response:
        """The same decision on many. Each stands by itself: `results` says what became of it."""
        said = self.read(ManyInput)
        at = timezone.now()
        outcomes = services.decide_many(
            steps=[(each["id"], each["digest"]) for each in said["steps"]],
            decision=said["decision"],
            comment=said["comment"],
            actor=request.user,
            at=at,
            channel="api",
            first=lambda step: safeguards.require_proof(request, step, at=at),
        )
        return Response(OutcomesSerializer({"results": outcomes}).data)
