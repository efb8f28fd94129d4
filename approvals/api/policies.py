"""The rules that decide who must approve, over the API: drafted, tried and put into force."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from approvals import analysis, services, simulation
from approvals.inputs import RequirementInput, RuleInput
from approvals.models import ApprovalPolicy, PolicyRequirement
from core.api.fields import AmountField, FigureField, Id, MomentField, WholeInput
from core.api.filtering import choice, exact
from core.api.schema import INVALID
from core.api.serializers import Input, Nothing, Output, PersonSerializer, ReasonInput
from core.api.views import Resource, Timeline
from core.errors import DomainError, FieldError, Invalid, NotAllowed

EXAMINES = (Role.ADMINISTRATOR, Role.CONTROLLER, Role.AUDITOR)
MOST_SHOWN = 500  # rounds of a simulation whose chain would change; the figures count all
LONGEST = timedelta(days=1100)


class RuleSerializer(Output):
    name = serializers.CharField()
    when = serializers.JSONField(source="conditions")
    steps = serializers.JSONField()


class RequirementSerializer(Output):
    """A reference that a document must carry when the conditions hold."""

    reference = serializers.CharField()
    when = serializers.JSONField(source="conditions")


class PolicySerializer(Output):
    id = Id()
    name = serializers.CharField()
    version = serializers.IntegerField(source="policy_version", help_text="Of the policy.")
    status = serializers.ChoiceField(choices=ApprovalPolicy.Status.choices)
    applies_to = serializers.CharField()
    description = serializers.CharField()
    priority = serializers.IntegerField()
    rules = RuleSerializer(many=True)
    requirements = RequirementSerializer(many=True)
    editors = PersonSerializer(many=True, help_text="None of them may put it into force.")
    activated_by = PersonSerializer(allow_null=True)
    activated_at = MomentField(allow_null=True)
    retirement_asked_by = PersonSerializer(
        allow_null=True, help_text="Who wants it out of force; somebody else has to agree."
    )
    available_actions = serializers.SerializerMethodField()

    def get_available_actions(self, row: ApprovalPolicy) -> list[str]:
        user = self.context["request"].user
        edits = user.has_role(Role.ADMINISTRATOR)
        draft = row.status == ApprovalPolicy.Status.DRAFT
        found = {"edit", "discard"} if draft and edits else set()
        if user.has_role(Role.ADMINISTRATOR, Role.CONTROLLER):
            if draft and user not in row.editors.all():
                found.add("activate")
            if row.status == ApprovalPolicy.Status.ACTIVE:
                asked_by = row.retirement_asked_by_id
                found |= {"retire"} if asked_by != user.pk else set()
                found |= {"keep"} if asked_by is not None else set()
        if not draft and edits:
            found.add("new-version")
        if user.has_role(*EXAMINES):
            found |= {"findings", "simulate"}
        return sorted(found)


class FindingSerializer(Output):
    """What is wrong or remarkable about a policy."""

    level = serializers.CharField(help_text="error, warning or note; errors forbid activation.")
    code = serializers.CharField()
    rule = serializers.IntegerField(source="rule_position", allow_null=True)
    words = serializers.CharField()
    example = serializers.JSONField()


class FindingsSerializer(Output):
    results = FindingSerializer(many=True)


class ChangedSerializer(Output):
    """A past round whose chain would have been another."""

    document_id = Id(source="subject_id")
    title = serializers.CharField()
    requester = PersonSerializer()
    amount = AmountField()
    rule = serializers.CharField(help_text="Of the draft.")
    before = serializers.ListField(
        source="before_people", child=serializers.CharField(), help_text="Stage by stage."
    )
    after = serializers.ListField(source="after_people", child=serializers.CharField())
    refused = serializers.BooleanField(help_text="It could not have been submitted at all.")
    hours = FigureField(help_text="Working hours it would take longer; negative: shorter.")
    words = serializers.CharField()
    alone = serializers.BooleanField(help_text="Would pass with one signature or none.")


class SimulationSerializer(Output):
    """A draft tried on past rounds. Figures count all, `rows` shows the first that change."""

    rounds = serializers.IntegerField()
    complete = serializers.BooleanField(help_text="false: only the newest were looked at.")
    changed = serializers.IntegerField()
    refused = serializers.IntegerField()
    hours_added = FigureField()
    hours_saved = FigureField()
    currency = serializers.CharField()
    alone = serializers.IntegerField(help_text="Would pass with one signature or none.")
    alone_amount = AmountField()
    newly_alone = serializers.IntegerField(help_text="Of these, what two or more signed then.")
    newly_alone_amount = AmountField()
    rows = ChangedSerializer(many=True)


class ExactJson(serializers.JSONField):
    """JSON whose numbers with a point stay as exact as they were written: they become text."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(_exact(data))


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _exact(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_exact(each) for each in value]
    return f"{value:f}" if isinstance(value, Decimal) else value


