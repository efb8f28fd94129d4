"""An order of its own counts with what its buyer ordered lately of the same vendor family."""

from datetime import timedelta

import pytest

from purchase_orders import services
from purchase_orders.models import PurchaseOrder
from purchase_orders.order_subjects import describe
from tests import factories
from tests.factories import NOW
from tests.purchase_orders import approving
from tests.purchase_orders.approving import D, own, round_of, submit
from tests.purchase_orders.making import LATER
from vendors.models import Vendor


@pytest.fixture(autouse=True)
def asked(make):
    approving.policy(make, fact="tier_amount")


def facts(order) -> tuple:
    said = round_of(order).facts
    return tuple(D(said[name]) for name in ("amount", "tier_amount", "rolling_total"))


def people(order) -> int:
    return round_of(order).steps.count()


def test_parts_are_judged_together(make):
    """3 000 twice: the second is asked about as 6 000 would be, and says why."""
    first, second = own(make, "30"), own(make, "30")
    submit(make, first)
    assert (facts(first), people(first)) == ((D("3000"),) * 3, 1)
    submit(make, second)
    assert (facts(second), people(second)) == ((D("3000"), D("6000"), D("6000")), 2)
    flags = [flag.words for flag in describe(second.pk).flags if flag.kind == "split"]
    assert len(flags) == 1
    assert "it comes to 6,000.00 EUR in 30 days" in flags[0]
    assert "each alone stays within 5,000.00 EUR" in flags[0]


@pytest.mark.parametrize("apart", ["vendor", "buyer", "window", "draft", "requested", "cancelled"])
def test_what_is_no_part_does_not_count(make, apart):
    other = make.draft(("30", "100")) if apart == "requested" else own(make, "30")
    if apart == "requested":
        make.issue(other)
    elif apart != "draft":
        submit(make, other)
    rows = PurchaseOrder.objects.filter(pk=other.pk)
    if apart == "vendor":
        rows.update(vendor=factories.approved_vendor(make.org.entity, code="V-77", name="Another"))
    elif apart == "buyer":
        rows.update(buyer=make.org.cora)
    elif apart == "window":
        rows.update(submitted_at=NOW - timedelta(days=31))
    elif apart == "cancelled":
        services.withdraw(order=other, actor=make.org.bea, at=LATER)
    second = own(make, "30")
    submit(make, second)
    assert (facts(second), people(second)) == ((D("3000"),) * 3, 1)


def test_a_family_of_vendors_counts_as_one(make):
    family = factories.approved_vendor(make.org.entity, code="V-77", name="Another")
    Vendor.objects.filter(pk=family.pk).update(family=make.org.vendor.family_key)
    family.refresh_from_db()
    submit(make, own(make, "30", vendor=family))
    second = own(make, "30")
    submit(make, second)
    assert facts(second)[1] == D("6000")
