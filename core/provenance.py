"""Where a change came from: channel, request id and address, for the audit trail.

Provenance is evidence beside the business input, so it travels in a context variable set at the
edge (middleware, task, command) instead of through every signature. It never decides anything.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Provenance:
    channel: str = "system"  # web | api | email | task | command | system
    request_id: str = ""
    address: str = ""


_NOWHERE = Provenance()
_current: ContextVar[Provenance] = ContextVar("provenance", default=_NOWHERE)


def current() -> Provenance:
    return _current.get()


@contextmanager
def coming_from(channel: str, *, request_id: str = "", address: str = "") -> Iterator[None]:
    """Everything published inside is recorded as coming through `channel`."""
    base = _current.get()
    token = _current.set(
        replace(
            base,
            channel=channel,
            request_id=request_id or base.request_id,
            address=address or base.address,
        )
    )
    try:
        yield
    finally:
        _current.reset(token)
