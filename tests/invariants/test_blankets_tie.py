"""Blanket orders, their log, their commitments and their numbers: what was touched is named."""

from collections.abc import Callable

import pytest

from purchase_orders.models import DrawDown, PurchaseOrder
from tests.factories import Organisation
from tests.invariants.test_proofs import faults
from tests.invariants.test_verify_books import stored
from tests.purchase_orders.blankets import Blankets, terms
from tests.purchase_orders.making import Maker

pytestmark = pytest.mark.django_db

Tamper = Callable[..., None]


@pytest.fixture
def released(org: Organisation) -> tuple[PurchaseOrder, PurchaseOrder]:
    """A blanket order that commits its limit, and a release of 20 000."""
    blankets = Blankets(Maker(org))
    blanket = blankets.issued(commits="limit")
    return blanket, blankets.release(blanket, "200")


def test_all_holds_before_anybody_touched_it(released, books_hold):
    books_hold()


def test_a_sum_that_its_draw_downs_do_not_say_is_named(released, tampered: Tamper):
    blanket, _ = released
    tampered("UPDATE purchase_orders_agreement SET released = %s", stored("19999"))
    (fault,) = faults("Draw-downs")
    assert fault.startswith(f"blanket order {blanket}: released 19,999.00")
    (fault,) = faults("Blanket commitments")
    assert fault.startswith(f"blanket order {blanket}: its releases took 20,000.00 of it")


def test_a_draw_down_that_its_release_does_not_say_is_named(released, tampered: Tamper):
    _, release = released
    tampered("UPDATE purchase_orders_drawdown SET amount = %s", stored("20001"))
    assert f"release {release}: is issued of 20,000.00 and draws 20,001.00" in faults("Draw-downs")


def test_a_draw_down_of_another_blanket_order_is_named(org, released, tampered: Tamper):
    _, release = released
    other = terms(Blankets(Maker(org)).issued())
    tampered("UPDATE purchase_orders_drawdown SET agreement_id = %s", other.pk)
    row = DrawDown.objects.get()
    wanted = f"draw-down {row.pk}: its release {release} is not of that blanket order"
    assert wanted in faults("Draw-downs")


def test_a_commitment_that_is_not_the_limit_is_named(released, tampered: Tamper):
    blanket, _ = released
    tampered('UPDATE purchase_orders_agreement SET "limit" = %s', stored("150001"))
    assert faults("Blanket commitments") == [
        f"blanket order {blanket}: commits 150,000.00, agreed are 150,001.00"
    ]


def test_a_gap_in_the_numbers_is_named(released, tampered: Tamper):
    blanket, _ = released
    tampered("UPDATE purchase_orders_agreement SET last_release = 2")
    assert faults("Numbers of releases") == [
        f"blanket order {blanket}: its releases are not numbered 1 to 2"
    ]
