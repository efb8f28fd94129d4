"""Identifiers of documents: time-ordered, opaque, made by the application."""

from uuid import UUID

from uuid_utils import compat


def new_id() -> UUID:
    """A UUID version 7: ordering by id is ordering by creation, so keyset pages need no more."""
    return compat.uuid7()
