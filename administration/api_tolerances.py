"""How far invoices may be off, over the API: as it holds, and what another limit would let by."""

from typing import Any, ClassVar

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from administration import kinds, queries
from administration.models import ChangeRequest
from core.api.fields import AmountField, FigureField, Id
from core.api.filtering import Filter, choice, day_of, exact, reference
from core.api.serializers import HistorySerializer, Input, Output
from core.api.views import Resource, Timeline
from core.errors import Invalid, NotAllowed
from core.models import TrailEvent
from invoicing import limits, preview
from invoicing.models import Tolerance
from invoicing.models.tolerances import READERS
from invoicing.services.tolerances import faults


class ToleranceSerializer(Output):
    """A limit of one scope on some days. It is changed by a `setting-change` of its kind."""

    id = Id()
    check = serializers.CharField(source="check_name")
    direction = serializers.ChoiceField(choices=Tolerance.Direction.choices)
    vendor = Id(source="vendor_id", allow_null=True, help_text="null: all.")
    vendor_name = serializers.CharField(source="vendor.name", allow_null=True, default=None)
    category = serializers.CharField(help_text="Service type; empty: all.")
    percent = FigureField(allow_null=True, help_text="Of what is expected; null: no such limit.")
    absolute = FigureField(
        allow_null=True, help_text="In the invoice's currency, or units; null: no such limit."
    )
    combine = serializers.ChoiceField(
        choices=Tolerance.Combine.choices, help_text="AND: within both limits; OR: within one."
    )
    action = serializers.ChoiceField(
        choices=Tolerance.Action.choices, help_text="What happens beyond it."
    )
    valid_from = serializers.DateField(allow_null=True, help_text="null: from the beginning.")
    valid_to = serializers.DateField(
        allow_null=True,
        help_text="Last day; null: until it is changed. Before valid_from: called off.",
    )
    sentence = serializers.SerializerMethodField()

    def get_sentence(self, row: Tolerance) -> str:
        return limits.sentence(row)


class ToleranceWantedSerializer(Input):
    """A tolerance as a `setting-change` of kind `tolerance` takes it in `after`."""

    after = serializers.DictField(
        help_text="{check, direction, vendor, category, percent, absolute, combine, action, "
        "valid_from, ends}."
    )


class PassingInvoiceSerializer(Output):
    """An invoice that waits and would match."""

    invoice = Id(source="pk")
    number = serializers.CharField()
    vendor_name = serializers.CharField(source="vendor.name")
    currency = serializers.CharField()
    gross = AmountField()


class TolerancePreviewSerializer(Output):
    results = PassingInvoiceSerializer(many=True, source="passing")
    looked_at = serializers.IntegerField(help_text="Waiting invoices that were judged on paper.")
    more = serializers.BooleanField(help_text="More wait than were looked at.")


def _holding(value: str) -> Q:
    day = day_of(value)
    return Q(pk__in=Tolerance.objects.holding(day).order_by().values("pk"))


class ToleranceViewSet(Timeline, Resource):
    """Tolerances that hold, held or will hold, for those who keep or oversee them."""

    model = Tolerance
    output = ToleranceSerializer
    related = ("vendor",)
    filters: ClassVar[dict[str, Any]] = {
        "check": choice("check_name", Tolerance.Check),
        "direction": choice("direction", Tolerance.Direction),
        "vendor": reference("vendor", code="code"),
        "category": exact("category"),
        "valid_on": Filter(
            _holding, {"type": "string", "format": "date"}, "Those that hold on a day."
        ),
    }
    http_method_names = ["get", "head", "options", "post"]

    @extend_schema(responses=HistorySerializer(many=True), filters=False)
    @action(detail=True, methods=["get"])
    def history(self, request: Request, pk: str) -> Response:
        """Every change of its scope: who proposed it, who decided it, when and why."""
        changes = queries.changes_of(self.get_object())
        return self.timeline(TrailEvent.objects.filter(document_id__in=changes.values("pk")))

    @extend_schema(request=ToleranceWantedSerializer, responses={200: TolerancePreviewSerializer})
    @action(detail=False, methods=["post"])
    def simulate(self, request: Request) -> Response:
        """Which waiting invoices would match, were this agreed. Changes nothing."""
        said = self.read(ToleranceWantedSerializer)
        user = request.user
        if not user.has_role(*READERS):
            raise NotAllowed("Tolerances are for those who keep or oversee them.")
        entity = user.entity
        wanted = kinds.tolerances.wanted(ChangeRequest(entity=entity), said["after"])
        if errors := faults(entity, wanted, at=timezone.now()):
            raise Invalid(errors=errors)
        return Response(TolerancePreviewSerializer(preview.would_match(entity, wanted)).data)
