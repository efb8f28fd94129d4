"""What every document page shows below the document: its timeline, files and remarks."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from core.documents import Document
from core.models import Attachment, Comment, TrailEvent


def timeline(document: Document, *, related: Iterable[UUID] = ()) -> QuerySet[TrailEvent]:
    """What happened to a document, oldest first; `related` adds documents shown on its page.

    The caller has already found the document among what the person may see. Statements: 1.
    """
    return (
        TrailEvent.objects.filter(document_id__in=[document.pk, *related])
        .select_related("actor", "on_behalf_of")
        .order_by("stream", "sequence")
    )


def attachments(document: Document) -> QuerySet[Attachment]:
    """Files put to a document, oldest first."""
    return (
        Attachment.objects.filter(document_id=document.pk)
        .select_related("file", "uploaded_by")
        .order_by("id")
    )


def comments(document: Document) -> QuerySet[Comment]:
    """Remarks on a document, oldest first."""
    return Comment.objects.filter(document_id=document.pk).select_related("author").order_by("id")
