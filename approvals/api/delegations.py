"""Who decides for whom, over the API."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from approvals import services
from approvals.models import Delegation
from core import transitions
from core.api.fields import AmountField, DecimalInput, Id, MomentField, Reference
from core.api.filtering import choice, created, moment, reference
from core.api.serializers import Input, Output, PersonSerializer, ReasonInput
from core.api.views import Resource, Timeline


class DelegationSerializer(Output):
    id = Id()
    version = serializers.IntegerField()
    from_user = PersonSerializer()
    to_user = PersonSerializer()
    duties = serializers.ListField(
        child=serializers.CharField(), help_text="Document types; none: all that can be approved."
    )
    valid_from = MomentField()
    valid_to = MomentField()
    max_amount = AmountField(
        currency="entity.currency", allow_null=True, help_text="null: the delegator's own limit."
    )
    currency = serializers.CharField(source="entity.currency")
    reason = serializers.CharField()
    status = serializers.ChoiceField(choices=Delegation.Status.choices)
    is_standing = serializers.SerializerMethodField(help_text="Whether it holds at this moment.")
    created_by = PersonSerializer()
    created_at = MomentField()
    revoked_at = MomentField(allow_null=True)
    available_actions = serializers.SerializerMethodField()

    def get_is_standing(self, row: Delegation) -> bool:
        standing = row.status == Delegation.Status.STANDING
        return standing and row.valid_from <= self.context["now"] < row.valid_to

    def get_available_actions(self, row: Delegation) -> list[str]:
        over = row.valid_to <= self.context["now"]
        return [] if over else transitions.available(row, self.context["request"].user)


def _people(user: User) -> QuerySet[User]:
    return User.objects.filter(entity_id=user.entity_id)


_PERSON: dict[str, Any] = {"noun": "person", "code": "email"}


class DelegationInput(Input):
    from_user = Reference(
        _people, **_PERSON, required=False, help_text="An id or email address; the caller if none."
    )
    to_user = Reference(_people, **_PERSON, help_text="A person's id or email address.")
    duties = serializers.ListField(
        child=serializers.CharField(max_length=32), required=False, default=list, max_length=50
    )
    valid_from = serializers.DateTimeField(help_text="Today begins now.")
    valid_to = serializers.DateTimeField(help_text="At most 90 days later.")
    max_amount = DecimalInput(
        scale=2, required=False, allow_null=True, default=None, help_text="Base currency."
    )
    reason = serializers.CharField(max_length=200)


class DelegationViewSet(Timeline, Resource):
    """Delegations that the caller gave, received or looks after."""

    scope = "approvals:decide"
    model = Delegation
    output = DelegationSerializer
    related = ("entity", "from_user", "to_user", "created_by")
    filters = {
        "from_user": reference("from_user", code="email"),
        "to_user": reference("to_user", code="email"),
        "status": choice("status", Delegation.Status),
        "valid_from_before": moment("valid_from", "lt"),
        "valid_to_after": moment("valid_to", "gt"),
        **created(),
    }
    http_method_names = ["get", "head", "options", "post"]

    def facts(self, rows: list[Delegation]) -> dict[str, Any]:
        return {"now": timezone.now()}

    @extend_schema(request=DelegationInput, responses={201: DelegationSerializer})
    def create(self, request: Request) -> Response:
        """Let somebody decide as well: for oneself, for one's people, or as an administrator."""
        said = {"from_user": request.user, **self.read(DelegationInput)}
        made = services.delegate(**said, actor=request.user, at=timezone.now())
        return self.answer(made, 201)

    @extend_schema(request=ReasonInput, responses={200: DelegationSerializer})
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: str) -> Response:
        """End it at once; one that has not begun never will."""
        return self.answer(
            self.act(services.revoke_delegation, "delegation", **self.read(ReasonInput))
        )
