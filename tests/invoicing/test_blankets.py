"""Invoices for releases: the limit of the blanket order holds for all of them together."""

from decimal import Decimal

import pytest

from invoicing.models import Invoice
from purchase_orders.models import Agreement
from tests.peer_cases.play import Stage
from tests.purchase_orders.blankets import Blankets
from tests.purchase_orders.making import Maker


@pytest.fixture
def make(org) -> Maker:
    return Maker(org)


def test_all_releases_together_keep_the_limit(org, make):
    """Limit 100 and 5 %: 55 of one release, 50 of another; agreed down to 95, it is 99.75."""
    blankets, stage = Blankets(make), Stage(org)
    blanket = blankets.issued(("200", "1"), limit="100", allowance_percent="5")
    one, two = blankets.release(blanket, "55"), blankets.release(blanket, "50")
    make.receive(one, "55")
    make.receive(two, "50")
    first = stage.bill(one, (1, "55"))
    assert first.status == Invoice.Status.CLEARED
    Agreement.objects.filter(order=blanket).update(limit=Decimal(95))
    second = stage.bill(two, (1, "50"))
    assert stage.checks(second) == {"blanket_cap"}
    found = second.exceptions.get(check_name="blanket_cap")
    assert (Decimal(found.expected), Decimal(found.actual)) == (Decimal("99.75"), Decimal(105))
    Agreement.objects.filter(order=blanket).update(limit=Decimal(100))


def test_an_invoice_that_names_the_blanket_order_is_told_of_its_releases(org, make):
    blankets, stage = Blankets(make), Stage(org)
    blanket = blankets.issued(("200", "1"), limit="100")
    release = blankets.release(blanket, "50")
    invoice = stage.bill(blanket, (1, "50"))
    assert "order_state" in stage.checks(invoice)
    said = invoice.exceptions.get(check_name="order_state")
    assert release.number in said.sentence
