"""Periodic jobs: each runs once per period however many schedulers ask."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction

from core.models import PeriodicRun

logger = logging.getLogger(__name__)

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Job:
    name: str
    every: timedelta
    run: Callable[..., None]


_jobs: dict[str, Job] = {}


def job(name: str, *, every: timedelta) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function, called as `function(at=datetime)`, to run once in each period."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        _jobs[name] = Job(name, every, function)
        return function

    return register


def tick(*, now: datetime) -> list[str]:
    """Run every job whose present period has not run yet; returns the names of those that did.

    One that fails is logged, stands in nobody's way, and is tried again at the next tick.
    """
    ran = []
    for each in _jobs.values():
        period = now - (now - _EPOCH) % each.every
        try:
            with transaction.atomic():
                run = PeriodicRun.objects.create(job=each.name, period=period, started_at=now)
        except IntegrityError:
            continue
        try:
            each.run(at=now)
        except Exception:
            logger.exception("periodic job failed", extra={"job": each.name})
            run.delete()
            continue
        ran.append(each.name)
    return ran
