"""Printed documents: HTML in, PDF bytes out. No database, no clock, no network."""

import importlib
from functools import cache
from types import ModuleType
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from core.errors import DomainError

PACKAGES = "libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"


class PdfUnavailable(DomainError):
    """The machine lacks the text library; documents work, their PDFs have to wait."""

    slug = "pdf-unavailable"
    status = 503
    title = "PDF documents cannot be made on this machine yet."


def printed(template: str, context: dict[str, Any]) -> bytes:
    """The PDF of a template in the house style. The same context gives the same bytes.

    It takes seconds of a processor: never call it inside a transaction. Raises PdfUnavailable
    where Pango is missing.
    """
    html = render_to_string(template, context)
    pdf: bytes = typesetting().pdf(html, style_sheet())
    return pdf


@cache
def typesetting() -> ModuleType:
    """The typesetter. Raises PdfUnavailable where Pango is missing."""
    try:
        return importlib.import_module("core.typesetting")
    except (ImportError, OSError) as error:
        raise PdfUnavailable(
            f"PDF documents need Pango. Install it with: sudo apt-get install {PACKAGES}"
        ) from error


def missing_library() -> str:
    """What an administrator has to install before documents can be printed here; else nothing."""
    try:
        typesetting()
    except PdfUnavailable as missing:
        return missing.detail
    return ""


@cache
def style_sheet() -> str:
    """The house style of printed documents."""
    return (settings.BASE_DIR / "templates/pdf/order.css").read_text()
