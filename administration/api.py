"""People and changes of the set-up over the API."""

from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import step_up
from accounts.models import RoleAssignment, User
from administration import kinds, services
from administration.models import READERS, ChangeRequest
from approvals.models import ApprovalPolicy
from core import transitions
from core.api.fields import AmountField, Id, MomentField, Reference
from core.api.filtering import choice, created, exact, flag, reference
from core.api.serializers import (
    ChangeSerializer,
    Input,
    Nothing,
    Output,
    PersonSerializer,
)
from core.api.views import Resource, Timeline
from vendors.changes import WHO_IS_PAID
from vendors.models import Vendor


class PersonInFullSerializer(PersonSerializer):
    """A person with what they may do in their entity."""

    version = serializers.IntegerField()
    email = serializers.CharField()
    job_title = serializers.CharField()
    active = serializers.BooleanField(source="is_active")
    manager = PersonSerializer(allow_null=True)
    roles = serializers.SerializerMethodField()
    currency = serializers.CharField(source="entity.currency")
    approval_limit = AmountField(
        currency="entity.currency", allow_null=True, help_text="null: approves nothing by amount."
    )
    delegated_order_limit = AmountField(currency="entity.currency")
    variance_limit = AmountField(currency="entity.currency")
    created_at = MomentField()

    def get_roles(self, person: Any) -> list[str]:
        return sorted(each.role for each in person.role_assignments.all())


class PeopleViewSet(Timeline, Resource):
    """Who works for the caller's entity, for those who oversee it. Changes are proposed as
    `setting-changes`."""

    model = User
    output = PersonInFullSerializer
    related = ("entity", "manager")
    prefetched = (Prefetch("role_assignments", queryset=RoleAssignment.objects.order_by("role")),)
    filters: ClassVar[dict[str, Any]] = {
        "email": exact("email"),
        "active": flag("is_active"),
        "role": exact("role_assignments__role"),
        "manager": reference("manager", code="email"),
        **created(),
    }
    search_fields = ("name", "email", "job_title")
    http_method_names = ["get", "head", "options"]

    def visible(self) -> QuerySet[User]:
        _require_oversight(self.request)
        return User.objects.visible_to(self.request.user)


class SettingChangeSerializer(Output):
    """A change of roles, limits or settings: proposed by one person, decided by another."""

    id = Id()
    version = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ChangeRequest.Kind.choices)
    status = serializers.ChoiceField(choices=ChangeRequest.Status.choices)
    title = serializers.CharField(source="__str__")
    person = PersonSerializer(allow_null=True)
    policy = serializers.SerializerMethodField()
    vendor = Id(source="vendor_id", allow_null=True)
    before = serializers.JSONField()
    after = serializers.JSONField()
    changes = serializers.SerializerMethodField()
    reason = serializers.CharField()
    proposed_by = PersonSerializer()
    created_at = MomentField()
    decided_by = PersonSerializer(allow_null=True)
    decided_at = MomentField(allow_null=True)
    available_actions = serializers.SerializerMethodField()

    def get_policy(self, change: ChangeRequest) -> str | None:
        return str(change.policy_id) if change.policy_id else None

    @extend_schema_field(ChangeSerializer(many=True))
    def get_changes(self, change: ChangeRequest) -> list[dict[str, Any]]:
        rows = kinds.of(change).rows(change)
        return [{"field": row.field, "old": row.old, "new": row.new} for row in rows]

    def get_available_actions(self, change: ChangeRequest) -> list[str]:
        found = transitions.available(change, self.context["request"].user)
        return ["withdraw"] if "withdraw" in found else []


class SettingChangeInput(Input):
    kind = serializers.ChoiceField(choices=ChangeRequest.Kind.choices)
    person = Reference(
        lambda user: User.objects.visible_to(user),
        noun="person",
        code="email",
        required=False,
        allow_null=True,
        default=None,
        help_text="Whom it is about: an id or an email address.",
    )
    policy = Reference(
        lambda user: ApprovalPolicy.objects.filter(entity_id=user.entity_id),
        noun="policy",
        code=None,
        required=False,
        allow_null=True,
        default=None,
        help_text="The draft that is to come into force, by id.",
    )
    vendor = Reference(
        lambda user: Vendor.objects.visible_to(user),
        noun="vendor",
        required=False,
        allow_null=True,
        default=None,
        help_text="Whose master data it changes: an id or a code.",
    )
    after = serializers.DictField(
        help_text="What is wanted: {roles}, {approval_limit, delegated_order_limit, "
        "variance_limit}, {manager}, {first, second, valid_until}, {pairs: [[duty, duty, roles "
        "too]]}, settings by name, {kind of service: person}, {account: requisition, order or "
        "invoice}, master data by name, a tolerance with the day it holds from; {} for a policy."
    )
    reason = serializers.CharField(max_length=2000, trim_whitespace=False)


class SettingChangeViewSet(Timeline, Resource):
    """Roles, limits and settings change only this way; decided like everything else that is
    approved, in `approvals`."""

    model = ChangeRequest
    output = SettingChangeSerializer
    related = ("entity", "person", "policy", "vendor", "proposed_by", "decided_by")
    filters: ClassVar[dict[str, Any]] = {
        "kind": choice("kind", ChangeRequest.Kind),
        "status": choice("status", ChangeRequest.Status),
        "person": reference("person", code="email"),
        "vendor": reference("vendor", code="code"),
        **created(),
    }
    http_method_names = ["get", "head", "options", "post"]

    @extend_schema(request=SettingChangeInput, responses={201: SettingChangeSerializer})
    def create(self, request: Request) -> Response:
        """Propose a change; it holds once somebody else approves it."""
        said = self.read(SettingChangeInput)
        user, now = request.user, timezone.now()
        if said["vendor"] is not None:
            step_up.require(request, at=now, why=WHO_IS_PAID)
        made = services.propose(entity=user.entity, actor=user, at=now, **said)
        return self.answer(made, 201)

    @extend_schema(request=Nothing, responses={200: SettingChangeSerializer})
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take it back before it is decided; only its proposer may."""
        self.read(Nothing)
        return self.answer(self.act(services.withdraw, "change"))


def _require_oversight(request: Request) -> None:
    if not request.user.has_role(*READERS):
        raise PermissionDenied("People are for those who oversee the entity.")
