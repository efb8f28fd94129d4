"""The unit of work: one database transaction whose events are written at its very end.

Events share one hash chain per entity, so writing them takes the chain's lock. Written where they
happen, that lock would be held while budget cells are still being locked, and two transactions
could wait for each other. Buffered until the outermost `atomic` ends, the chain lock is always the
last one taken and is held for a moment only.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import (
    DatabaseError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    transaction,
)

from core.errors import Conflict

logger = logging.getLogger(__name__)

_BUSY = (
    *("could not obtain lock", "lock timeout", "deadlock detected", "database is locked"),
    "cached plan must not change",  # a migration came between: undoing the unit drops the plans
)
_TAKEN = "unique constraint"
_pending: ContextVar[list[Any] | None] = ContextVar("pending_events", default=None)
_afterwards: ContextVar[list[Callable[[], None]] | None] = ContextVar("afterwards", default=None)
_writers: list[Callable[[list[Any]], None]] = []


class NoUnitOfWork(RuntimeError):
    """An event was published outside `core.transactions.atomic`."""


class Busy(Conflict):
    """A lock that did not come in time: bad luck, no rule. The same call may pass in a moment."""

    slug = "busy"
    title = "Somebody else is changing this right now. Nothing was changed; please try again."


class Taken(Conflict):
    """Of two that make the same thing at the same moment, the second."""

    slug = "taken"
    title = "Somebody else just made the same. Look at what is there, then try again."


def refusal_of(fault: Exception) -> Conflict | None:
    """A race that the database decided, as a refusal; None for what is a fault of ours."""
    words = str(fault).lower()
    is_fate = isinstance(fault, OperationalError | NotSupportedError)
    if is_fate and any(sign in words for sign in _BUSY):
        return Busy()
    if isinstance(fault, IntegrityError) and _TAKEN in words:
        return Taken()
    return None


def write_with(writer: Callable[[list[Any]], None]) -> None:
    """Register the function that stores buffered events when a unit of work ends."""
    if writer not in _writers:
        _writers.append(writer)


def is_running() -> bool:
    """Whether a unit of work has begun on this thread."""
    return _pending.get() is not None


def defer(event: Any) -> None:
    """Keep an event for the end of the running unit of work. Raises NoUnitOfWork outside one."""
    pending = _pending.get()
    if pending is None:
        raise NoUnitOfWork("publish events inside core.transactions.atomic")
    pending.append(event)


def afterwards(work: Callable[[], None]) -> None:
    """Do `work` once the outermost unit of work has ended, committed or undone; now outside one.

    For what must outlive a rollback, such as the record of a refused act. It is a unit of its own:
    its failure is logged and changes nothing about the unit that ended.
    """
    waiting = _afterwards.get()
    if waiting is None:
        _after([work])
    else:
        waiting.append(work)


def _after(works: list[Callable[[], None]]) -> None:
    for work in works:
        try:
            work()
        except Exception:
            logger.exception("what was to follow a unit of work failed")


def atomic(function: Any = None) -> Any:
    """Like `transaction.atomic`, as `@atomic` or `with atomic():`.

    An exception discards the events of the level it leaves, as it discards its rows. Inside another
    unit, `with atomic():` is a point to come back to: catch a refusal around it and go on. A
    decorated service joins the unit that calls it, without a savepoint of its own: its refusal
    undoes the whole, up to the next `with atomic():`. A lost race that only the database sees
    leaves the outermost unit as a refusal: Busy or Taken.
    """
    return _unit_of_work(False)(function) if callable(function) else _unit_of_work(True)


@contextmanager
def _unit_of_work(savepoint: bool) -> Iterator[None]:
    pending = _pending.get()
    if pending is not None:
        mark = len(pending)
        try:
            with transaction.atomic(savepoint=savepoint):
                yield
        except BaseException:
            del pending[mark:]
            raise
        return
    events: list[Any] = []
    works: list[Callable[[], None]] = []
    token, later = _pending.set(events), _afterwards.set(works)
    try:
        with transaction.atomic():
            yield
            if events:
                for write in _writers:
                    write(events)
    except DatabaseError as fault:
        refusal = refusal_of(fault)
        if refusal is None:
            raise
        raise refusal from fault
    finally:
        _pending.reset(token)
        _afterwards.reset(later)
        _after(works)
