"""Drafts: from requisitions, split over vendors, in parts; by buyers; edited until issued."""

from decimal import Decimal
from uuid import uuid4

import pytest

from core.errors import Conflict, IllegalTransition, Invalid, NotAllowed, StaleVersion
from core.models import TrailEvent
from purchase_orders import services
from purchase_orders.inputs import OrderLineInput
from purchase_orders.models import PurchaseOrder
from requisitions.models import Requisition
from tests.factories import NOW
from tests.purchase_orders.making import Maker, events_of


@pytest.mark.parametrize("persona", ["rita", "axel", "rob", "finn", "cora", "olga", "ada", "nils"])
def test_only_a_buyer_of_the_entity_makes_a_draft(make: Maker, persona: str) -> None:
    requisition = make.requisition(("1", "10"))
    actor = make.org.people[persona]
    with pytest.raises(NotAllowed):
        services.create_from_requisition(requisition=requisition, actor=actor, at=NOW)
    data = make.order_data(make.line("1", "10"))
    with pytest.raises(NotAllowed):
        services.create(entity=make.org.entity, data=data, actor=actor, at=NOW)
    assert not PurchaseOrder.objects.exists()


def test_only_an_approved_requisition_is_ordered(make: Maker) -> None:
    waiting = make.requisition(("1", "100"), approve=False)
    assert waiting.status == Requisition.Status.SUBMITTED
    with pytest.raises(IllegalTransition, match="only approved"):
        make.drafts(waiting)


def test_a_second_click_makes_no_second_order(make: Maker) -> None:
    requisition = make.requisition(("2", "10"))
    make.drafts(requisition)
    with pytest.raises(Conflict, match="on an order already"):
        make.drafts(requisition)
    assert PurchaseOrder.objects.count() == 1


def test_more_than_is_left_is_refused(make: Maker) -> None:
    requisition = make.requisition(("10", "10"))
    line = requisition.lines.get()
    make.drafts(requisition, quantities={line.pk: Decimal(4)})
    with pytest.raises(Invalid) as refused:
        make.drafts(requisition, quantities={line.pk: Decimal("6.000001")})
    assert refused.value.errors[0].pointer == "/lines/0/quantity"
    assert "Only 6 is left" in refused.value.errors[0].detail
    assert make.drafts(requisition, quantities={line.pk: Decimal(6)})[0].net == 60


@pytest.mark.parametrize("quantity", ["-1", "NaN", "1E+12", "0.0000001"])
def test_a_quantity_that_is_none_is_refused(make: Maker, quantity: str) -> None:
    requisition = make.requisition(("10", "10"))
    line = requisition.lines.get()
    with pytest.raises(Invalid):
        make.drafts(requisition, quantities={line.pk: Decimal(quantity)})


def test_quantities_name_lines_of_the_requisition(make: Maker) -> None:
    requisition = make.requisition(("10", "10"))
    stranger = uuid4()
    with pytest.raises(Invalid) as refused:
        make.drafts(requisition, quantities={stranger: Decimal(1)})
    assert {error.pointer for error in refused.value.errors} == {f"/quantities/{stranger}"}


def test_a_draft_takes_over_what_was_approved(make: Maker) -> None:
    requisition = make.requisition(
        ("3", "33.333"),
        coding=make.coding(("CC100", "6600", "50"), ("CC100", "6300", "50")),
        ship_to="Gate 2",
    )
    order = make.drafts(requisition)[0]
    line = order.lines.get()
    assert (order.number, order.status, order.buyer) == (None, "draft", make.org.bea)
    assert (order.ship_to, order.title) == ("Gate 2", requisition.title)
    assert order.bill_to.startswith("Nordlicht Systems GmbH\nSpeicherstraße")
    assert (line.net, order.net, order.tax, order.total) == (
        Decimal("100.00"),
        Decimal("100.00"),
        Decimal("19.00"),
        Decimal("119.00"),
    )
    assert [part.amount for part in line.distributions.all()] == [50, 50]
    assert line.match_type == make.org.vendor.default_match_type
    assert events_of(order.pk) == ["order.created"]
    assert order.history.get().history_user == make.org.bea


def test_a_requisition_splits_over_its_vendors(make: Maker) -> None:
    org = make.org
    requisition = make.requisition(
        ("1", "10"), ("2", "10"), ("3", "10"), vendors=[org.vendor, org.other_vendor, org.vendor]
    )
    orders = {order.vendor: order for order in make.drafts(requisition)}
    assert orders[org.vendor].net == 40
    assert orders[org.other_vendor].net == 20
    assert [line.line_number for line in orders[org.vendor].lines.all()] == [1, 2]


