"""What every request gets: an id in its log lines, an address that can be read, local time, and an
answer no cache keeps."""

import uuid
from collections.abc import Callable

import structlog
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import empty

from core import maintenance, provenance, unavailable
from po_portal import errors

logger = structlog.get_logger("po_portal.request")

Handler = Callable[[HttpRequest], HttpResponse]


def request_log(get_response: Handler) -> Handler:
    """Bind a fresh request id to the log, answer with it in X-Request-ID, and log the outcome.

    An id sent by the client is not taken: it would let a caller write into the log.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        request_id = uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        address = request.META.get("REMOTE_ADDR", "")
        with provenance.coming_from("web", request_id=request_id, address=address):
            response = get_response(request)
        response["X-Request-ID"] = request_id
        logger.info(
            "request",
            method=request.method,
            # The resolved pattern, not the path: approval and vendor links carry a secret in it.
            route=request.resolver_match.route if request.resolver_match else "",
            status=response.status_code,
            user_id=_known(request),
        )
        return response

    return handle


def _known(request: HttpRequest) -> str | None:
    """Who asked, as far as the answer needed to know: nobody is looked up for the log."""
    user = getattr(request, "user", None)
    user = getattr(user, "_wrapped", user)  # the person behind Django's lazy object
    if user is None or user is empty or not user.is_authenticated:
        return None
    return str(user.pk)


def only_read(get_response: Handler) -> Handler:
    """Refuse whatever could change something while maintenance lets the portal only be read."""

    def handle(request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            now = timezone.now()
            if until := maintenance.ends_at(now=now):
                return errors.answer(request, unavailable.read_only(until, now=now))
        return get_response(request)

    return handle


def readable(get_response: Handler) -> Handler:
    """An address that holds a NUL is malformed for every page: no database takes one as text.

    Forms name the field, and so does the API.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        asked = f"{request.path_info}?{request.META.get('QUERY_STRING', '')}"
        if not request.path.startswith("/api/") and ("\0" in asked or "%00" in asked):
            raise SuspiciousOperation("a NUL in the address")
        return get_response(request)

    return handle


def local_time(get_response: Handler) -> Handler:
    """Pages show days and hours as they are where the person's entity is; programs get UTC."""

    def handle(request: HttpRequest) -> HttpResponse:
        is_program = request.path.startswith("/api/")
        user = None if is_program or not request.user.is_authenticated else request.user
        if user is None or user.entity is None:
            return get_response(request)
        with timezone.override(user.entity.zone):
            return get_response(request)

    return handle


def private_answers(get_response: Handler) -> Handler:
    """Pages of the portal are private: no shared or browser cache may keep them after sign-out."""

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store, private"
        return response

    return handle
