"""Frame agreements as other systems test them: what is drawn, what is left, what is refused."""

import pytest

from budgets.models import ExchangeRate
from purchase_orders.agreements import BeyondAgreement
from purchase_orders.models import DrawDown, PurchaseOrder
from tests.factories import TODAY
from tests.peer_cases.cases import figure

pytestmark = pytest.mark.django_db


def frame(stage, given):
    return stage.blanket(given.given["blanket"]["lines"])


def test_erpnext_blanket_draw(stage, case):
    given = case("erpnext-blanket-draw")
    blanket, step = frame(stage, given), given.steps[0]
    release = stage.release(blanket, (step["line"], step["qty"]))
    ordered = figure(given.expected_after(1)["blanket"][0]["ordered"])
    assert stage.line(release).quantity == ordered
    assert stage.left(blanket) == [figure(given.expected_after(2)["qty"])]


def test_erpnext_blanket_lines_add_up(stage, case):
    given = case("erpnext-blanket-lines-add-up")
    blanket = frame(stage, given)
    takes = [(each["line"], each["qty"]) for each in given.steps[0]["lines"]]
    assert given.expected_after(1)["outcome"] == "blocked"
    with pytest.raises(BeyondAgreement, match=r"limited to 100 .* takes 110"):
        stage.release(blanket, *takes)
    assert not DrawDown.objects.exists()
    assert stage.left(blanket) == [100]


def test_erpnext_blanket_currency(stage, case):
    given = case("erpnext-blanket-currency")
    ExchangeRate.objects.create(
        currency="USD", base="EUR", day=TODAY, rate=figure(given.given["rates"]["USD"]), source="x"
    )
    line = given.steps[0]["lines"][0]
    blanket = stage.blanket([{**line, "qty": "10"}], currency="USD")
    release = stage.release(blanket, (line["line"], line["qty"]))
    expected = given.finally_expected["order"]
    assert release.net == figure(expected["total"])
    assert stage.cell().encumbered == figure(expected["total_base"])


def test_oca_blanket_draw_to_zero(stage, case):
    given = case("oca-blanket-draw-to-zero")
    blanket = frame(stage, given)
    for number, step in enumerate(given.steps, 1):
        expected = given.expected_after(number)
        if expected.get("outcome") == "blocked":
            with pytest.raises(BeyondAgreement):
                stage.release(blanket, (step["line"], step["qty"]))
        else:
            stage.release(blanket, (step["line"], step["qty"]))
            assert stage.left(blanket) == [figure(expected["blanket"][0]["remaining"])]
    assert PurchaseOrder.objects.filter(agreement=blanket).count() == 2


def test_oca_blanket_lines(stage, case):
    given = case("oca-blanket-lines")
    blanket = frame(stage, given)
    takes = [(each["line"], each["qty"]) for each in given.steps[0]["lines"]]
    release = stage.release(blanket, *takes)
    expected = given.finally_expected
    assert stage.left(blanket) == [figure(each["remaining"]) for each in expected["blanket"]]
    nets = [line.net for line in release.lines.order_by("line_number")]
    assert nets == [figure(each["amount"]) for each in expected["order"]["lines"]]
    assert release.net == figure(expected["order"]["net"])
