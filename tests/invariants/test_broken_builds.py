"""Builds that are broken on purpose: were the machine's comparison and the races not to catch them,
their being green would prove nothing. `tests/budgets/test_rush.py` has those of the budget itself.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone

from budgets import ledger
from budgets.ledger import accruing, changing, committing, settling
from core.models import TrailEvent
from purchase_orders import services
from purchase_orders.models import PurchaseOrder
from purchase_orders.services import orders
from tests.factories import NOW, Organisation
from tests.invariants.fixtures import assert_books_hold
from tests.invariants.machine.world import World
from tests.journeys.test_concurrency_budget import own_drafts
from tests.racing import race

Patch = pytest.MonkeyPatch
Script = Callable[[World], None]


@pytest.fixture
def world(org: Organisation, monkeypatch: Patch) -> Iterator[World]:
    made = World(org)
    monkeypatch.setattr(timezone, "now", lambda: made.now)
    return made


def issued(world: World) -> None:
    """An order of 6 × 10 of one budget."""
    world.draft_own(("A",), 6, 10, "EUR")
    world.issue(-4)


def released(world: World) -> None:
    issued(world)
    world.end_order("close", 0)
    world.deliver(_newest(world, "purchase_orders.release_unused"), 3)


def reopened(world: World) -> None:
    issued(world)
    world.end_order("close", 0)
    world.catch_up()
    world.end_order("reopen", 0)


def held(world: World) -> None:
    issued(world)
    world.draft_change(0, 2, 0)
    world.submit_change(-4)


def changed(world: World) -> None:
    held(world)
    for _ in range(3):
        world.decide("approve", 0)
    world.issue_change(0)


def withdrawn(world: World) -> None:
    held(world)
    world.withdraw_change(0)


def cleared(world: World) -> None:
    issued(world)
    world.receive(0, 6)
    world.bill(0, 2, 0, "invoice")
    world.catch_up()


def voided(world: World) -> None:
    cleared(world)
    world.void(0)


def year_ended(world: World) -> None:
    issued(world)
    world.receive(0, 4)
    world.new_year()
    world.year_end("with_budget")
    world.catch_up()


def _newest(world: World, handler: str) -> int:
    """The pick of `deliver` that takes this work."""
    handlers = list(world.work().filter(done_at=None).values_list("handler", flat=True))
    return 4 * handlers.index(handler)


def twice(verb: Callable[..., Any]) -> Callable[..., Any]:
    """A build that does not know that it posted already."""

    def run(**facts: Any) -> None:
        verb(**facts)
        verb(**facts, event="again")

    return run


def forgetful(posting: Any, commitment: Any) -> Any:
    """Gives back, and does not note it."""
    left = commitment.open
    posting.add_to(commitment, amount=-left, document_amount=-commitment.document_open)
    return left


def nothing(*_: Any, **__: Any) -> None:
    """What a build leaves out."""


BUILDS: dict[str, tuple[Script, list[tuple[Any, str, Any]]]] = {
    "an issued order is posted twice": (
        issued,
        [(ledger, "encumber", twice(committing.encumber))],
    ),
    "a cleared invoice is posted twice": (
        cleared,
        [(ledger, "liquidate", twice(settling.liquidate))],
    ),
    "each delivery releases once more": (released, [(committing, "give_back", forgetful)]),
    "a release is lost": (released, [(ledger, "release", lambda **_: 0)]),
    "a reopened order commits nothing": (reopened, [(ledger, "reencumber", nothing)]),
    "what a change held stays held": (changed, [(changing, "use_up", nothing)]),
    "a change holds nothing": (held, [(ledger, "hold", nothing)]),
    "a withdrawn change keeps what it held": (withdrawn, [(ledger, "drop_hold", nothing)]),
    "a void commits nothing again": (voided, [(settling, "_restore", nothing)]),
    "what awaits invoices stays in the old year": (year_ended, [(accruing, "_followers", [])]),
}


@pytest.mark.django_db
@pytest.mark.parametrize("script", list(dict.fromkeys(script for script, _ in BUILDS.values())))
def test_the_right_build_passes(world: World, script: Script) -> None:
    script(world)
    world.agree()
    assert_books_hold()


@pytest.mark.django_db
@pytest.mark.parametrize("build", list(BUILDS))
def test_a_broken_build_disagrees_with_the_model(
    world: World, monkeypatch: Patch, build: str
) -> None:
    """Balances differ from the model's, or the database itself refuses."""
    script, broken = BUILDS[build]
    for module, name, instead in broken:
        monkeypatch.setattr(module, name, instead)
    with pytest.raises((AssertionError, DatabaseError)):
        script(world)
        world.agree()


# ---- without locks: PostgreSQL, many at once


def issue_at_once(org: Organisation) -> bool:
    """Eight press at once; whether one order came of it, with one number and one event."""
    (draft,) = own_drafts(org, 1, "CC100")
    before = PurchaseOrder.objects.exclude(number=None).count()
    outcomes = race([lambda: services.issue(order=draft, actor=org.bea, at=NOW)] * 8)
    passed = Counter(isinstance(each, PurchaseOrder) for each in outcomes)[True]
    events = TrailEvent.objects.filter(type="order.issued", document_id=draft.pk).count()
    draft.refresh_from_db()
    return (passed, events, draft.number) == (1, 1, f"PO-2026-{before + 1:06d}")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_order_is_issued_once_however_many_press(org: Organisation) -> None:
    assert all(issue_at_once(org) for _ in range(3))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_build_without_the_order_lock_is_caught(org: Organisation, monkeypatch: Patch) -> None:
    def unlocked(order: PurchaseOrder) -> PurchaseOrder:
        return PurchaseOrder.objects.select_related("entity", "vendor").get(pk=order.pk)

    monkeypatch.setattr(orders, "locked", unlocked)
    with pytest.raises(AssertionError):  # also where it is the database that refuses the twin
        assert all(issue_at_once(org) for _ in range(5))
