"""Refused acts leave a trace, too: who tried what, on which document, and why it was refused.

A refusal undoes its unit of work and every event in it. The record of the attempt is a unit of its
own, written after that one has ended. It is capped for each person or source, so that nobody can
fill the trail by knocking.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, ClassVar

from django.core.cache import cache
from django.utils import timezone

from core import events, provenance, transactions
from core.errors import DomainError

MOST_A_MINUTE = 20  # of one person or, signed out, of one source
PORTAL_STREAM = "portal"  # of what belongs to no entity


@dataclass
class Door:
    """What somebody knocked at when there is no document behind it, such as an unknown link."""

    reference: str
    document_type: ClassVar[str] = "door"
    stream: ClassVar[str] = PORTAL_STREAM
    version: ClassVar[int] = 0

    @property
    def pk(self) -> uuid.UUID:
        return uuid.uuid5(uuid.NAMESPACE_URL, self.reference)


@dataclass
class Address(Door):
    """An address at which somebody tried an act, in the chain of their entity."""

    document_type: ClassVar[str] = "address"
    stream: str = PORTAL_STREAM  # type: ignore[misc]


def trace_at(request: Any, refusal: DomainError) -> None:
    """Record a refused act of somebody who is signed in, where no service told of it itself."""
    user = request.user
    if user.is_authenticated and request.method not in ("GET", "HEAD", "OPTIONS"):
        address = Address(request.path, stream=str(user.entity_id or PORTAL_STREAM))
        trace(refusal, "address.refused", address, actor=user, at=timezone.now())


def record(
    event_type: str,
    document: Any,
    *,
    actor: Any,
    at: datetime,
    why: str,
    words: str = "",
    data: dict[str, Any] | None = None,
) -> None:
    """Have the trail remember a refused act once the running unit of work has ended.

    `why` is a slug for programs, `words` a sentence for people, `data` further facts as JSON.
    Never hands on what was typed.
    """
    origin = provenance.current()
    source = str(actor.pk) if actor is not None else origin.address

    def write() -> None:
        counted = _counted(source)
        if counted > MOST_A_MINUTE:
            return
        facts = {**(data or {}), "why": why}
        if counted == MOST_A_MINUTE:
            facts["capped"] = "further ones of this minute are not recorded"
        with provenance.coming_from(origin.channel), transactions.atomic():
            events.publish(event_type, document, actor=actor, at=at, reason=words, data=facts)

    transactions.afterwards(write)


def trace(
    refusal: DomainError, event_type: str, document: Any, *, actor: Any, at: datetime
) -> None:
    """Record a refusal of the kind that leaves a trace, once however many services it passes."""
    if refusal.leaves_trace:
        refusal.leaves_trace = False
        record(event_type, document, actor=actor, at=at, why=refusal.slug, words=refusal.detail)


Named = str | Callable[[dict[str, Any]], Any]


def told(event_type: str, about: Named) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a service so that its refusals which leave a trace are recorded.

    `about` names the argument that holds the document, or finds it in the arguments; `actor` and
    `at` are taken from the call. Stands outside of `transactions.atomic`.
    """

    def decorate(service: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(service)
        def call(**said: Any) -> Any:
            try:
                return service(**said)
            except DomainError as refusal:
                document = about(said) if callable(about) else said[about]
                at = said.get("at") or timezone.now()
                trace(refusal, event_type, document, actor=said.get("actor"), at=at)
                raise

        return call

    return decorate


def _counted(source: str) -> int:
    """How many refusals of this source this minute, this one included."""
    key = f"refusals:{source}"
    if cache.add(key, 1, 60):
        return 1
    try:
        return cache.incr(key)
    except ValueError:  # it ran out between the two calls
        cache.add(key, 1, 60)
        return 1
