"""Orders under contracts: which one, at which prices, and how much of its cap is used."""

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from core.errors import Invalid
from core.models import TrailEvent
from purchase_orders import contracts, services
from purchase_orders.models import PurchaseOrder
from tests.factories import NOW, Organisation, approved, line_input
from tests.pages import signed_in, text_of
from tests.purchase_orders.making import Maker
from tests.vendors.agreements import contract


def notebook(make: Maker, price: str = "1180", quantity: str = "1") -> Any:
    return make.line(quantity, price, sku="NB-14", description="Notebook", unit="C62")


def own(make: Maker, *lines: Any, **header: Any) -> PurchaseOrder:
    """A buyer's own draft."""
    make.org.bea.approval_limit = 100_000
    make.org.bea.save()
    data = make.order_data(*lines, **header)
    return services.create(entity=make.org.entity, data=data, actor=make.org.bea, at=NOW)


def issued_data(order: PurchaseOrder) -> dict[str, Any]:
    return TrailEvent.objects.get(document_id=order.pk, type="order.issued").data


def test_another_vendor_s_contract_is_refused(org: Organisation, make: Maker) -> None:
    foreign = contract(org, vendor=org.other_vendor)
    with pytest.raises(Invalid) as refused:
        own(make, notebook(make), contract=foreign)
    assert [error.pointer for error in refused.value.errors] == ["/contract"]
    assert not PurchaseOrder.objects.exists()


def test_nor_is_one_in_another_currency(org: Organisation, make: Maker) -> None:
    with pytest.raises(Invalid):
        own(make, notebook(make), contract=contract(org, currency="USD"))
    assert not PurchaseOrder.objects.exists()


def test_a_draft_stands_under_the_contract_that_covers_all_of_it(
    org: Organisation, make: Maker
) -> None:
    frame = contract(org, prices={"NB-14": "1180"})
    assert own(make, notebook(make)).contract == frame
    assert own(make, notebook(make), make.line("1", "5")).contract is None
    assert own(make, notebook(make, "1181")).contract is None
    contract(org, "MSA-2", vendor=org.other_vendor)
    requested = approved(org, line_input(org, 1, "1180", sku="NB-14", unit="C62"))
    (made,) = services.create_from_requisition(requisition=requested, actor=org.bea, at=NOW)
    assert made.contract == frame


def test_what_is_above_contract_is_noted_at_issue_and_stops_nothing(
    org: Organisation, make: Maker
) -> None:
    frame = contract(org, prices={"NB-14": "1000"})
    order = own(make, notebook(make), contract=frame)
    (above,) = contracts.above(order, order.lines.all(), on=NOW.date())
    assert (above.line_number, above.agreed, above.share) == (1, Decimal(1000), Decimal("0.18"))
    make.issue(order)
    assert issued_data(order)["above_contract"] == [
        {
            "line": 1,
            "unit_price": "1180.000000",
            "agreed": "1000.000000",
            "contract": frame.number,
        }
    ]
    assert "over_contract_cap" not in issued_data(order)


def test_an_order_within_its_contract_notes_nothing(org: Organisation, make: Maker) -> None:
    contract(org, prices={"NB-14": "1180"}, spend_cap=Decimal("1180"))
    order = make.issue(own(make, notebook(make)))
    assert not {"above_contract", "over_contract_cap"} & set(issued_data(order))


def test_a_cap_counts_issued_orders_and_is_noted_when_it_is_exceeded(
    org: Organisation, make: Maker
) -> None:
    frame = contract(org, spend_cap=Decimal(1000))
    first, second, third = (own(make, make.line("1", "600")) for _ in range(3))
    assert contracts.ordered_under(frame) == 0
    make.issue(first)
    assert contracts.over_cap(second) == Decimal(200)
    make.issue(second)
    assert issued_data(second)["over_contract_cap"] == "200.0000"
    assert contracts.ordered_under(frame) == Decimal(1200)
    services.cancel(order=first, actor=org.bea, at=NOW, reason="Not needed")
    assert contracts.ordered_under(frame) == Decimal(600)
    assert contracts.over_cap(third) == Decimal(200)


@pytest.mark.usefixtures("present")
def test_pages_say_what_is_above(org: Organisation, make: Maker) -> None:
    frame = contract(org, "MSA-7", prices={"NB-14": "1000"}, spend_cap=Decimal(1100))
    order = own(make, notebook(make), contract=frame)
    page = signed_in(org.bea)
    for name in ("detail", "edit"):
        shown = text_of(page.get(reverse(f"purchase_orders:{name}", args=[order.pk])))
        assert "contract MSA-7 says 1,000.00 EUR" in shown
        assert "18 % more" in shown
        assert "contract MSA-7 is exceeded by 80.00 EUR" in shown
    orders_owner = signed_in(org.dora)  # her cost centre pays; contracts are not her business
    shown = text_of(orders_owner.get(reverse("purchase_orders:detail", args=[order.pk])))
    assert "Notebook" in shown
    assert "MSA-7 says" not in shown
    under = text_of(page.get(reverse("vendors:contract", args=[frame.pk])))
    assert "Ordered so far, net 0.00 EUR" in under


@pytest.mark.parametrize("count", [3, 60])
def test_statements_do_not_grow_with_lines(
    org: Organisation, make: Maker, count: int, django_assert_num_queries: Any
) -> None:
    contract(org, prices={"NB-14": "1000"}, spend_cap=Decimal(10))
    order = own(make, *(notebook(make) for _ in range(count)))
    lines = list(order.lines.all())
    with django_assert_num_queries(1):
        assert len(contracts.above(order, lines, on=NOW.date())) == count
