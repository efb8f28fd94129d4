"""Pages of tolerances: who sees them, what they say, what their forms lead to."""

import pytest

from administration.models import ChangeRequest
from invoicing.models import Tolerance
from tests import pages
from tests.administration.test_changes import decide
from tests.factories import TODAY
from tests.invoicing.billing import Biller
from tests.purchase_orders.making import Maker

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
LIST, NEW = "/administration/tolerances/", "/administration/tolerances/new/"
WIDER = {
    "check": "line_amount",
    "direction": "over",
    "percent": "2,5",
    "combine": "AND",
    "action": "exception",
    "valid_from": TODAY.isoformat(),
    "reason": "Freight is dearer",
}


def test_the_list_says_each_row_in_the_order_in_which_it_is_resolved(org, fay):
    bills = Biller(org)
    for percent, given in (
        (1, {}),
        (2, {"vendor": org.vendor}),
        (3, {"category": "hardware"}),
        (4, {"category": "hardware", "vendor": org.vendor}),
    ):
        bills.tolerance("line_amount", percent=percent, **given)
    bills.tolerance("unit_price", percent=9)
    client = pages.signed_in(fay)
    said = pages.text_of(client.get(LIST))
    order = ["may be 9 %", "may be 4 %", "may be 3 %", "may be 2 %", "may be 1 %"]
    assert sorted(order, key=said.index) == order
    assert "Elbe IT Handel GmbH · Hardware always" in said
    few = pages.statements(client, LIST)
    for category in ("saas", "iaas", "licence"):
        bills.tolerance("line_amount", percent=5, category=category, vendor=org.other_vendor)
    assert pages.statements(client, LIST) == few


def test_a_form_shows_what_would_match_then_proposes_and_the_approver_sees_both(org, fay, cora):
    make, bills = Maker(org), Biller(org)
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.billed(order, ("10", "10.20"))
    client = pages.signed_in(fay)
    answer = client.post(NEW, {**WIDER, "preview": "1"})
    assert "1 of 1 waiting invoice would match, as they were last judged. Budgets" in pages.text_of(
        answer
    )
    assert invoice.number in pages.text_of(answer)
    assert pages.value_of(answer, "percent") == "2,5"
    assert not ChangeRequest.objects.exists()
    client.post(NEW, WIDER)
    change = ChangeRequest.objects.get()
    page = f"/administration/changes/{change.pk}/"
    said = pages.text_of(pages.signed_in(cora).get(page))
    assert "All vendors and categories nothing of its own The amount of a line may be 2.5 %" in said
    assert "1 of 1 waiting invoice would match" in said
    assert "Tolerance: Amount of a line Proposed by Fay Winter" in pages.text_of(client.get(LIST))
    decide(change)
    row = Tolerance.objects.get()
    held = f"{LIST}{row.pk}/"
    said = pages.text_of(client.get(held))
    assert "The amount of a line may be 2.5 % over; more stops the invoice. from 2 Mar 2026" in said
    assert "Cora Neumann" in said
    assert pages.value_of(client.get(held), "percent") == "2.5"
    ended = client.post(held, {**WIDER, "ends": "on"}, follow=True)
    assert "nothing of its own" in pages.text_of(ended)
    assert "None holds on that day" not in pages.text_of(ended)
    assert 'name="percent"' not in client.get(held).content.decode()  # one change at a time


@pytest.mark.parametrize("button", [{}, {"preview": "1"}])
def test_what_is_refused_stands_at_its_field_with_what_was_said(org, fay, button):
    client = pages.signed_in(fay)
    for given, words in (
        ({"percent": "-1"}, "From 0 to 100 %."),
        ({"percent": "100.5"}, "From 0 to 100 %."),
        ({"percent": ""}, "Say a percentage, an amount or both; 0 is exact."),
        ({"absolute": "50 USD"}, "Enter a number."),
        ({"valid_from": "2026-03-01"}, "Today or later"),
        ({"check": "charges", "direction": "under"}, "Only too much is looked for here."),
    ):
        answer = client.post(NEW, {**WIDER, **given, **button})
        assert answer.status_code == 422, given
        assert words in pages.text_of(answer)
        assert "Freight is dearer" in pages.text_of(answer)
    assert not ChangeRequest.objects.exists()
