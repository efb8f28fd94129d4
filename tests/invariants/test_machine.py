"""Any order of steps on a few shared budgets: after each, every balance is what a model says.

On SQLite in memory, where a step is cheapest: what is proven here is arithmetic and states, and
needs no second connection; races are proven on PostgreSQL by `tests/budgets/test_races.py`,
`tests/journeys` and `tests/budgeting/test_races.py`. `bin/soak` runs it for as long as one likes,
on either database, with other examples each time.
"""

import math
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from invoicing.models import Invoice
from tests.factories import Organisation
from tests.invariants.fixtures import assert_books_hold
from tests.invariants.machine.ground import CODING, PAYERS
from tests.invariants.machine.world import World

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES") or 200)
STEPS = int(os.environ.get("MACHINE_STEPS") or 50)
SEED = int(os.environ.get("MACHINE_SEED") or 0)
SHRINK = bool(os.environ.get("MACHINE_SHRINK"))  # to the fewest steps, which takes minutes
DEFAULT = not os.environ.get("MACHINE_EXAMPLES")

MUST_HAPPEN = {
    *("decide: approve", "close request", "cancel request", "emergency"),
    *(
        "issue",
        "issue approved",
        "issue over years",
        "take back",
        "close order",
        "reopen order",
        "cancel order",
    ),
    *("hold", "issue change", "withdraw change"),
    *("propose expired", "propose stale", "accept proposals", "reverse batch", "draft release"),
    *("cleared", "accept", "void"),
    *("set budget", "cut budget", "transfer", "journal"),
    *("year end", "year end went", "activate"),
    *("reverse year", "close year", "resume year"),
}

pick = st.integers(0, 47)
payers = st.sampled_from(PAYERS)
quantity = st.integers(1, 10)
price = st.sampled_from([10, 20, 40])
name = st.sampled_from(sorted(CODING))
# How an example begins, and how many of six do so: often the year is over, and its end run.
BEGINNINGS = {"": 3, "january": 1, "with_budget": 1, "without_budget": 1}
ENDS = {"reversed": "reverse", "closed": "close"}
seldom = st.sampled_from([False, False, True])


