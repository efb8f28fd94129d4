"""Files of documents: read and added by whoever sees the document; every download asks again."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from core import attachments, files
from core.api.errors import BadRequest
from core.api.fields import Id, MomentField, as_id
from core.api.filtering import Filter
from core.api.parsing import UploadParser
from core.api.serializers import Input, Output, PersonSerializer
from core.api.views import Resource, download
from core.models import Attachment

# what a token needs to put a file to a document of that type
SCOPES = {
    "requisition": "requisitions:write",
    "order": "orders:write",
    "receipt": "receipts:write",
    "invoice": "invoices:write",
    "vendor": "vendors:write",
}


class DocumentReferenceSerializer(Output):
    type = serializers.CharField(source="document_type")
    id = Id(source="document_id")


class AttachmentSerializer(Output):
    id = Id()
    document = DocumentReferenceSerializer(source="*")
    name = serializers.CharField()
    content_type = serializers.CharField(source="file.content_type")
    size = serializers.IntegerField(source="file.size", help_text="Bytes.")
    sha256 = serializers.CharField(source="file_id")
    uploaded_by = PersonSerializer(allow_null=True)
    uploaded_at = MomentField()
    url = serializers.SerializerMethodField()

    def get_url(self, row: Attachment) -> str:
        return reverse("api:attachments-content", [row.pk], request=self.context["request"])


class AttachmentInput(Input):
    document_type = serializers.ChoiceField(choices=sorted(SCOPES))
    document_id = serializers.CharField(max_length=64)
    file = serializers.FileField(allow_empty_file=True)


class AttachmentViewSet(Resource):
    """Files of a document; name it by document_type and document_id."""

    model = Attachment
    output = AttachmentSerializer
    related = ("file", "uploaded_by")
    parser_classes = [UploadParser]
    filters = {
        "document_type": Filter(lambda value: Q(), {"type": "string", "enum": sorted(SCOPES)}),
        "document_id": Filter(lambda value: Q(), {"type": "string"}),
    }

    def required_scope(self) -> str:
        return SCOPES.get(str(self.request.data.get("document_type")), "admin")

    def visible(self) -> QuerySet[Attachment]:
        """Of one document that the caller sees, or the one attachment that is addressed."""
        if "pk" in self.kwargs:
            return self._addressed_and_seen()
        query = self.request.query_params
        wanted = as_id(query.get("document_id")), query.get("document_type")
        if None in wanted:
            raise BadRequest("Name the document: document_type and document_id.", "invalid-filter")
        return attachments.of(self._document(wanted[1], wanted[0]))

    def _addressed_and_seen(self) -> QuerySet[Attachment]:
        found = Attachment.objects.filter(pk=self.addressed())
        for row in found:
            self._document(row.document_type, row.document_id)
        return found

    def _document(self, document_type: Any, document_id: Any) -> Any:
        return attachments.document_seen_by(
            user=self.request.user, document_type=document_type, document_id=document_id
        )

    @extend_schema(
        request={"multipart/form-data": AttachmentInput}, responses={201: AttachmentSerializer}
    )
    def create(self, request: Request) -> Response:
        """Put a file to a document."""
        said = self.read(AttachmentInput)
        document = self._document(said["document_type"], as_id(said["document_id"]))
        attachment = attachments.attach(
            document=document,
            data=said["file"].read(),
            name=said["file"].name,
            actor=request.user,
            at=timezone.now(),
        )
        return self.answer(attachment, 201)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def content(self, request: Request, pk: str) -> HttpResponse:
        """The file itself, to save."""
        row = self.get_object()
        return download(
            files.read(row.file), name=row.name, content_type="application/octet-stream"
        )
