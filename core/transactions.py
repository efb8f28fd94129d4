"""The unit of work: one database transaction whose events are written at its very end.

Events share one hash chain per entity, so writing them takes the chain's lock. Written where they
happen, that lock would be held while budget cells are still being locked, and two transactions
could wait for each other. Buffered until the outermost `atomic` ends, the chain lock is always the
last one taken and is held for a moment only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import transaction

_pending: ContextVar[list[Any] | None] = ContextVar("pending_events", default=None)
_writers: list[Callable[[list[Any]], None]] = []


class NoUnitOfWork(RuntimeError):
    """An event was published outside `core.transactions.atomic`."""


def write_with(writer: Callable[[list[Any]], None]) -> None:
    """Register the function that stores buffered events when a unit of work ends."""
    if writer not in _writers:
        _writers.append(writer)


def defer(event: Any) -> None:
    """Keep an event for the end of the running unit of work. Raises NoUnitOfWork outside one."""
    pending = _pending.get()
    if pending is None:
        raise NoUnitOfWork("publish events inside core.transactions.atomic")
    pending.append(event)


def atomic(function: Any = None) -> Any:
    """Like `transaction.atomic`, as `@atomic` or `with atomic():`.

    An exception discards the events of the level it leaves, as it discards its rows. Inside another
    unit, `with atomic():` is a point to come back to: catch a refusal around it and go on. A
    decorated service joins the unit that calls it, without a savepoint of its own: its refusal
    undoes the whole, up to the next `with atomic():`.
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
    token = _pending.set(events)
    try:
        with transaction.atomic():
            yield
            if events:
                for write in _writers:
                    write(events)
    finally:
        _pending.reset(token)
