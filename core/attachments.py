"""Files that people put to documents: judged by their bytes, kept by digest, read through the
document's own visibility.
"""

import io
import zipfile
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from lxml import etree

from core import events, files, text, transactions, xml
from core.documents import Document, document_model
from core.errors import FieldError, Invalid, Missing, TooLarge, WrongType
from core.models import Attachment

LARGEST = 20 * 1024 * 1024
MOST_PER_DOCUMENT = 50
MOST_ZIP_ENTRIES = 5000
_OFFICE = "application/vnd.openxmlformats-officedocument."
CONTENT_TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "txt": "text/plain",
    "csv": "text/csv",
    "xml": "application/xml",
    "docx": f"{_OFFICE}wordprocessingml.document",
    "xlsx": f"{_OFFICE}spreadsheetml.sheet",
}
_MAGIC = {
    "pdf": b"%PDF-",
    "png": b"\x89PNG\r\n\x1a\n",
    "jpg": b"\xff\xd8\xff",
    "jpeg": b"\xff\xd8\xff",
}
_OFFICE_PARTS = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml"}
_MARKUP = (b"<!doctype", b"<html", b"<svg", b"<script")


@transactions.atomic
def attach(*, document: Document, data: bytes, name: str, actor: Any, at: datetime) -> Attachment:
    """Put a file to a document that the actor can see.

    Raises TooLarge above 20 MiB, WrongType when the bytes are not what the name's ending says or
    that kind is not accepted, Invalid for an empty or encrypted file, a bad name or too many files.
    """
    name = _clean_name(name)
    content_type = judge(data, name)
    kept = Attachment.objects.filter(document_id=document.pk).count()
    if kept >= MOST_PER_DOCUMENT:
        raise _refused("max_files", f"A document takes {MOST_PER_DOCUMENT} files.")
    attachment = Attachment.objects.create(
        document_type=document.document_type,
        document_id=document.pk,
        file=files.store(data, content_type=content_type, at=at),
        name=name,
        uploaded_by=actor,
        uploaded_at=at,
    )
    events.publish(
        f"{document.document_type}.file_attached",
        document,
        actor=actor,
        at=at,
        data={"name": name, "sha256": attachment.file_id, "size": len(data)},
    )
    return attachment


def of(document: Document) -> QuerySet[Attachment]:
    """The files of a document, oldest first."""
    found = Attachment.objects.filter(document_type=document.document_type, document_id=document.pk)
    return found.select_related("file", "uploaded_by").order_by("pk")


def document_seen_by(*, user: Any, document_type: str, document_id: Any) -> Document:
    """The document a file belongs to. Raises Missing when unknown or not the user's to see."""
    try:
        rows = document_model(document_type)._default_manager
    except LookupError:
        raise Missing from None
    if not hasattr(rows, "visible_to"):
        raise Missing
    seen = rows.visible_to(user).filter(pk=document_id).first()
    if seen is None:
        raise Missing
    return seen


def judge(data: bytes, name: str) -> str:
    """The content type of acceptable bytes, found by their content and held against the name."""
    if not data:
        raise _refused("empty", "The file is empty.")
    if len(data) > LARGEST:
        raise TooLarge(f"A file may have {LARGEST // 1024 // 1024} MiB.")
    ending = name.rpartition(".")[2].lower()
    if ending not in CONTENT_TYPES:
        raise WrongType(f"Accepted are {', '.join(CONTENT_TYPES)} files.")
    if not _is(ending, data):
        raise WrongType(f"The content of this file is not {ending}.")
    if ending == "pdf" and b"/Encrypt" in data:
        raise _refused("encrypted", "The PDF is encrypted; nobody could read it here.")
    return CONTENT_TYPES[ending]


def _is(ending: str, data: bytes) -> bool:
    if ending in _MAGIC:
        return data.startswith(_MAGIC[ending])
    if ending in _OFFICE_PARTS:
        return _is_office(data, _OFFICE_PARTS[ending])
    if ending == "xml":
        return _is_xml(data)
    return _is_text(data)


def _is_office(data: bytes, part: str) -> bool:
    """A document of that kind without macros; the archive's directory is read, nothing unpacked."""
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
    macros = any(name.lower().endswith("vbaproject.bin") for name in names)
    return part in names and not macros and len(names) <= MOST_ZIP_ENTRIES


def _is_xml(data: bytes) -> bool:
    try:
        root = xml.parse(data)
    except xml.UnsafeXML:
        return False
    return etree.QName(root).localname.lower() not in ("svg", "html")


def _is_text(data: bytes) -> bool:
    try:
        words = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    start = data.lstrip()[:200].lower()
    return not text.fault(words) and not any(sign in start for sign in _MARKUP)


def _clean_name(name: str) -> str:
    name = name.replace("\\", "/").rpartition("/")[2].strip()
    problems = text.check(name, "/file", most=200, required=True, name=True)
    if problems:
        raise Invalid(errors=problems)
    return name


def _refused(code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError("/file", code, detail)])
