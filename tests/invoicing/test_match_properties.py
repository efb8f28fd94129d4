"""What must hold of the match for any input."""

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from invoicing.matching import Tolerance, inputs_hash, match
from invoicing.matching.types import GRAVITY

from .facts import billed, d, given, invoice, order, order_line

QUANTITIES = st.decimals("0.01", "120", places=2)
PRICES = st.decimals("9.50", "10.60", places=2)
LIMITS = st.one_of(st.none(), st.decimals("0", "30", places=2))
LINES = st.lists(st.tuples(QUANTITIES, PRICES), min_size=1, max_size=4)
RANK = {"matched": 0, "waiting": 1, "in_exception": 2, "blocked": 3}


def lines_of(pairs):
    return [
        billed(quantity, price, net=str(round(quantity * price, 2)), number=str(index + 1))
        for index, (quantity, price) in enumerate(pairs)
    ]


def rules(percent, absolute):
    return (
        Tolerance("line_amount", percent=percent, absolute=absolute),
        Tolerance("quantity_ordered", percent=percent, absolute=absolute),
        Tolerance("quantity_received", percent=percent, absolute=absolute),
    )


@any_of(LINES, LIMITS, LIMITS)
@settings(max_examples=80, deadline=None)
def test_order_of_lines_does_not_change_the_outcome(pairs, percent, absolute):
    lines = lines_of(pairs)
    tolerances = rules(percent, absolute)
    outcomes = {
        match(given(invoice(*order_), tolerances=tolerances)) for order_ in permutations(lines)
    }
    assert len(outcomes) == 1


@any_of(LINES, LIMITS, LIMITS, st.decimals("0", "50", places=2))
@settings(max_examples=150, deadline=None)
def test_a_wider_tolerance_never_makes_it_worse(pairs, percent, absolute, wider):
    document = invoice(*lines_of(pairs))

    def outcome(p, a):
        return match(given(document, tolerances=rules(p, a)))

    def widened(limit):
        return None if limit is None else limit + wider

    narrow, wide = outcome(percent, absolute), outcome(widened(percent), widened(absolute))
    assert RANK[wide.outcome] <= RANK[narrow.outcome]
    for before, after in zip(narrow.results, wide.results, strict=True):
        assert GRAVITY[after.outcome] <= GRAVITY[before.outcome]


@any_of(st.lists(st.tuples(QUANTITIES, PRICES), min_size=2, max_size=3))
@settings(max_examples=60, deadline=None)
def test_quantities_in_any_order_of_arrival_stop_at_the_same_total(pairs):
    """Whatever arrives first, what is let through never exceeds what was ordered."""
    totals = []
    for arrival in permutations(pairs):
        done = Decimal(0)
        for quantity, _ in arrival:
            line = order_line(billed_quantity=done, billed_amount=done * 10)
            document = invoice(billed(quantity, "10.00"))
            if match(given(document, order(line))).outcome == "matched":
                done += quantity
        totals.append(done)
    assert all(total <= 100 for total in totals)
    if sum((quantity for quantity, _ in pairs), Decimal(0)) <= 100:
        assert len(set(totals)) == 1


@any_of(LINES)
@settings(max_examples=60, deadline=None)
def test_hash_knows_figures_and_not_their_spelling(pairs):
    lines = lines_of(pairs)
    facts = given(invoice(*lines))
    respelled = given(
        invoice(*[replace(line, net=line.net + Decimal("0.000000")) for line in reversed(lines)])
    )
    assert inputs_hash(facts) == inputs_hash(respelled)
    changed = replace(lines[0], net=lines[0].net + Decimal("0.01"))
    assert inputs_hash(facts) != inputs_hash(given(invoice(changed, *lines[1:])))


def test_every_word_of_the_verdict_is_reproducible():
    facts = given(invoice(billed(101, "10.20")), tolerances=rules(d(2), d(15)))
    assert match(facts) == match(facts)
