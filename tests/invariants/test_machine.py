"""Any order of steps on a few shared budgets: after each, every balance is what a model says.

On SQLite in memory, where a step is cheapest: what is proven here is arithmetic and states, and
needs no second connection; races are proven on PostgreSQL by `tests/budgets/test_races.py`,
`tests/journeys` and `tests/budgeting/test_races.py`. `bin/soak` runs it for as long as one likes,
on either database, with other examples each time.
"""

import os
from collections import Counter
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from invoicing.models import Invoice
from tests.factories import Organisation
from tests.invariants.fixtures import assert_books_hold
from tests.invariants.machine.ground import CELLS, PAYERS
from tests.invariants.machine.world import World

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES") or 200)
STEPS = int(os.environ.get("MACHINE_STEPS") or 50)
SEED = os.environ.get("MACHINE_SEED")
SHRINK = bool(os.environ.get("MACHINE_SHRINK"))  # to the fewest steps, which takes minutes
DEFAULT = not os.environ.get("MACHINE_EXAMPLES")

MUST_HAPPEN = {
    "cleared",
    "void",
    "accept",
    "take back",
    "close order",
    "reopen order",
    "cancel order",
    "close request",
    "decide: approve",
    "journal",
    "set budget",
}

pick = st.integers(0, 47)
payers = st.sampled_from(PAYERS)
quantity = st.integers(1, 10)
price = st.sampled_from([10, 20, 40])
cell = st.sampled_from(sorted(CELLS))


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

    @rule(payers=payers, quantity=quantity, price=price)
    def submit(self, **said: Any) -> None:
        self.world.submit(**said)

    @rule(decision=st.sampled_from(["approve"] * 5 + ["return", "reject"]), pick=pick)
    def decide(self, **said: Any) -> None:
        self.world.decide(**said)

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

    @rule(pick=pick)
    def issue(self, **said: Any) -> None:
        self.world.issue(**said)

    @rule(verb=st.sampled_from(["close", "reopen", "cancel"]), pick=pick)
    def end_order(self, **said: Any) -> None:
        self.world.end_order(**said)

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

    @rule(name=cell, amount=st.sampled_from([0, 400, 2000]))
    def set_budget(self, **said: Any) -> None:
        self.world.set_budget(**said)

    @rule(giver=cell, taker=cell, amount=st.sampled_from([10, 300]))
    def transfer(self, **said: Any) -> None:
        self.world.transfer(**said)

    @rule(name=cell, amount=st.sampled_from([50, 700, -50]))
    def spend_outside(self, **said: Any) -> None:
        self.world.spend_outside(**said)

    @rule(days=st.integers(1, 60))
    def tick(self, **said: Any) -> None:
        self.world.tick(**said)

    @rule(pick=pick, times=st.sampled_from([1, 3]))
    def deliver(self, **said: Any) -> None:
        self.world.deliver(**said)

    @rule(pick=pick, times=st.just(1))
    def work(self, **said: Any) -> None:
        self.world.deliver(**said)


@pytest.mark.django_db
@pytest.mark.timeout(0 if SEED else 900)
def test_any_order_of_steps_agrees_with_the_model(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    if DEFAULT and connection.vendor != "sqlite":
        pytest.skip("runs on SQLite; bin/soak runs it on either database")
    Machine.begun, Machine.seen = World(org), Counter()
    Machine.now = Machine.begun
    # Workers look at the clock themselves; it is the world's that they see.
    monkeypatch.setattr(timezone, "now", lambda: Machine.now.now)
    Machine.begun.begin()
    machine = seed(int(SEED))(Machine) if SEED else Machine
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=not SEED,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, *([Phase.shrink] if SHRINK else [])],
        ),
    )
    print(dict(Machine.seen))
    if EXAMPLES >= 200:
        missing = MUST_HAPPEN - set(Machine.seen)
        assert not missing, f"a machine that never does this proves little: {missing}"
