"""Remarks that people leave on documents they can see."""

from datetime import datetime
from typing import Any

from core import events, text
from core.documents import Document
from core.errors import Invalid
from core.models import Comment
from core.transactions import atomic


@atomic
def comment(*, document: Document, words: str, actor: Any, at: datetime) -> Comment:
    """Leave a remark. The caller has found the document among what the actor may see."""
    errors = text.check(words, "/text", most=5000, required=True, multiline=True)
    if errors:
        raise Invalid(errors=errors)
    made = Comment.objects.create(
        document_type=document.document_type,
        document_id=document.pk,
        author=actor,
        text=words.strip(),
        at=at,
    )
    events.publish(
        f"{document.document_type}.commented",
        document,
        actor=actor,
        at=at,
        data={"comment": str(made.pk)},
    )
    return made