class RuleInputSerializer(Input):
    name = serializers.CharField(max_length=120)
    when = ExactJson(
        required=False, default=dict, help_text="{all: [], any: []} of {fact, operator, value}."
    )
    steps = ExactJson(
        help_text="[{mode, quorum, with_previous, sla_hours, approvers: [{kind, value}]}]."
    )


class RequirementInputSerializer(Input):
    reference = serializers.ChoiceField(choices=PolicyRequirement.Reference.choices)
    when = ExactJson(required=False, default=dict)


class PolicyInputSerializer(Input):
    name = serializers.CharField(max_length=120)
    applies_to = serializers.CharField(max_length=32, help_text="Document type.")
    description = serializers.CharField(required=False, allow_blank=True, default="")
    priority = WholeInput(required=False, default=100)
    rules = RuleInputSerializer(many=True, required=False, default=list)
    requirements = RequirementInputSerializer(many=True, required=False, default=list)


SimulationInput = type(
    "SimulationInput",
    (Input,),
    {
        "__doc__": "Rounds begun on these days of the entity; the last 90 by default.",
        "__module__": __name__,
        "from": serializers.DateField(required=False, allow_null=True, default=None),
        "to": serializers.DateField(required=False, allow_null=True, default=None),
    },
)


def _inputs(said: dict[str, Any]) -> dict[str, Any]:
    """Rules and requirements as the services take them, where they were sent."""
    made: dict[str, Any] = {}
    if "rules" in said:
        made["rules"] = [RuleInput(r["name"], r["when"], r["steps"]) for r in said["rules"]]
    if "requirements" in said:
        made["requirements"] = [
            RequirementInput(r["reference"], r["when"]) for r in said["requirements"]
        ]
    return {**said, **made}


def _kept(policy: ApprovalPolicy) -> dict[str, Any]:
    """What a draft says, so that members which are not sent stay."""
    return {
        "name": policy.name,
        "applies_to": policy.applies_to,
        "description": policy.description,
        "priority": policy.priority,
        "rules": [RuleInput(r.name, r.conditions, r.steps) for r in policy.rules.all()],
        "requirements": [
            RequirementInput(r.reference, r.conditions) for r in policy.requirements.all()
        ],
    }


@contextmanager
def _as_sent() -> Iterator[None]:
    """Faults point to the member as it is called here: `when`."""
    try:
        yield
    except DomainError as refusal:
        refusal.errors = [
            FieldError(each.pointer.replace("/conditions", "/when", 1), each.code, each.detail)
            for each in refusal.errors
        ]
        raise


