"""The audit trail as a list, for those whose duty it is to look."""

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from core.api.fields import Id, MomentField
from core.api.filtering import Filter, exact, moment, reference
from core.api.serializers import ChangeSerializer, Output, PersonSerializer, own_type, public_type
from core.api.views import Resource
from core.models import TrailEvent

READERS = ("auditor", "controller", "administrator")


class EventDataSerializer(Output):
    """What happened to which document."""

    document_type = serializers.CharField()
    document_id = Id()
    reference = serializers.CharField(source="document_reference")
    version = serializers.IntegerField(source="document_version")
    actor = PersonSerializer(allow_null=True)
    on_behalf_of = PersonSerializer(allow_null=True)
    channel = serializers.CharField()
    reason = serializers.CharField()
    changes = ChangeSerializer(many=True)
    details = serializers.JSONField(source="data")


class EventSerializer(Output):
    id = Id()
    type = serializers.SerializerMethodField(help_text="Such as purchase_order.issued.")
    at = MomentField()
    recorded_at = MomentField()
    sequence = serializers.IntegerField()
    data = EventDataSerializer(source="*")

    def get_type(self, event: TrailEvent) -> str:
        return public_type(event.type)


class EventViewSet(Resource):
    """Everything that happened in the caller's entity, for auditors and controllers."""

    model = TrailEvent
    output = EventSerializer
    related = ("actor", "on_behalf_of")
    orderings = {"at": "sequence"}
    default_ordering = "-at"
    filters = {
        "type": Filter(
            lambda value: Q(type=own_type(value)),
            {"type": "string"},
            "Such as purchase_order.issued.",
        ),
        "document_type": exact("document_type"),
        "document_id": reference("document_id", description="The document's id."),
        "after": moment("at", "gt"),
        "before": moment("at", "lt"),
    }
    http_method_names = ["get", "head", "options"]

    def visible(self) -> QuerySet[Any]:
        user = self.request.user
        if not user.has_role(*READERS):
            raise PermissionDenied("The audit trail is read by auditors and controllers.")
        return TrailEvent.objects.filter(stream=str(user.entity_id))