def test_tax_is_computed_on_the_sum_of_a_rate(make: Maker) -> None:
    """0.1 + 0.1 at 19 % is 0.04 on the sum; line by line it would be 0.02 + 0.02 = 0.04 …

    three lines of 0.08: 0.0456 on the sum rounds to 0.05, line by line 3 × 0.02 = 0.06.
    """
    data = make.order_data(*[make.line("1", "0.08", tax_code="DE19") for _ in range(3)])
    order = services.create(entity=make.org.entity, data=data, actor=make.org.bea, at=NOW)
    assert (order.net, order.tax) == (Decimal("0.24"), Decimal("0.05"))


def test_the_coding_of_a_requested_line_cannot_change(make: Maker) -> None:
    order = make.draft(("2", "10"))
    requested = order.lines.get().requisition_line
    line = OrderLineInput(
        description="Thing",
        quantity=Decimal(2),
        unit_price=Decimal(10),
        requisition_line=requested,
        distributions=make.coding(("CC200", "6310", "100")),
    )
    with pytest.raises(Invalid) as refused:
        services.edit(order=order, data=make.order_data(line), actor=make.org.bea, at=NOW)
    assert [error.code for error in refused.value.errors] == ["approved"]


def test_a_requested_line_goes_to_its_vendor_and_in_its_currency(make: Maker) -> None:
    order = make.draft(("2", "10"))
    line = OrderLineInput(
        description="Thing",
        quantity=Decimal(2),
        unit_price=Decimal(10),
        requisition_line=order.lines.get().requisition_line,
    )
    data = make.order_data(line, vendor=make.org.other_vendor, currency="USD")
    with pytest.raises(Invalid) as refused:
        services.edit(order=order, data=data, actor=make.org.bea, at=NOW)
    assert [error.pointer for error in refused.value.errors] == ["/currency", "/vendor"]


def test_every_fault_is_named_at_its_field(make: Maker) -> None:
    data = make.order_data(
        make.line("0", "-1", description=" ", unit="nonsense", tax_code="FR20", distributions=[]),
        make.line("1", "1", distributions=make.coding(("CC100", "6600", "60"))),
        vendor=make.org.uk_vendor,
        currency="EURO",
        title="\u202eevil",
        payment_terms_days=-1,
    )
    with pytest.raises(Invalid) as refused:
        services.create(entity=make.org.entity, data=data, actor=make.org.bea, at=NOW)
    assert {error.pointer for error in refused.value.errors} == {
        "/vendor",
        "/currency",
        "/title",
        "/payment_terms_days",
        "/lines/0/quantity",
        "/lines/0/unit_price",
        "/lines/0/description",
        "/lines/0/unit",
        "/lines/0/tax_code",
        "/lines/0/distributions",
        "/lines/1/distributions",
    }
    assert not PurchaseOrder.objects.exists()


def test_coding_of_another_entity_is_refused(make: Maker) -> None:
    part = make.coding()[0]
    foreign = type(part)(
        cost_center=make.org.uk_cost_center,
        gl_account=make.org.uk_gl_account,
        project=make.org.uk_project,
    )
    data = make.order_data(make.line("1", "1", distributions=[foreign]))
    with pytest.raises(Invalid) as refused:
        services.create(entity=make.org.entity, data=data, actor=make.org.bea, at=NOW)
    assert len(refused.value.errors) == 3


def test_a_draft_is_edited_and_the_trail_says_what_changed(make: Maker) -> None:
    order = make.draft(("2", "10"))
    requested = order.lines.get().requisition_line
    line = OrderLineInput(
        description="Thing", quantity=Decimal(1), unit_price=Decimal(9), requisition_line=requested
    )
    data = make.order_data(line, title="Fewer things")
    order = services.edit(
        order=order, data=data, actor=make.org.bea, at=NOW, expected_version=order.version
    )
    assert (order.net, order.lines.get().quantity) == (9, 1)
    event = TrailEvent.objects.get(type="order.edited")
    assert {change["field"] for change in event.changes} >= {"title", "net", "lines"}


def test_a_stale_edit_is_refused(make: Maker) -> None:
    order = make.draft(("2", "10"))
    with pytest.raises(StaleVersion):
        services.edit(
            order=order, data=make.order_data(), actor=make.org.bea, at=NOW, expected_version=9
        )


def test_an_issued_order_is_not_edited(make: Maker) -> None:
    order = make.issued(("2", "10"))
    with pytest.raises(IllegalTransition, match="cannot be edited"):
        services.edit(
            order=order, data=make.order_data(make.line("1", "1")), actor=make.org.bea, at=NOW
        )
    order.refresh_from_db()
    assert order.net == 20


def test_a_line_by_amount_is_ordered_in_parts_of_its_amount(make: Maker) -> None:
    requisition = make.requisition(("1", "5000"), basis="amount")
    line = requisition.lines.get()
    order = make.drafts(requisition, quantities={line.pk: Decimal("0.6")})[0]
    assert order.net == 3000
    rest = make.drafts(requisition)[0]
    assert (rest.lines.get().quantity, rest.net) == (Decimal("0.4"), 2000)
