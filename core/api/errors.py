"""Every refusal of the API as problem details (RFC 9457).

`type` is a stable slug, `errors` names fields by JSON pointer. A refused call changed nothing.
"""

import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404
from django_fsm import TransitionNotAllowed
from rest_framework import exceptions
from rest_framework.response import Response

from core import refusals
from core.errors import DomainError, FieldError
from core.text import escaped
from core.transactions import Busy, Taken, refusal_of
from core.unavailable import refusal as unavailable

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
NOT_FOUND = "There is nothing here that you may see."


class BadRequest(exceptions.APIException):
    """The request itself is malformed: an unknown filter, a broken cursor, a bad header."""

    status_code = 400
    default_code = "malformed"

    def __init__(self, detail: str, slug: str = "malformed") -> None:
        super().__init__(detail)
        self.slug = slug


class MissingScope(exceptions.PermissionDenied):
    """The token does not carry the scope that this call needs."""

    slug = "missing-scope"


# status: (slug, title) of what the framework itself refuses
_FRAMEWORK = {
    400: ("malformed", "The request cannot be read."),
    401: ("not-authenticated", "Sign in first."),
    403: ("not-allowed", "You are not allowed to do this."),
    404: ("not-found", "Not found."),
    405: ("method-not-allowed", "This address does not take that method."),
    413: ("too-large", "The request is too large."),
    415: ("wrong-type", "This media type is not accepted."),
    422: ("invalid", "Some fields need your attention."),
    429: ("too-many-requests", "Too many requests."),
}


def problem_details(exc: Exception, context: dict[str, Any]) -> Response:
    """The framework's exception handler: every exception becomes a problem, none escapes."""
    request = context.get("request")
    refusal = _refusal(exc)
    if refusal is None:
        logger.error("unexpected error in the API", exc_info=exc)
        got_request_exception.send(sender=None, request=getattr(request, "_request", request))
        refusal = {
            "status": 500,
            "slug": "internal-error",
            "title": "Something went wrong on our side.",
            "detail": "It was recorded with the X-Request-ID of this answer.",
        }
    if request is not None and isinstance(exc, DomainError):
        refusals.trace_at(request, exc)
    headers = refusal.pop("headers", None)
    return problem(instance=getattr(request, "path", ""), headers=headers, **refusal)


def problem(
    *,
    status: int,
    slug: str,
    title: str,
    detail: str,
    instance: str,
    errors: list[FieldError] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    body: dict[str, Any] = {
        "type": slug,
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
    }
    if errors:
        body["errors"] = [
            {"pointer": each.pointer, "code": each.code, "detail": each.detail} for each in errors
        ]
    return Response(body, status=status, headers=headers, content_type=MEDIA_TYPE)


def is_final(exc: Exception) -> bool:
    """True for an answer that the same request would get again: a refusal by rule, not bad luck."""
    refusals = DomainError | exceptions.APIException | Http404 | PermissionDenied
    return isinstance(exc, refusals | TransitionNotAllowed) and not isinstance(exc, Busy | Taken)


def _refusal(exc: Exception) -> dict[str, Any] | None:
    exc = refusal_of(exc) or exc
    if isinstance(exc, DomainError):
        return {
            "status": exc.status,
            "slug": exc.slug,
            "title": exc.title,
            "detail": exc.detail,
            "errors": exc.errors,
            "headers": {"Retry-After": "1"} if isinstance(exc, Busy) else None,
        }
    if isinstance(exc, exceptions.ValidationError):
        found = list(field_errors(exc.detail))
        words = found[0].detail if len(found) == 1 else _FRAMEWORK[422][1]
        return _framework(422, words, errors=found)
    if isinstance(exc, exceptions.APIException):
        return _from_framework(exc)
    return _from_django(exc)


def _from_framework(exc: exceptions.APIException) -> dict[str, Any]:
    status = exc.status_code
    words = NOT_FOUND if status == HTTPStatus.NOT_FOUND else str(exc.detail)
    refusal = _framework(status, words, headers={})
    refusal["slug"] = getattr(exc, "slug", refusal["slug"])
    if getattr(exc, "auth_header", None):
        refusal["headers"]["WWW-Authenticate"] = exc.auth_header
    if getattr(exc, "wait", None):
        refusal["headers"]["Retry-After"] = str(int(exc.wait) + 1)
    return refusal


def _from_django(exc: Exception) -> dict[str, Any] | None:
    if isinstance(exc, Http404):
        return _framework(404, NOT_FOUND)
    if out_of_reach := unavailable(exc):
        logger.warning("the database did not serve: %s", exc)
        return out_of_reach.as_problem()
    if isinstance(exc, PermissionDenied):
        return _framework(403, str(exc) or _FRAMEWORK[403][1])
    if isinstance(exc, RequestDataTooBig):
        return _framework(413, "The body is larger than this address takes.")
    if isinstance(exc, SuspiciousOperation):
        return _framework(400, _FRAMEWORK[400][1])
    if isinstance(exc, TransitionNotAllowed):
        return {
            "status": 409,
            "slug": "illegal-transition",
            "title": "The document is not in a state that allows this.",
            "detail": "The document is not in a state that allows this.",
        }
    return None


def _framework(status: int, detail: str, **more: Any) -> dict[str, Any]:
    slug, title = _FRAMEWORK.get(status, ("refused", HTTPStatus(status).phrase))
    return {"status": status, "slug": slug, "title": title, "detail": detail, **more}


def field_errors(detail: Any, pointer: str = "") -> Iterator[FieldError]:
    """Flatten the framework's nested errors to pointers; the document itself is the empty one."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            own = name in ("non_field_errors", "__all__")
            yield from field_errors(inner, pointer if own else f"{pointer}/{escaped(name)}")
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from field_errors(inner, f"{pointer}/{index}" if nested else pointer)
    else:
        yield FieldError(pointer, str(getattr(detail, "code", "invalid")), str(detail))
