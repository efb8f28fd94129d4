"""Many people and workers at the same few documents: refusals only, and the books hold."""

import logging
import os
import random
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets.models import BudgetCell, LedgerEntry
from core import outbox
from core.errors import DomainError
from core.models import OutboxItem, TrailEvent
from core.transactions import Busy, Taken
from invoicing.models import MatchException, MatchRun
from notifications.models import OutgoingMail
from purchase_orders.models import Dispatch, PurchaseOrder
from tests.factories import NOW, Organisation
from tests.invariants.fixtures import assert_books_hold
from tests.journeys.storm import STEPS, Storm
from tests.racing import race

THREADS, STEPS_EACH, STORIES = 8, 40, 12


def seeds() -> list[int]:
    """Always the same one. STORM_SEED names another, or is `random`; STORM_TURNS says how many."""
    wished = os.environ.get("STORM_SEED") or "963172"
    first = random.SystemRandom().randrange(10**6) if wished == "random" else int(wished)
    return list(range(first, first + int(os.environ.get("STORM_TURNS") or 1)))


SEEDS = seeds()  # a test's name says its seed


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
            refused = isinstance(error, DomainError) and not isinstance(error, Busy | Taken)
            if error is not None and not refused:
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


def end_of(storm: Storm, clock: Clock, seed: object) -> None:
    """Nothing went wrong, nothing is left undone, and the books hold."""
    work_it_off(clock)
    assert not storm.faults, f"seed {seed}: " + "\n".join(storm.faults)
    undone = [f"{each.handler}: {each.error}" for each in OutboxItem.objects.filter(done_at=None)]
    assert not undone, f"seed {seed}: " + "\n".join(undone)
    assert_books_hold()


def test_any_story_of_one_step_after_another_keeps_the_books(
    org: Organisation, clock: Clock, worker_faults: list[str]
):
    """As the storm, one by one on either database; then all is ended, and nothing is held."""
    likely = [step for step, weight in STEPS.items() for _ in range(weight)]
    step = st.tuples(st.sampled_from(likely), st.integers(0, 10**6))

    @settings(
        max_examples=STORIES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.lists(step, min_size=20, max_size=60))
    def play(story: list[tuple[Callable[[Storm, random.Random], None], int]]) -> None:
        with transaction.atomic():
            storm = Storm(org)
            storm.begin()
            for step, number in story:
                storm.take(step, random.Random(number))
            end_of(storm, clock, "of the story")
            storm.end_all()
            end_of(storm, clock, "of the story")
            assert held_in_all() == (0, 0)
            transaction.set_rollback(True)

    play()
    assert not worker_faults, "\n".join(worker_faults)


def held_in_all() -> tuple[Decimal, Decimal]:
    """What is reserved and committed in all budgets together."""
    sums = BudgetCell.objects.aggregate(pre=Sum("pre_encumbered"), enc=Sum("encumbered"))
    return sums["pre"], sums["enc"]


def in_threads(storm: Storm, seed: int) -> None:
    def play(place: int) -> None:
        dice = random.Random(f"{seed}-{place}")
        for _ in range(STEPS_EACH):
            storm.play(dice)

    broken = race([lambda place=place: play(place) for place in range(THREADS)])
    assert not any(broken), f"seed {seed}: {broken}"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", [*SEEDS, SEEDS[-1] + 1])
def test_a_storm_of_threads_leaves_refusals_only(
    org: Organisation, clock: Clock, worker_faults: list[str], seed: int
):
    storm = Storm(org)
    storm.begin()
    in_threads(storm, seed)
    end_of(storm, clock, seed)
    print(f"storm with seed {seed}:", dict(storm.taken), dict(storm.refused))
    assert not worker_faults, f"seed {seed}: " + "\n".join(worker_faults)
    assert sum(storm.taken.values()) > THREADS * STEPS_EACH / 4, storm.refused
    storm.end_all()
    end_of(storm, clock, seed)
    assert held_in_all() == (0, 0)


def effects() -> dict[str, int]:
    """How much there is of all that work can make."""
    made = (
        LedgerEntry,
        TrailEvent,
        MatchRun,
        MatchException,
        PurchaseOrder,
        Dispatch,
        OutgoingMail,
    )
    return {model.__name__: model.objects.count() for model in made}


def deliver_again(dice: random.Random) -> None:
    """All that was ever promised, in any order."""
    items = list(OutboxItem.objects.order_by("pk"))
    for item in dice.sample(items, k=len(items)):
        assert outbox.run(item), item.error


@pytest.mark.django_db
@pytest.mark.parametrize("seed", SEEDS)
def test_work_delivered_again_late_and_in_any_order_has_no_further_effect(
    org: Organisation, clock: Clock, worker_faults: list[str], seed: int
):
    storm, dice = Storm(org), random.Random(seed)
    storm.begin()
    for _ in range(120):
        storm.play(dice)
    end_of(storm, clock, seed)
    before = effects()
    for _ in range(3):
        deliver_again(dice)
        assert effects() == before, f"seed {seed}"
    end_of(storm, clock, seed)
    assert not worker_faults, f"seed {seed}: " + "\n".join(worker_faults)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", SEEDS)
def test_work_delivered_to_five_workers_at_once_has_one_effect(
    org: Organisation, clock: Clock, worker_faults: list[str], seed: int
):
    """Every item whose lease lapsed while somebody was still at it."""
    storm, dice = Storm(org), random.Random(seed)
    storm.begin()
    for _ in range(60):
        storm.take(Storm.work if dice.random() < 0.1 else dice.choice(list(STEPS)), dice)
    while items := list(OutboxItem.objects.filter(done_at=None).order_by("pk")):
        for item in items:
            results = race([lambda item=item: outbox.run(item)] * 5)
            assert all(each is True for each in results), (item.handler, results)
    before = effects()
    deliver_again(dice)
    assert effects() == before, f"seed {seed}"
    end_of(storm, clock, seed)
    assert not worker_faults, f"seed {seed}: " + "\n".join(worker_faults)
