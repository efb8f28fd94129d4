"""Where the caller is named, over the API."""

from typing import Any, ClassVar

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import Id, MomentField
from core.api.filtering import Filter
from core.api.serializers import Output, PersonSerializer
from core.api.views import Resource
from notifications import mentions
from notifications.models import Mention


def _seen(text: str) -> Q:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return Q(seen_at__isnull=text == "false")


class MentionSerializer(Output):
    """A comment in which the caller is named."""

    id = Id()
    at = MomentField()
    author = PersonSerializer(source="comment.author")
    text = serializers.CharField(source="comment.text")
    document_type = serializers.CharField(source="comment.document_type")
    document_id = Id(source="comment.document_id")
    reference = serializers.CharField(help_text="The document, as it was called then.")
    seen_at = MomentField(allow_null=True)


class MentionViewSet(Resource):
    """Comments in which the caller is named, newest first."""

    scope = "read"
    model = Mention
    output = MentionSerializer
    related = ("comment__author",)
    orderings: ClassVar[dict[str, str]] = {"at": "id"}
    default_ordering = "-at"
    filters: ClassVar[dict[str, Any]] = {
        "seen": Filter(_seen, {"type": "boolean"}, "Whether the caller has seen to it."),
    }
    http_method_names: ClassVar[list[str]] = ["get", "head", "options", "post"]

    @extend_schema(request=None, responses={200: MentionSerializer})
    @action(detail=True, methods=["post"])
    def seen(self, request: Request, pk: str) -> Response:
        """Take it off the home page. The first time stands."""
        return self.answer(self.act(mentions.see, "mention"))
