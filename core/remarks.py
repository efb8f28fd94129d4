"""Comments and files that people put to a document they can see."""

from datetime import datetime
from typing import Any

from core import events, files, text
from core.documents import Document
from core.errors import FieldError, Invalid, TooLarge, WrongType
from core.models import Attachment, Comment
from core.transactions import atomic

MOST_BYTES = 20 * 1024 * 1024
_MAGIC = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"<?xml": "application/xml",
    b"PK\x03\x04": "application/zip",  # refined by ending
}
_BY_ENDING = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_TEXT = {".csv": "text/csv", ".txt": "text/plain"}


@atomic
def comment(*, document: Document, text_: str, actor: Any, at: datetime) -> Comment:
    """Leave a remark. The caller has found the document among what the actor may see."""
    errors = text.check(text_, "/text", most=5000, required=True, multiline=True)
    if errors:
        raise Invalid(errors=errors)
    made = Comment.objects.create(
        document_type=document.document_type,
        document_id=document.pk,
        author=actor,
        text=text_.strip(),
        at=at,
    )
    kind = document.document_type
    events.publish(
        f"{kind}.commented", document, actor=actor, at=at, data={"comment": str(made.pk)}
    )
    return made


@atomic
def attach(*, document: Document, name: str, data: bytes, actor: Any, at: datetime) -> Attachment:
    """Put a file to a document. Its kind is read from its bytes, never believed from its name.

    Raises TooLarge above 20 MB, WrongType for anything but PDF, pictures, XML, CSV, text and
    office files, Invalid for an empty file or an unusable name.
    """
    errors = text.check(name, "/name", most=200, required=True)
    if not data:
        errors = [*errors, FieldError("/file", "empty", "The file is empty.")]
    if errors:
        raise Invalid(errors=errors)
    if len(data) > MOST_BYTES:
        raise TooLarge("A file may have 20 MB at most.")
    stored = files.store(data, content_type=kind_of(name, data), at=at)
    made = Attachment.objects.create(
        document_type=document.document_type,
        document_id=document.pk,
        file=stored,
        name=name,
        uploaded_by=actor,
        uploaded_at=at,
    )
    events.publish(
        f"{document.document_type}.attached",
        document,
        actor=actor,
        at=at,
        data={"name": name, "sha256": stored.sha256},
    )
    return made


def kind_of(name: str, data: bytes) -> str:
    """The content type by magic number, refined or, for plain text, given by the ending."""
    ending = f".{name.rsplit('.', 1)[-1].lower()}" if "." in name else ""
    for magic, content_type in _MAGIC.items():
        if data.startswith(magic):
            if content_type != "application/zip":
                return content_type
            if ending in _BY_ENDING:  # plain archives are refused: nobody can see into them
                return _BY_ENDING[ending]
    if ending in _TEXT and b"\0" not in data:
        return _TEXT[ending]
    raise WrongType("Send a PDF, picture, XML, CSV, text or office file.")
