"""Who may perform a transition, as small functions that sit on the transition itself.

Each names in `words` whom it lets pass; docs/lifecycle.md is made of them.
"""

from collections.abc import Callable
from typing import Any

from accounts.models import Role

Permission = Callable[[Any, Any], bool]


def named(words: str) -> Callable[[Permission], Permission]:
    """Say in words whom a permission lets pass."""

    def name(permission: Permission) -> Permission:
        permission.words = words  # type: ignore[attr-defined]
        return permission

    return name


def words_of(permission: Permission | None) -> str:
    """Whom it lets pass; a transition without permission is the service's business alone."""
    return getattr(permission, "words", "") or "the service behind it"


def role(*roles: str) -> Permission:
    """A person of the document's entity with one of these roles. Superusers are no exception."""

    @named(", ".join(Role(each).label for each in roles))
    def allowed(document: Any, user: Any) -> bool:
        return (
            user is not None
            and user.is_active
            and user.entity_id == document.entity_id
            and user.has_role(*roles)
        )

    return allowed


@named("the portal itself")
def portal(document: Any, user: Any) -> bool:
    """The portal itself (matching, scheduled work), never a person."""
    return user is None


def person(attribute: str) -> Permission:
    """The person named on the document in `attribute`, such as its requester."""

    @named(f"its {attribute}")
    def allowed(document: Any, user: Any) -> bool:
        return (
            user is not None and user.is_active and getattr(document, f"{attribute}_id") == user.pk
        )

    return allowed


def either(*permissions: Permission) -> Permission:
    @named(", ".join(words_of(permission) for permission in permissions))
    def allowed(document: Any, user: Any) -> bool:
        return any(permission(document, user) for permission in permissions)

    return allowed
