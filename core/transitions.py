"""Moving a document from one state to the next: legal, allowed, and never silently refused."""

from datetime import datetime
from typing import Any

from django_fsm import can_proceed, has_transition_perm

from core.errors import IllegalTransition, NotAllowed


def perform(transition: Any, *, actor: Any, at: datetime, **facts: Any) -> None:
    """Call a document's transition for `actor` (None is the portal itself) at `at`.

    Raises IllegalTransition when the present state has no such edge, NotAllowed when the
    permission on the transition refuses the actor. The caller holds the row's lock and saves.
    """
    document = transition.__self__
    verb = transition.__name__.replace("_", " ")
    if not can_proceed(transition):
        raise IllegalTransition(
            f"{document.reference} is {document.get_status_display().lower()}: "
            f"it cannot {verb} now."
        )
    if not has_transition_perm(transition, actor):
        raise NotAllowed(f"You are not allowed to {verb} {document.reference}.")
    document._history_user = actor
    before = document.status
    transition(actor=actor, at=at, **facts)
    document.last_transition = (before, document.status)


def available(document: Any, actor: Any) -> list[str]:
    """Names of the transitions that `actor` may perform on the document now, in stable order."""
    return sorted(
        transition.name for transition in document.get_available_user_status_transitions(actor)
    )
