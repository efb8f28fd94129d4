"""What was last paid to a vendor for an item: told to whoever approves the next purchase."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from purchase_orders import services
from purchase_orders.models import PurchaseOrder
from tests.factories import NOW, Organisation
from tests.purchase_orders.making import Maker, line_of
from vendors import prices
from vendors.prices import LastPrice, Wanted


def order(
    make: Maker, sku: str, price: str, quantity: str = "1", article: str = "", **facts: Any
) -> PurchaseOrder:
    """A buyer's own order of a catalog item at that price, issued now."""
    make.org.bea.approval_limit = Decimal(10_000)
    make.org.bea.save()
    item = make.org.items[sku]
    said = {
        "catalog_item": item,
        "sku": article or sku,
        "description": item.name,
        "unit": item.unit,
    }
    data = make.order_data(make.line(quantity, price, **{**said, **facts}))
    return make.issue(
        services.create(entity=make.org.entity, data=data, actor=make.org.bea, at=NOW)
    )


def wanted(org: Organisation, sku: str) -> Wanted:
    return Wanted(org.vendor.pk, org.items[sku].pk)


def last(org: Organisation, sku: str, **options: Any) -> LastPrice | None:
    asked = wanted(org, sku)
    return prices.last_paid([asked], **options).get(asked)


def bill(order: PurchaseOrder, quantity: str, net: str, org: Organisation) -> None:
    services.bill(
        order=order,
        lines={line_of(order).pk: (Decimal(quantity), Decimal(net), False)},
        actor=org.fay,
        at=NOW,
    )


def test_what_was_never_bought_has_no_price(org: Organisation, make: Maker) -> None:
    assert last(org, "NB-14") is None
    draft = services.create(
        entity=org.entity, data=make.order_data(make.line("1", "9")), actor=org.bea, at=NOW
    )
    assert draft.status == "draft"
    assert last(org, "NB-14") is None


def test_the_newest_order_counts(org: Organisation, make: Maker) -> None:
    order(make, "NB-14", "1100")
    newest = order(make, "NB-14", "1150")
    found = last(org, "NB-14")
    assert found == LastPrice(
        unit_price=Decimal("1150"),
        currency="EUR",
        unit="C62",
        on=NOW.date(),
        order=newest.number,
        paid=False,
    )


def test_what_was_billed_comes_before_what_was_only_ordered(org: Organisation, make: Maker) -> None:
    paid = order(make, "NB-14", "1100", "2")
    make.receive(paid, "2")
    bill(paid, "2", "2180.00", org)
    order(make, "NB-14", "1150")
    found = last(org, "NB-14")
    assert found is not None
    assert (found.unit_price, found.paid, found.order) == (Decimal("1090"), True, paid.number)


@pytest.mark.parametrize("event", ["cancelled", "later", "other vendor"])
def test_what_does_not_count(org: Organisation, make: Maker, event: str) -> None:
    made = order(make, "NB-14", "1100")
    options: dict[str, Any] = {}
    if event == "cancelled":
        services.cancel(order=made, reason="Not needed", actor=org.bea, at=NOW)
    elif event == "later":
        options = {"before": NOW - timedelta(seconds=1)}
    else:
        PurchaseOrder.objects.filter(pk=made.pk).update(vendor=org.other_vendor)
    assert last(org, "NB-14", **options) is None


def test_an_article_number_finds_what_is_in_no_catalog(org: Organisation, make: Maker) -> None:
    order(make, "NB-14", "7.50", catalog_item=None, article="X-1")
    asked = Wanted(org.vendor.pk, None, "X-1")
    assert prices.last_paid([asked])[asked].unit_price == Decimal("7.5")
    assert prices.last_paid([Wanted(org.vendor.pk, None, "X-2"), Wanted(org.vendor.pk)]) == {}


def test_the_number_of_items_does_not_matter(org: Organisation, make: Maker) -> None:
    for sku in org.items:
        order(make, sku, "1")
    costs = []
    for skus in (["NB-14"], list(org.items)):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            found = prices.last_paid([wanted(org, sku) for sku in skus])
        assert len(found) == len(skus)
        costs.append(len(queries))
    assert costs == [1, 1]
