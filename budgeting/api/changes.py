"""Budget changes over the API."""

from typing import Any, ClassVar

from django.db.models import Prefetch
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from budgeting import facts
from budgeting.api.fields import CELL, BudgetReference
from budgeting.inputs import ChangeInput, MoveInput
from budgeting.models import BudgetChange, BudgetChangeLine
from budgeting.services import changes
from core import transitions
from core.api.fields import AmountField, DecimalInput, Id, MomentField
from core.api.filtering import Filter, choice, created, exact, reference
from core.api.serializers import Input, Nothing, Output, PersonSerializer, ReasonInput
from core.api.views import Resource, Timeline
from core.documents import Document

_ACTIONS = ("submit", "withdraw")


class BudgetChangeLineSerializer(Output):
    budget = Id(source="cell_id")
    name = serializers.CharField(source="cell.__str__")
    cost_center = serializers.CharField(source="cell.cost_center.code")
    gl_account = serializers.CharField(source="cell.gl_account.code")
    project = serializers.CharField(source="cell.project.code", allow_null=True, default=None)
    amount = AmountField(currency="cell.entity.currency", help_text="Signed: out is below zero.")
    is_applied = serializers.SerializerMethodField()

    def get_is_applied(self, line: BudgetChangeLine) -> bool:
        return line.adjustment_id is not None


class BudgetChangeSerializer(Output):
    """A change of budgets: proposed by one person, approved by another, then applied at once."""

    id = Id()
    version = serializers.IntegerField()
    number = serializers.CharField(allow_null=True)
    kind = serializers.ChoiceField(choices=BudgetChange.Kind.choices)
    status = serializers.ChoiceField(choices=BudgetChange.Status.choices)
    title = serializers.CharField()
    reason = serializers.CharField()
    currency = serializers.CharField(source="entity.currency")
    total = AmountField(currency="entity.currency")
    lines = BudgetChangeLineSerializer(many=True)
    reverses = Id(source="reverses_id", allow_null=True)
    proposed_by = PersonSerializer()
    created_at = MomentField()
    submitted_at = MomentField(allow_null=True)
    decided_by = PersonSerializer(allow_null=True)
    decided_at = MomentField(allow_null=True)
    available_actions = serializers.SerializerMethodField()

    def get_available_actions(self, change: BudgetChange) -> list[str]:
        found = transitions.available(change, self.context["request"].user)
        return [name for name in _ACTIONS if name in found]


class MoveInputSerializer(Input):
    budget = BudgetReference(help_text="A budget's id.")
    amount = DecimalInput(scale=4, help_text="Signed: what goes out is below zero.")


class BudgetChangeInput(Input):
    kind = serializers.ChoiceField(choices=BudgetChange.Kind.choices)
    reason = serializers.CharField(max_length=2000, trim_whitespace=False)
    lines = MoveInputSerializer(many=True)


class BudgetChangeViewSet(Timeline, Resource):
    """Transfers and revisions of budgets; decided like everything else, in `approvals`."""

    scope = "budgets:write"
    model = BudgetChange
    output = BudgetChangeSerializer
    related = ("entity", "proposed_by", "decided_by")
    prefetched = (
        Prefetch(
            "lines",
            BudgetChangeLine.objects.select_related(*(f"cell__{name}" for name in CELL)),
        ),
    )
    filters: ClassVar[dict[str, Filter]] = {
        "number": exact("number"),
        "kind": choice("kind", BudgetChange.Kind),
        "status": choice("status", BudgetChange.Status),
        "proposed_by": reference("proposed_by", code="email"),
        **created(),
    }
    search_fields = ("number", "title", "reason")

    @extend_schema(request=BudgetChangeInput, responses={201: BudgetChangeSerializer})
    def create(self, request: Request) -> Response:
        """A draft of one's own; budgets stay as they are until somebody else approves it."""
        data = _said(self.read(BudgetChangeInput))
        made = changes.create(
            entity=request.user.entity, data=data, actor=request.user, at=timezone.now()
        )
        return self.answer(made, 201)

    @extend_schema(request=BudgetChangeInput, responses={200: BudgetChangeSerializer})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a draft; members that are not sent stay, `lines` are replaced as a whole."""
        said = self.read(BudgetChangeInput, partial=True)
        return self.answer(self.act(_edit, "change", said=said))

    @extend_schema(request=Nothing, responses={200: BudgetChangeSerializer})
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: str) -> Response:
        """Ask for approval. 422 budget-below-use when what goes out is in use already."""
        self.read(Nothing)
        return self.answer(self.act(changes.submit, "change"))

    @extend_schema(request=ReasonInput, responses={200: BudgetChangeSerializer})
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take it back before it is decided."""
        return self.answer(self.act(changes.withdraw, "change", **self.read(ReasonInput)))

    @extend_schema(request=ReasonInput, responses={201: BudgetChangeSerializer})
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, pk: str) -> Response:
        """Propose the exact opposite of an approved change, and ask for its approval."""
        said = self.read(ReasonInput)
        return self.answer(self.act(changes.reverse, "change", **said), 201)


def _said(said: dict[str, Any]) -> ChangeInput:
    moves = [MoveInput(each["budget"], each["amount"]) for each in said["lines"]]
    return ChangeInput(said["kind"], said["reason"], moves)


def _edit(*, change: Document, said: dict[str, Any], **who: Any) -> BudgetChange:
    kept: Any = change
    lines = [{"budget": line.cell, "amount": line.amount} for line in facts.lines_of(kept)]
    stated = {"kind": kept.kind, "reason": kept.reason, "lines": lines}
    return changes.edit(change=kept, data=_said({**stated, **said}), **who)
