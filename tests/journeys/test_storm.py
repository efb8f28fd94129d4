"""Eight people and workers at the same few documents at once: refusals only, and the books hold."""

import logging
import os
import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from core import outbox
from core.errors import DomainError
from core.models import OutboxItem
from tests.factories import NOW, Organisation
from tests.journeys.storm import Storm
from tests.racing import race

THREADS, STEPS = 8, 40
SEED = int(os.environ.get("STORM_SEED") or random.SystemRandom().randrange(10**6))


class Clock:
    """It is `NOW` when the test begins, and goes on from there."""

    def __init__(self) -> None:
        self.began, self.ahead = time.monotonic(), timedelta(0)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=time.monotonic() - self.began) + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timezone, "now", made.now)
    return made


@pytest.fixture
def worker_faults() -> Iterator[list[str]]:
    """What a handler failed of, other than a refusal that it will try again."""
    found: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            error = record.exc_info[1] if record.exc_info else None
            if error is not None and not isinstance(error, DomainError):
                found.append(f"{record.__dict__.get('handler')}: {type(error).__name__}: {error}")

    listener = Listener()
    outbox.logger.addHandler(listener)
    yield found
    outbox.logger.removeHandler(listener)


def work_it_off(clock: Clock) -> None:
    """Workers until nothing is due, what was put back for later included."""
    for _ in range(12):
        outbox.drain()
        clock.ahead += timedelta(hours=1)
        if not OutboxItem.objects.filter(done_at=None, parked_at=None).exists():
            return


def weather(org: Organisation, clock: Clock, seed: int, threads: int) -> Storm:
    storm = Storm(org)
    storm.begin()

    def play(place: int) -> None:
        dice = random.Random(f"{seed}-{place}")
        for _ in range(STEPS):
            storm.play(dice)

    broken = [each for each in race([lambda n=n: play(n) for n in range(threads)]) if each]
    work_it_off(clock)
    assert not storm.faults + broken, f"seed {seed}: " + "\n".join(map(str, storm.faults + broken))
    parked = [f"{each.handler}: {each.error}" for each in OutboxItem.objects.filter(done_at=None)]
    assert not parked, f"seed {seed}: " + "\n".join(parked)
    print(f"storm with seed {seed}:", dict(storm.taken), dict(storm.refused))
    return storm


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(3))
def test_a_storm_of_threads_leaves_refusals_only(
    org: Organisation, clock: Clock, worker_faults: list[str], books_hold, turn: int
):
    storm = weather(org, clock, SEED + turn, THREADS)
    assert not worker_faults, f"seed {SEED + turn}: " + "\n".join(worker_faults)
    assert sum(storm.taken.values()) > THREADS * STEPS / 4, storm.refused