class PolicyViewSet(Timeline, Resource):
    """The rules that decide who must approve, version by version."""

    model = ApprovalPolicy
    output = PolicySerializer
    related = ("activated_by", "retirement_asked_by")
    prefetched = ("rules", "requirements", "editors")
    filters = {
        "name": exact("name"),
        "status": choice("status", ApprovalPolicy.Status),
        "applies_to": exact("applies_to"),
    }

    def visible(self) -> QuerySet[ApprovalPolicy]:
        return ApprovalPolicy.objects.filter(entity_id=self.request.user.entity_id)

    @extend_schema(request=PolicyInputSerializer, responses={201: PolicySerializer})
    def create(self, request: Request) -> Response:
        """A draft of a new policy; it decides nothing until somebody else activates it."""
        said = _inputs(self.read(PolicyInputSerializer))
        with _as_sent():
            made = services.draft_policy(
                entity=request.user.entity, actor=request.user, at=timezone.now(), **said
            )
        return self.answer(made, 201)

    @extend_schema(request=PolicyInputSerializer, responses={200: PolicySerializer})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a draft; members that are not sent stay, lists are replaced as a whole."""
        said = _inputs(self.read(PolicyInputSerializer, partial=True))
        with _as_sent():
            return self.answer(self.act(self._edit, "policy", said=said))

    @staticmethod
    def _edit(*, policy: ApprovalPolicy, said: dict[str, Any], **who: Any) -> ApprovalPolicy:
        return services.edit_policy(policy=policy, **{**_kept(policy), **said}, **who)

    @extend_schema(request=Nothing, responses={200: PolicySerializer})
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Put a draft version into force; the version before it retires. By a second person."""
        self.read(Nothing)
        return self.answer(self.act(services.activate, "policy_version"))

    @extend_schema(request=ReasonInput, responses={200: PolicySerializer})
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Let it decide no more. The first one asks, and it stays active; the second one ends it.
        403 not-allowed for who asked."""
        return self.answer(self.act(services.retire, "policy", **self.read(ReasonInput)))

    @extend_schema(request=ReasonInput, responses={200: PolicySerializer})
    @action(detail=True, methods=["post"])
    def keep(self, request: Request, pk: str) -> Response:
        """Let it stay in force though somebody asked for its end. 409 where nobody did."""
        return self.answer(self.act(services.keep_policy, "policy", **self.read(ReasonInput)))

    @extend_schema(request=Nothing, responses={201: PolicySerializer})
    @action(detail=True, methods=["post"], url_path="new-version")
    def new_version(self, request: Request, pk: str) -> Response:
        """A draft that begins as a copy of this version."""
        self.read(Nothing)
        return self.answer(self.act(services.new_version, "policy"), 201)

    @extend_schema(request=Nothing, responses={204: None})
    @action(detail=True, methods=["post"])
    def discard(self, request: Request, pk: str) -> Response:
        """Throw a draft away."""
        self.read(Nothing)
        self.act(services.discard_policy, "policy")
        return Response(status=204)

    @extend_schema(responses={200: FindingsSerializer, **INVALID}, filters=False)
    @action(detail=True, methods=["get"])
    def findings(self, request: Request, pk: str) -> Response:
        """Rules that are never reached, gaps, and rules that nobody can satisfy."""
        self._require_examiner()
        found = analysis.examine(self.get_object(), at=timezone.now())
        return Response(FindingsSerializer({"results": found}).data)

    @extend_schema(request=SimulationInput, responses={200: SimulationSerializer})
    @action(detail=True, methods=["post"])
    def simulate(self, request: Request, pk: str) -> Response:
        """Whose chain would have been another, and what that costs in time. Changes nothing."""
        said = self.read(SimulationInput)
        self._require_examiner()
        since, until = self._period(said["from"], said["to"])
        found = simulation.simulate(
            draft=self.get_object(), since=since, until=until, at=timezone.now()
        )
        return Response(SimulationSerializer(self._figures(found)).data)

    def _require_examiner(self) -> None:
        if not self.request.user.has_role(*EXAMINES):
            raise NotAllowed("You are not allowed to examine policies.")

    def _period(self, first: Any, last: Any) -> tuple[datetime, datetime]:
        """From the first moment of one day to the last of another."""
        entity = self.request.user.entity
        last = last or entity.day_of(timezone.now())
        first = first or last - timedelta(days=90)
        if first > last or last - first > LONGEST or last.year > 9998 or first.year < 2:
            detail = f"A later day, at most {LONGEST.days} days on."
            raise Invalid(errors=[FieldError("/to", "out_of_range", detail)])
        midnight = time(tzinfo=entity.zone)
        return datetime.combine(first, midnight), datetime.combine(
            last + timedelta(days=1), midnight
        )

    def _figures(self, found: simulation.Simulation) -> dict[str, Any]:
        currency = self.request.user.entity.currency
        rows = [
            {
                "subject_id": row.subject_id,
                "title": row.title,
                "requester": row.requester,
                "amount": row.amount,
                "currency": currency,
                "rule": row.rule,
                "before_people": list(row.before_people),
                "after_people": list(row.after_people),
                "refused": row.after is None,
                "hours": row.hours,
                "words": row.words,
                "alone": row.alone,
            }
            for row in found.changed[:MOST_SHOWN]
        ]
        return {
            "rounds": len(found.rows),
            "complete": found.complete,
            "changed": len(found.changed),
            "refused": len(found.refused),
            "hours_added": found.hours_added,
            "hours_saved": found.hours_saved,
            "currency": currency,
            "alone": len(found.alone),
            "alone_amount": found.alone_amount,
            "newly_alone": len(found.newly_alone),
            "newly_alone_amount": found.newly_alone_amount,
            "rows": rows,
        }
