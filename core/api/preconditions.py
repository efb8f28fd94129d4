"""Stale-write checks: every representation has a version, `If-Match` refuses another one."""

from typing import Any

from rest_framework.request import Request

from core.documents import Document
from core.errors import StaleVersion


def etag(document: Any) -> str:
    return f'"{document.version}"'


def wanted_by(request: Request) -> str | None:
    """The versions that the caller will have the write done to; None for whichever there is."""
    wanted = request.headers.get("If-Match")
    return None if wanted is None or wanted.strip() == "*" else wanted


def require_none(request: Request) -> None:
    """Refuse a write to what has no version when the caller sent one. Raises StaleVersion."""
    if wanted_by(request) is not None:
        raise StaleVersion("It has no version that a write could be bound to.")


def require(document: Document, request: Request, *, lock: bool) -> None:
    """Compare versions when the caller sent `If-Match`. Raises StaleVersion.

    Call it inside the transaction of the write, before the service. `lock` holds the document
    until then; a document whose service locks another one first must not be locked here.
    """
    wanted = wanted_by(request)
    if wanted is None:
        return
    rows = type(document)._base_manager.filter(pk=document.pk)
    found = (rows.select_for_update(no_key=True) if lock else rows).only("version").get()
    if etag(found) not in [each.strip() for each in wanted.split(",")]:
        raise StaleVersion(f"It is at version {found.version} now; read it again.")
