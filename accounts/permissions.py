"""Who may perform a transition, as small functions that sit on the transition itself."""

from collections.abc import Callable
from typing import Any

Permission = Callable[[Any, Any], bool]


def role(*roles: str) -> Permission:
    """A person of the document's entity with one of these roles. Superusers are no exception."""

    def allowed(document: Any, user: Any) -> bool:
        return (
            user is not None
            and user.is_active
            and user.entity_id == document.entity_id
            and user.has_role(*roles)
        )

    return allowed


def portal(document: Any, user: Any) -> bool:
    """The portal itself (matching, scheduled work), never a person."""
    return user is None


def person(attribute: str) -> Permission:
    """The person named on the document in `attribute`, such as its requester."""

    def allowed(document: Any, user: Any) -> bool:
        return (
            user is not None and user.is_active and getattr(document, f"{attribute}_id") == user.pk
        )

    return allowed


def either(*permissions: Permission) -> Permission:
    def allowed(document: Any, user: Any) -> bool:
        return any(permission(document, user) for permission in permissions)

    return allowed
