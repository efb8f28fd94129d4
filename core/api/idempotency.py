"""`Idempotency-Key` on POST: the same key and body gives the first answer again."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.db import IntegrityError
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core import idempotency, transactions
from core.api import errors

HEADER = "Idempotency-Key"
KEPT_HEADERS = ("Location", "ETag")


def key_of(request: Request) -> str | None:
    """The request's key, or None. Raises BadRequest for an unusable one."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= 200 or not key.isascii() or not key.isprintable():
        raise errors.BadRequest(f"{HEADER} must be 1 to 200 printable ASCII characters.")
    return key


def once(view: Any, handler: Callable[..., Response], key: str) -> Callable[..., Response]:
    """Wrap a handler so that its effect and its key commit together, or neither does.

    A refusal undoes all, the key with it, and is then kept with the key in a unit of its own.
    Should a twin of the request come in between, its answer is the first, and the one for both.
    """

    def handle(request: Request, *args: Any, **kwargs: Any) -> Response:
        mine = {"user": request.user, "key": key, "request_hash": digest(request)}

        def work() -> Response:
            return handler(request, *args, **kwargs)

        try:
            with suppress(_Taken), transactions.atomic():
                return _remembered(_begun(**mine, at=timezone.now()), work())
            return _first(mine, work)
        except Exception as exc:
            if isinstance(exc, idempotency.KeyReused) or not errors.is_final(exc):
                raise
            refused: Response = view.handle_exception(exc)
            return _first(mine, lambda: refused)

    return handle


@transactions.atomic
def _first(mine: dict[str, Any], work: Callable[[], Response]) -> Response:
    """The answer that the key has; without one that of the work, from now on the key's."""
    row = idempotency.claim(**mine, at=timezone.now())
    return _replay(row) if row.status is not None else _remembered(row, work())


class _Taken(Exception):
    """The key was used before, perhaps by a request that runs just now."""


def _begun(**mine: Any) -> Any:
    try:
        return idempotency.begin(**mine)
    except IntegrityError as error:
        raise _Taken from error


def digest(request: Request) -> str:
    """SHA-256 over method, address and what the body says; white space does not count."""
    said: dict[str, Any] = {}
    for name in sorted(request.data):
        value = request.data[name]
        if hasattr(value, "chunks"):
            content = hashlib.sha256()
            for chunk in value.chunks():
                content.update(chunk)
            value.seek(0)
            said[name] = [value.name, content.hexdigest()]
        else:
            said[name] = value
    text = json.dumps([request.method, request.get_full_path(), said], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _remembered(row: Any, response: Response) -> Response:
    headers = {name: response[name] for name in KEPT_HEADERS if response.has_header(name)}
    body = "" if response.data is None else JSONRenderer().render(response.data).decode()
    idempotency.remember(row, status=response.status_code, headers=headers, body=body)
    return response


def _replay(row: Any) -> Response:
    media_type = errors.MEDIA_TYPE if row.status >= 400 else None
    return Response(
        json.loads(row.body) if row.body else None,
        status=row.status,
        headers={**row.headers, "Idempotent-Replayed": "true"},
        content_type=media_type,
    )
