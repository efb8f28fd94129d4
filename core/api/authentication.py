"""Who calls: a bearer token with scopes, or the signed-in browser with its CSRF token."""

from collections.abc import Callable
from hmac import compare_digest
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from knox.models import get_token_model
from knox.settings import CONSTANTS
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request

from core.api.errors import MissingScope
from core.composed import Composed

SCOPES = (
    "read",
    "requisitions:write",
    "orders:write",
    "receipts:write",
    "invoices:write",
    "approvals:decide",
    "budgets:write",
    "vendors:write",
    "payments:write",
    "admin",
)


_tokens = Composed[Any](
    lambda begins: get_token_model().objects.with_holders().filter(token_key=begins)
)


class TokenAuthentication(KnoxAuthentication):
    """`Authorization: Bearer <token>`; the token is known by its digest and dies with its user.

    One statement a request: person, entity and roles come along, and tokens whose time is over
    are refused here but deleted by a job (`accounts.tasks`).
    """

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def authenticate_credentials(self, token: bytes) -> Any:
        if token.isalnum() and token.isascii() and len(token) <= 200:
            digest = hash_token(token.decode())
            begins = token.decode()[: CONSTANTS.TOKEN_KEY_LENGTH]
            for each in _tokens(begins):
                if compare_digest(each.digest, digest) and not _is_over(each):
                    each.holder()
                    return self.validate_user(each)
        raise exceptions.AuthenticationFailed("Invalid token.")


def _is_over(token: Any) -> bool:
    return token.expiry is not None and token.expiry < timezone.now()


class SessionAuthentication(authentication.SessionAuthentication):
    """The browser's own session; unsafe methods need the CSRF token."""


class HasScope(permissions.BasePermission):
    """A token must carry `read` to read and the view's `scope` to write; `admin` covers all.

    Sessions carry no scopes: what a person may do is decided by the document's own rules.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        granted = getattr(request.auth, "scopes", None)
        if granted is None or not hasattr(view, request.method.lower()):
            return True  # a session; or a method that is not here, which is a 405 for all
        needed = "read" if request.method in permissions.SAFE_METHODS else view.required_scope()
        if needed in granted or "admin" in granted:
            return True
        raise MissingScope(f"This token lacks the scope {needed}.")


_conditions: list[Callable[[Any], None]] = []


def asked_of_everybody(condition: Callable[[Any], None]) -> None:
    """Register what every caller must fulfil; it takes the person and raises a DomainError."""
    if condition not in _conditions:
        _conditions.append(condition)


class WorksForEntity(permissions.BasePermission):
    """Somebody who belongs to no entity, or lacks what it asks for, can see and do nothing here."""

    message = "You belong to no entity."

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.user.entity_id is None:
            return False
        for condition in _conditions:
            condition(request.user)
        return True


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = TokenAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token with scopes."}


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = SessionAuthentication
    name = "session"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "portal_session"}
