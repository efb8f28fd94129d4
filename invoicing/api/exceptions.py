"""Match exceptions over the API: what stopped an invoice, and what a person decides."""

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from core import transitions
from core.api.fields import AmountField, Id, MomentField, Reference, as_id
from core.api.filtering import Filter, choice, created, exact, reference
from core.api.serializers import Input, Output, PersonSerializer
from core.api.views import Resource, Timeline
from invoicing import services
from invoicing.models import MatchException


class MatchExceptionSerializer(Output):
    id = Id()
    version = serializers.IntegerField()
    invoice = Id(source="invoice_id")
    invoice_number = serializers.CharField(source="invoice.number")
    line = serializers.IntegerField(source="line.line_number", allow_null=True, default=None)
    check = serializers.CharField(source="check_name")
    outcome = serializers.CharField(help_text="exception, or block: cannot be accepted.")
    expected = serializers.CharField()
    actual = serializers.CharField()
    variance = serializers.CharField()
    limit = serializers.CharField()
    rule = serializers.CharField()
    sentence = serializers.CharField(help_text="The arithmetic in words.")
    route = serializers.CharField(help_text="Who can settle it: receiver, buyer, ap, ap_manager.")
    value_at_stake = AmountField(currency="entity.currency", help_text="Entity's currency.")
    assignee = PersonSerializer(allow_null=True)
    age_hours = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=MatchException.Status.choices)
    resolution = serializers.CharField()
    reason_code = serializers.CharField()
    comment = serializers.CharField()
    resolved_at = MomentField(allow_null=True)
    resolved_by = PersonSerializer(allow_null=True)
    created_at = MomentField()
    available_actions = serializers.SerializerMethodField()

    def get_age_hours(self, row: MatchException) -> int:
        until: datetime = row.resolved_at or self.context["now"]
        return max(0, int((until - row.created_at).total_seconds() // 3600))

    def get_available_actions(self, row: MatchException) -> list[str]:
        return transitions.available(row, self.context["request"].user)


class ResolveInput(Input):
    resolution = serializers.ChoiceField(choices=["accept", "return", "wait_for_receipt"])
    reason_code = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    comment = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class AssignInput(Input):
    assignee = Reference(
        lambda user: User.objects.filter(entity_id=user.entity_id, is_active=True),
        noun="person",
        code="email",
        help_text="A person's id or email address.",
    )


def _of_invoice(value: str) -> Q:
    pk = as_id(value)
    return Q(invoice=pk) if pk else Q(invoice__number=value)


class MatchExceptionViewSet(Timeline, Resource):
    """Checks of invoices that need a person."""

    scope = "invoices:write"
    locked_first = False  # the invoice is
    model = MatchException
    output = MatchExceptionSerializer
    related = ("invoice", "line", "assignee", "resolved_by")
    filters: ClassVar[dict[str, Filter]] = {
        "status": choice("status", MatchException.Status),
        "invoice": Filter(_of_invoice, {"type": "string"}, "The invoice's id or number."),
        "check": exact("check_name"),
        "route": exact("route"),
        "assignee": reference("assignee", code="email"),
        **created(),
    }
    default_ordering = "created_at"
    http_method_names = ["get", "head", "options", "post"]

    def facts(self, rows: list[MatchException]) -> dict[str, Any]:
        return {"now": timezone.now()}

    @extend_schema(request=ResolveInput, responses={200: MatchExceptionSerializer})
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: str) -> Response:
        """Accept the variance, return the invoice to the vendor, or wait for the receipt."""
        exception = self.get_object()
        self.act(services.resolve, "exception", **self.read(ResolveInput))
        return self.answer(exception)

    @extend_schema(request=AssignInput, responses={200: MatchExceptionSerializer})
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Give it to somebody."""
        return self.answer(self.act(services.assign, "exception", **self.read(AssignInput)))
