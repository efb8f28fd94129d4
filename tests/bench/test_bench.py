"""What the benchmark stands on: purchases that repeat, lives that end, filled books that hold."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from bench import ceiling, documents, filling, life, lives, stage
from bench.measuring import Result, statements
from budgets.models import BudgetCell, LedgerEntry
from core.models import NumberSequence
from core.printing import missing_library
from po_portal.demo import generator
from po_portal.demo.organisation import BUDGETS, GERMANY
from purchase_orders.models import PurchaseOrder, Receipt
from tests.invariants.fixtures import assert_books_hold

FIRST, LAST = date(2026, 1, 2), date(2026, 3, 2)


def some(count: int = 200, **given: object) -> list[generator.Purchase]:
    asked = {"entity": GERMANY, "seed": 7, "count": count, "first": FIRST, "last": LAST}
    return list(generator.purchases(**{**asked, **given}))


def test_the_same_seed_gives_the_same_purchases():
    assert some() == some()
    assert some(seed=8) != some()


def test_a_purchase_does_not_depend_on_those_before_it():
    alone = generator.purchase(entity=GERMANY, seed=7, number=120, day=FIRST)
    assert replace(some()[119], day=FIRST) == alone


def test_purchases_are_spread_over_the_days_and_stay_within_what_exists():
    made = some()
    assert [each.day for each in made] == sorted(each.day for each in made)
    assert (made[0].day, made[-1].day) == (FIRST, LAST)
    budgets = {(center, account, project) for center, account, project, *_ in BUDGETS[GERMANY]}
    for each in made:
        assert each.billed <= each.received
        assert {line.item.vendor for line in each.lines} == {each.vendor}
        assert {line.item.currency for line in each.lines} == {each.currency}
        paid = {(line.cost_center, line.gl_account, line.project) for line in each.lines}
        assert paid <= budgets
        exact = sum(line.quantity * line.item.unit_price for line in each.lines)
        assert abs(each.net - exact) < Decimal("0.05")
    assert {each.currency for each in some(currency="EUR")} == {"EUR"} < {x.currency for x in made}


@pytest.mark.django_db
def test_lives_end_cleared_with_a_constant_number_of_statements(books_hold):
    here = stage.build()
    counted = {}
    for lines in (3, 12):
        (purchase,) = life.purchases(lines, count=1, one_budget=True)
        life.live(here, purchase, run=f"W{lines}")
        with statements() as sent:
            ended = life.live(here, purchase, run=f"R{lines}")
        lives.assert_cleared(ended)
        counted[lines] = len(sent)
    assert counted[3] == counted[12]


@pytest.mark.django_db
def test_the_ceiling_writes_the_rows_of_a_life():
    here = stage.build()
    (purchase,) = life.purchases(10, count=1)
    pattern = ceiling.Pattern.of(life.live(here, purchase, run="R").invoice)
    before = {model: model._base_manager.count() for model in pattern.rows}
    ceiling.live(pattern, "C")
    for model, rows in pattern.rows.items():
        assert model._base_manager.count() == before[model] + len(rows) > 0
    spent = [row.spent for row in BudgetCell.objects.exclude(spent=0)]
    assert sum(spent) == 2 * pattern.rows[PurchaseOrder][0].net


@pytest.mark.postgres
@pytest.mark.django_db
def test_filled_books_hold_and_go_on():
    here = stage.build()
    assert filling.fill(here, orders=150)[0] == 150
    numbers = list(PurchaseOrder.objects.order_by("pk").values_list("number", flat=True))
    assert numbers == sorted(numbers), "ids are in the order of the days"
    filled = filling.fill(here, orders=60, closing=True)
    assert PurchaseOrder.objects.filter(status="closed", closed_at__isnull=False).exists()
    assert PurchaseOrder.objects.count() == 210 and Receipt.objects.exists()
    assert filled[1] < LedgerEntry.objects.count()
    assert NumberSequence.objects.get(kind="PO").last == 210
    (purchase,) = life.purchases(10, count=1)
    lives.assert_cleared(life.live(here, purchase, run="R"))
    assert_books_hold()


def test_a_result_says_whether_it_met_its_aim():
    assert Result("a", 9, "/s", 8).verdict == "met"
    assert Result("a", 7, "/s", 8).verdict == "MISSED"
    assert Result("a", 7, "ms", 8, at_least=False).verdict == "met"
    assert Result("a", 7, "ms").verdict == ""
    assert "≥ 8 met" in Result("a", Decimal(9), "/s", 8).row()


@pytest.mark.django_db
def test_a_printed_order_is_measured_beside_the_typesetter_alone():
    if missing_library():
        pytest.skip(missing_library())
    assert all(each.value > 0 for each in documents.run(stage.build(), times=2))
