"""Stale-write checks: every representation has a version, `If-Match` refuses another one."""

from typing import Any

from rest_framework.request import Request

from core.documents import Document
from core.errors import StaleVersion


def etag(document: Any) -> str:
    return f'"{document.version}"'


def require(document: Document, request: Request) -> None:
    """Lock the document and compare, when the caller sent `If-Match`. Raises StaleVersion.

    Call it inside the transaction of the write, before the service.
    """
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted.strip() == "*":
        return
    locked = type(document).objects.select_for_update().only("version").get(pk=document.pk)
    if etag(locked) not in [each.strip() for each in wanted.split(",")]:
        raise StaleVersion(f"It is at version {locked.version} now; read it again.")