class Machine(RuleBasedStateMachine):
    """Each rule is one step of `World`; Hypothesis chooses which, and with what."""

    begun: World
    seen: Counter[str]
    now: World

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        Machine.now = self.world = self.begun.again()

    def teardown(self) -> None:
        """The books hold whatever happened; then it has not."""
        try:
            assert_books_hold()
        finally:
            self.seen.update(self.world.done)
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)

    @invariant()
    def agrees(self) -> None:
        self.world.agree()

    @rule(payers=payers, quantity=quantity, price=price, spans=seldom, emergency=seldom)
    def submit(self, **said: Any) -> None:
        self.world.submit(**said)

    @rule(decision=st.sampled_from(["approve"] * 5 + ["return", "reject"]), pick=pick)
    def decide(self, **said: Any) -> None:
        self.world.decide(**said)

    @rule(pick=pick)
    def agree_to(self, **said: Any) -> None:
        self.world.agree_to(**said)

    @rule(verb=st.sampled_from(["close", "cancel"]), pick=pick)
    def end_request(self, **said: Any) -> None:
        self.world.end_request(**said)

    @rule(pick=pick, part=quantity)
    def draft_order(self, **said: Any) -> None:
        self.world.draft_order(**said)

    @rule(payers=payers, quantity=quantity, price=price, currency=st.sampled_from(["EUR", "USD"]))
    def buy(self, **said: Any) -> None:
        self.world.draft_own(**said)
        self.world.issue(-4)

    @rule(payers=payers, quantity=quantity, price=price, days=st.sampled_from([None, 5, 400]))
    def buy_for_two_years(self, days: int | None, **said: Any) -> None:
        valid_to = self.world.today + timedelta(days=days) if days else None
        self.world.draft_own(**said, currency="EUR", spans=True, valid_to=valid_to)
        self.world.issue(-4)

    @rule(payers=payers, price=st.sampled_from([40, 60]))
    def buy_with_approval(self, **said: Any) -> None:
        self.world.draft_own(quantity=9, currency="EUR", **said)
        self.world.submit_order(-4)

    @rule(
        payers=payers,
        limit=st.sampled_from([100, 200, 400]),
        commits=st.sampled_from(["releases", "limit"]),
    )
    def agree_on(self, **said: Any) -> None:
        self.world.agree_on(**said)
        self.world.submit_order(-4)
        self.world.agree_to(-4)
        self.world.issue(-4)

    @rule(pick=pick, quantity=quantity)
    def release_from(self, **said: Any) -> None:
        self.world.release_from(**said)
        self.world.issue(-4)

    @rule(pick=pick)
    def issue(self, **said: Any) -> None:
        self.world.issue(**said)

    @rule(verb=st.sampled_from(["close", "reopen", "cancel"]), pick=pick)
    def end_order(self, **said: Any) -> None:
        self.world.end_order(**said)

    @rule(pick=pick, more=st.integers(-4, 6), dearer=st.sampled_from([0, 0, 4, -2]))
    def change(self, pick: int, **said: Any) -> None:
        self.world.draft_change(pick, **said)
        self.world.submit_change(-4)

    @rule(pick=pick)
    def submit_change(self, **said: Any) -> None:
        self.world.submit_change(**said)

    @rule(pick=pick)
    def issue_change(self, **said: Any) -> None:
        self.world.issue_change(**said)

    @rule(pick=pick)
    def withdraw_change(self, **said: Any) -> None:
        self.world.withdraw_change(**said)

    @rule(pick=pick, most=st.integers(1, 5))
    def release(self, **said: Any) -> None:
        self.world.propose()
        self.world.accept_proposals(**said)

    @rule(pick=pick)
    def reverse_batch(self, **said: Any) -> None:
        self.world.reverse_batch(**said)

    @rule(pick=pick, quantity=quantity)
    def receive(self, **said: Any) -> None:
        self.world.receive(**said)

    @rule(pick=pick)
    def take_back(self, **said: Any) -> None:
        self.world.take_back(**said)

    @rule(
        pick=pick,
        quantity=quantity,
        dearer=st.sampled_from([0, 0, 2, -2]),
        kind=st.sampled_from([Invoice.Kind.INVOICE] * 4 + [Invoice.Kind.CREDIT_NOTE]),
    )
    def bill(self, **said: Any) -> None:
        self.world.bill(**said)

    @rule(pick=pick)
    def accept(self, **said: Any) -> None:
        self.world.accept(**said)

    @rule(pick=pick)
    def void(self, **said: Any) -> None:
        self.world.void(**said)

    @rule(name=name, amount=st.sampled_from([0, 100, 400, 2000]))
    def set_budget(self, **said: Any) -> None:
        self.world.set_budget(**said)

    @rule(giver=name, taker=name, amount=st.sampled_from([10, 300]))
    def transfer(self, **said: Any) -> None:
        self.world.transfer(**said)

    @rule(name=name, amount=st.sampled_from([50, 700, -50]))
    def spend_outside(self, **said: Any) -> None:
        self.world.spend_outside(**said)

    @rule(days=st.integers(1, 60))
    def tick(self, **said: Any) -> None:
        self.world.tick(**said)

    @rule()
    def new_year(self) -> None:
        self.world.new_year()

    @rule(
        policy=st.sampled_from(["with_budget", "without_budget"]),
        goes_on=st.sampled_from(["waits", "runs", "reversed", "closed"]),
    )
    def year_end(self, *, goes_on: str, **said: Any) -> None:
        self.world.year_end(**said)
        if goes_on != "waits":
            self.world.catch_up()
        if goes_on in ENDS:
            self.world.end_year(ENDS[goes_on], -1)

    @rule(verb=st.sampled_from(["reverse", "resume", "close", "reopen"]), pick=pick)
    def end_year(self, **said: Any) -> None:
        self.world.end_year(**said)

    @rule()
    def activate(self) -> None:
        self.world.activate()

    @rule(pick=pick, times=st.sampled_from([1, 3]))
    def deliver(self, **said: Any) -> None:
        self.world.deliver(**said)

    @rule()
    def work(self) -> None:
        self.world.catch_up()


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens, it has not."""
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)


def begin(begins: str) -> None:
    """What examples that begin like this have in common happens once."""
    world = Machine.now = Machine.begun = Machine.begun.again()
    if begins:
        world.new_year()
    if begins in ("with_budget", "without_budget"):
        world.year_end(begins)
        world.catch_up()
    world.agree()
    Machine.seen.update(world.done)


def play(examples: int, number: int) -> None:
    run_state_machine_as_test(
        seed(number)(Machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            derandomize=False,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, *([Phase.shrink] if SHRINK else [])],
        ),
    )


@pytest.mark.django_db
@pytest.mark.timeout(900 if DEFAULT else 0)
def test_any_order_of_steps_agrees_with_the_model(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    if DEFAULT and connection.vendor != "sqlite":
        pytest.skip("runs on SQLite; bin/soak runs it on either database")
    begun, Machine.seen = World(org), Counter()
    Machine.now = begun
    # Workers look at the clock themselves; it is the world's that they see.
    monkeypatch.setattr(timezone, "now", lambda: Machine.now.now)
    begun.begin()
    left, parts = EXAMPLES, sum(BEGINNINGS.values())
    for place, (begins, part) in enumerate(BEGINNINGS.items()):
        examples = min(math.ceil(EXAMPLES * part / parts), left)
        left -= examples
        Machine.begun = begun
        with undone():
            print(f"{examples} examples that begin {begins or 'in March'}")
            begin(begins)
            if examples:
                play(examples, len(BEGINNINGS) * SEED + place)
    print(dict(Machine.seen))
    if EXAMPLES >= 200:
        missing = MUST_HAPPEN - set(Machine.seen)
        assert not missing, f"a machine that never does this proves little: {missing}"
