"""Many at once on one budget: never a cent over, every refusal clean, every effect once."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import F, Sum

from accounts.models import Control
from budgets import ledger
from budgets.ledger import BudgetExceeded
from budgets.models import BudgetCell, Commitment, LedgerEntry
from core.errors import Conflict
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, TODAY
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

THREADS = 50


def order(paper: Paper, amount: Decimal) -> None:
    ledger.encumber(source=paper.source, shares=[paper.share(amount)], on=TODAY, actor=None, at=NOW)


def entries_of(cell: BudgetCell) -> Decimal:
    return LedgerEntry.objects.filter(cell=cell).aggregate(total=Sum("amount"))["total"]


def test_m1_fifty_times_twenty_orders_at_99_percent_of_a_budget_never_overspend_it(tight: Desk):
    """495 of 500 are used; a thousand orders of 0.70 want the rest, of which seven fit."""
    order(Paper(tight.cell), D(495))

    def twenty() -> Counter:
        outcomes: Counter = Counter()
        for _ in range(20):
            try:
                order(Paper(tight.cell), D("0.70"))
                outcomes["passed"] += 1
            except BudgetExceeded as refusal:
                assert (refusal.status, refusal.slug) == (409, "budget-exceeded")
                assert "0.70 EUR requested" in refusal.detail
                outcomes["refused"] += 1
        return outcomes

    outcomes = race([twenty] * THREADS)
    assert not [each for each in outcomes if isinstance(each, Exception)], outcomes
    assert sum(outcomes, Counter()) == {"passed": 7, "refused": 993}
    assert tight.now.encumbered == entries_of(tight.cell) == D("499.90")
    assert Commitment.objects.count() == 8


def test_m4_a_reservation_converted_cancelled_and_expired_at_once_ends_once(desk: Desk):
    """Whoever comes first has all of it; an order after that takes from the budget itself."""
    winners: Counter[str] = Counter()
    for turn in range(12):
        before = desk.stages
        asked, ordered = desk.reserve(D(100)), Paper(desk.cell)

        def convert(asked: Paper = asked, ordered: Paper = ordered) -> Decimal:
            took = {"converts": asked.distribution, "converts_amount": D(100)}
            ledger.encumber(
                source=ordered.source,
                shares=[ordered.share(D(100), **took)],
                on=TODAY,
                actor=None,
                at=NOW,
            )
            ends = LedgerEntry.objects.filter(distribution_id=asked.distribution)
            return -sum(each.amount for each in ends.filter(document_id=ordered.id))

        def end(event: str, asked: Paper = asked) -> Callable[[], Decimal]:
            facts = {"on": TODAY, "actor": None, "at": NOW, "reason": "No", "event": event}
            return lambda: ledger.release_reservation(source=asked.source, **facts)

        ends = {
            "converted": convert,
            "cancelled": end("requisition.cancelled"),
            "expired": end("requisition.expired"),
        }
        names = [*ends][turn % 3 :] + [*ends][: turn % 3]  # each begins first now and then
        freed = race([ends[name] for name in names])
        assert sorted(freed) == [D(0), D(0), D(100)], freed
        winners[names[freed.index(D(100))]] += 1
        row = Commitment.objects.get(distribution_id=asked.distribution)
        assert (row.liquidated + row.released, row.open) == (D(100), D(0))
        entries = LedgerEntry.objects.filter(distribution_id=asked.distribution)
        assert [each.amount for each in entries.order_by("pk")] == [D(100), D(-100)]
        assert desk.stages == (before[0], before[1] + 100, before[2])
    print("who came first:", dict(winners))


def test_summing_first_and_inserting_then_overspends(tight: Desk):
    """The test of the test: without the conditional UPDATE this very race loses money."""
    BudgetCell.objects.filter(pk=tight.cell.pk).update(control=Control.TRACK)

    def broken() -> None:
        paper = Paper(tight.cell)
        with transaction.atomic():
            used = entries_of(tight.cell) or D(0)
            if used + 7 > 500:
                raise BudgetExceeded([])
            order(paper, D(7))

    for _ in range(5):
        race([broken for _ in range(THREADS)])
    assert tight.now.encumbered > 500


def test_the_same_event_delivered_at_once_has_one_effect(desk: Desk):
    paper = Paper(desk.cell)
    outcomes = race([lambda: order(paper, D(100)) for _ in range(20)])
    assert outcomes == [None] * 20
    assert desk.stages == (0, 100, 0)
    assert Commitment.objects.count() == LedgerEntry.objects.count() == 1


def test_the_same_clearing_delivered_at_once_has_one_effect(desk: Desk):
    ordered = desk.order("10", "10")
    invoice = Paper(desk.cell, "paper invoice")
    outcomes = race(
        [lambda: desk.bill(ordered, liquidate="60", actual="63", paper=invoice) for _ in range(20)]
    )
    assert not [each for each in outcomes if isinstance(each, Exception)]
    assert desk.stages == (0, 40, 63)


def test_closing_at_once_frees_once(desk: Desk):
    ordered = desk.order("1", "100")
    freed = race([lambda: desk.close(ordered) for _ in range(10)])
    assert sorted(freed) == [D(0)] * 9 + [D(100)]
    assert desk.stages == (0, 0, 0)


def test_close_against_cancel_against_billing_ends_in_one_story(desk: Desk):
    for _ in range(10):
        before = desk.now.spent
        ordered = desk.order("1", "100")
        outcomes = race(
            [
                lambda o=ordered: desk.close(o),
                lambda o=ordered: desk.cancel(o),
                lambda o=ordered: desk.bill(o, liquidate="60", actual="60"),
            ]
        )
        freed = sum(each for each in outcomes[:2] if isinstance(each, Decimal))
        liquidated = Commitment.objects.get(distribution_id=ordered.distribution).liquidated
        assert freed + liquidated == 100
        assert desk.now.spent - before == 60
        assert all(
            each is None or not isinstance(each, Exception) or isinstance(each, Conflict)
            for each in outcomes
        )
    assert desk.now.encumbered == 0


def test_crossing_cells_in_opposite_order_do_not_deadlock(org, desk: Desk, tight: Desk):
    BudgetCell.objects.filter(pk=tight.cell.pk).update(amount=D(100_000))

    def both(first: Desk, second: Desk) -> Callable[[], None]:
        def run() -> None:
            for _ in range(5):
                paper, other = Paper(first.cell), Paper(second.cell)
                shares = [
                    paper.share(D(1)),
                    other.share(D(1), line_id=paper.line, line_number=2),
                ]
                ledger.encumber(source=paper.source, shares=shares, on=TODAY, actor=None, at=NOW)

        return run

    outcomes = race([both(desk, tight) if place % 2 else both(tight, desk) for place in range(20)])
    assert outcomes == [None] * 20
    assert desk.now.encumbered == tight.now.encumbered == D(100)


def test_an_unbudgeted_cell_is_made_once(org):
    type(org.entity).objects.update(unbudgeted_control=Control.TRACK)
    cell = org.cells["CC100", "6600", None]
    cell.entity.refresh_from_db()

    def new_cell() -> None:
        paper = Paper(cell)
        share = ledger.Share(
            paper.line, 1, paper.distribution,
            org.cost_centers["CC600"].pk, org.gl_accounts["6310"].pk, None, D(1),
        )  # fmt: skip
        ledger.encumber(source=paper.source, shares=[share], on=TODAY, actor=None, at=NOW)

    assert race([new_cell for _ in range(20)]) == [None] * 20
    made = BudgetCell.objects.get(cost_center=org.cost_centers["CC600"])
    assert made.encumbered == D(20)


def test_a_check_constraint_stands_behind_the_ledger(tight: Desk):
    """Even code that forgets the condition cannot overspend a stop."""

    def careless() -> None:
        BudgetCell.objects.filter(pk=tight.cell.pk).update(encumbered=F("encumbered") + D(7))

    outcomes = race([careless for _ in range(THREADS * 2)])
    assert sum(1 for each in outcomes if each is None) == 71
    assert tight.now.encumbered == D(497)
