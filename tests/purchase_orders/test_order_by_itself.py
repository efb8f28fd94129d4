"""A catalog request within the requester's delegated limit becomes an order without a hand."""

from decimal import Decimal

import pytest

from budgets.models import Stage
from purchase_orders import queries, services
from purchase_orders.models import PurchaseOrder
from requisitions.inputs import LineInput, RequisitionInput
from requisitions.models import Requisition, RequisitionLine
from tests.factories import NOW
from tests.purchase_orders.making import Maker, events_of, held, run_worker
from vendors.models import CatalogItem, Vendor


def catalog_request(make: Maker, *wanted: tuple[str, str]) -> Requisition:
    """Approved, with lines of (sku, quantity)."""
    lines = [
        LineInput(
            quantity=Decimal(quantity),
            catalog_item=make.org.items[sku],
            distributions=make.coding(),
        )
        for sku, quantity in wanted
    ]
    return make.approved(RequisitionInput(title="Docks", currency="EUR", lines=lines))


def test_a_catalog_request_within_the_limit_is_ordered_by_the_portal(make: Maker) -> None:
    requisition = catalog_request(make, ("DOCK", "2"))
    run_worker("order_by_itself")
    order = queries.orders_of(requisition.pk).get()
    assert (order.status, order.number, order.issued_at) == ("issued", "PO-2026-000001", NOW)
    assert order.buyer is None
    assert (held(order.pk), held(requisition.pk, Stage.PRE)) == (Decimal("299.80"), 0)
    requisition.refresh_from_db()
    assert requisition.status == Requisition.Status.ORDERED


def test_a_second_delivery_orders_nothing(make: Maker) -> None:
    requisition = catalog_request(make, ("DOCK", "2"))
    run_worker("order_by_itself")
    requisition.refresh_from_db()
    assert services.order_by_itself(requisition=requisition, at=NOW) == []
    assert PurchaseOrder.objects.count() == 1


def test_a_draft_of_a_buyer_comes_first(make: Maker) -> None:
    requisition = catalog_request(make, ("DOCK", "2"))
    make.drafts(requisition)
    run_worker("order_by_itself")
    assert PurchaseOrder.objects.get().status == "draft"


def test_the_limit_itself_is_within(make: Maker) -> None:
    make.org.rita.delegated_order_limit = Decimal("299.80")
    make.org.rita.save()
    catalog_request(make, ("DOCK", "2"))
    run_worker("order_by_itself")
    assert PurchaseOrder.objects.count() == 1


def test_a_cent_above_the_limit_waits_for_a_buyer(make: Maker) -> None:
    make.org.rita.delegated_order_limit = Decimal("299.79")
    make.org.rita.save()
    catalog_request(make, ("DOCK", "2"))
    run_worker("order_by_itself")
    assert not PurchaseOrder.objects.exists()


def test_free_text_waits_for_a_buyer(make: Maker) -> None:
    make.requisition(("1", "10"))
    run_worker("order_by_itself")
    assert not PurchaseOrder.objects.exists()


def test_a_price_above_the_catalog_waits_for_a_buyer(make: Maker) -> None:
    catalog_request(make, ("DOCK", "1"))
    CatalogItem.objects.filter(sku="DOCK").update(unit_price=Decimal("100"))
    run_worker("order_by_itself")
    assert not PurchaseOrder.objects.exists()
    assert RequisitionLine.objects.get().ordered_quantity == 0


@pytest.mark.parametrize("status", ["suspended", "blocked"])
def test_what_refuses_the_order_is_said_and_left_to_a_buyer(make: Maker, status: str) -> None:
    requisition = catalog_request(make, ("DOCK", "1"))
    vendor = Vendor.objects.get(pk=make.org.vendor.pk)
    {"suspended": vendor.suspend, "blocked": vendor.block}[status]()
    vendor.save()
    run_worker("order_by_itself")
    assert not PurchaseOrder.objects.exists()
    assert events_of(requisition.pk)[-1] == "requisition.left_to_buyer"
    requisition.refresh_from_db()
    assert requisition.status == Requisition.Status.APPROVED


def test_what_was_left_to_a_buyer_stays_so_when_the_work_comes_again(make: Maker) -> None:
    requisition = catalog_request(make, ("DOCK", "1"))
    vendor = Vendor.objects.get(pk=make.org.vendor.pk)
    vendor.suspend()
    vendor.save()
    run_worker("order_by_itself")
    vendor.reinstate()
    vendor.save()
    before = events_of(requisition.pk)
    assert services.order_by_itself(requisition=requisition, at=NOW) == []
    assert not PurchaseOrder.objects.exists()
    assert events_of(requisition.pk) == before


def from_two_vendors(make: Maker, *coding: tuple[str, str]) -> Requisition:
    """A dock and a cable of other vendors, each paid by its own budget; two orders."""
    cable = CatalogItem.objects.create(
        vendor=make.org.other_vendor,
        sku="CABLE",
        name="Cable",
        unit="C62",
        unit_price=Decimal(20),
        currency="EUR",
    )
    lines = [
        LineInput(quantity=Decimal(1), catalog_item=item, distributions=make.coding((*cell, "100")))
        for item, cell in zip([make.org.items["DOCK"], cable], coding, strict=True)
    ]
    return make.approved(RequisitionInput(title="Desk", currency="EUR", lines=lines))


def test_each_vendor_gets_an_order_of_its_own(make: Maker) -> None:
    requisition = from_two_vendors(make, ("CC100", "6600"), ("CC100", "0650"))
    for _ in range(2):
        services.order_by_itself(requisition=requisition, at=NOW)
    orders = queries.orders_of(requisition.pk)
    assert sorted(order.net for order in orders) == [20, Decimal("149.90")]
    assert {order.status for order in orders} == {"issued"}
    requisition.refresh_from_db()
    assert requisition.status == Requisition.Status.ORDERED
    assert held(requisition.pk, Stage.PRE) == 0


def test_what_one_vendor_may_not_get_leaves_the_other_order_alone(make: Maker) -> None:
    requisition = from_two_vendors(make, ("CC100", "6600"), ("CC100", "0650"))
    vendor = Vendor.objects.get(pk=make.org.other_vendor.pk)
    vendor.suspend()
    vendor.save()
    for _ in range(3):
        services.order_by_itself(requisition=requisition, at=NOW)
    assert PurchaseOrder.objects.get().vendor == make.org.vendor
    assert events_of(requisition.pk).count("requisition.left_to_buyer") == 1
    requisition.refresh_from_db()
    assert requisition.status == Requisition.Status.PARTIALLY_ORDERED
