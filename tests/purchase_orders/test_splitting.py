"""An order of its own counts with what its buyer ordered lately of the same vendor family."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from core.money import to_base
from purchase_orders import agreements, cover, order_facts, services
from purchase_orders.models import PurchaseOrder
from purchase_orders.order_subjects import describe
from tests import factories
from tests.factories import NOW, TODAY
from tests.purchase_orders import approving
from tests.purchase_orders.approving import D, own, round_of, submit
from tests.purchase_orders.blankets import Blankets
from tests.purchase_orders.making import LATER
from tests.racing import race
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


def test_many_parts_are_counted_and_the_newest_named(make, django_assert_num_queries: Any):
    """The statements that it takes are the same for one part and for five."""
    parts = [submit(make, own(make, "10", title=f"Part {number}")) for number in range(6)]
    last = PurchaseOrder.objects.select_related("entity", "vendor", "buyer").get(pk=parts[-1].pk)
    lines = list(last.lines.all())
    with django_assert_num_queries(4):
        words = order_facts.flag(last, lines, at=LATER)
    assert "with Part 4, Part 3, Part 2 and 2 more it comes to 6,000.00 EUR in 30 days" in words
    early = PurchaseOrder.objects.filter(pk__in=[each.pk for each in parts[1:5]])
    early.update(submitted_at=NOW - timedelta(days=31))
    with django_assert_num_queries(4):
        assert order_facts.flag(last, lines, at=LATER) == ""


def test_a_part_in_another_currency_counts_at_its_own_rate_rounded_alone(make):
    for _ in range(2):
        submit(make, own(make, "1.005", currency="USD"))
    usd = PurchaseOrder.objects.filter(currency="USD").first()
    counted = to_base(usd.net, rate=usd.rate, base_currency="EUR")
    third = submit(make, own(make, "30"))
    assert facts(third)[1] == D("3000") + 2 * counted


def test_the_database_adds_up_what_nobody_decided_yet(make):
    """Of every kind of order what `own_decision` says of it."""
    blankets = Blankets(make)
    limited, prices = (
        blankets.issued(("100", "90"), **terms) for terms in ({}, {"limit_by": "price"})
    )
    orders = [
        *(limited, prices, own(make, "30"), make.draft(("30", "100"))),
        *(blankets.release_draft(each, "1") for each in (limited, prices)),
    ]
    said = {each.pk: agreements.own_decision(each, each.lines.all()) for each in orders}
    assert len({*said.values()} - {0}) == 4
    found = agreements.with_own_decision(PurchaseOrder.objects.filter(pk__in=said))
    assert dict(found.values_list("pk", "own")) == said


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


@pytest.fixture
def limited(make):
    """bea may decide 5 000 alone."""
    make.org.bea.approval_limit = D("5000")
    make.org.bea.save()
    return make


def alone(make, quantity: str, **header) -> PurchaseOrder:
    return approving.issue(make, own(make, quantity, **header))


def test_what_a_buyer_decides_alone_is_added_up(limited):
    """Semantics of A9: 4 900 and then 100 are 5 000, the limit; a cent more goes to others."""
    alone(limited, "49")
    alone(limited, "1")
    third = own(limited, "0.0001")
    with pytest.raises(services.NeedsRequisition, match=r"comes to 5,000\.01 EUR"):
        approving.issue(limited, third)
    third.refresh_from_db()
    assert third.status == PurchaseOrder.Status.DRAFT
    submit(limited, third)
    assert facts(third)[1] == D("5000.01")
    approving.decided(third)
    approving.decided(third)
    assert approving.issue(limited, third).status == PurchaseOrder.Status.ISSUED


@pytest.mark.parametrize("apart", ["vendor", "buyer", "window", "approved", "cancelled", "draft"])
def test_what_is_no_part_leaves_the_limit_alone(limited, apart):
    first = own(limited, "49") if apart == "draft" else alone(limited, "49")
    rows = PurchaseOrder.objects.filter(pk=first.pk)
    if apart == "vendor":
        another = factories.approved_vendor(limited.org.entity, code="V-77", name="Another")
        rows.update(vendor=another)
    elif apart == "buyer":
        rows.update(buyer=limited.org.cora)
    elif apart == "window":
        rows.update(issued_at=NOW - timedelta(days=30))
    elif apart == "approved":
        rows.update(approved_at=NOW)
    elif apart == "cancelled":
        services.cancel(order=first, actor=limited.org.bea, at=LATER, reason="Not needed.")
    second = own(limited, "49")
    with pytest.raises(services.NeedsNoApproval):
        submit(limited, second)
    assert approving.issue(limited, second).status == PurchaseOrder.Status.ISSUED


def test_the_first_day_of_the_window_counts_and_so_does_a_vendor_of_the_family(limited):
    family = factories.approved_vendor(limited.org.entity, code="V-77", name="Another")
    Vendor.objects.filter(pk=family.pk).update(family=limited.org.vendor.family_key)
    family.refresh_from_db()
    first = alone(limited, "49", vendor=family)
    PurchaseOrder.objects.filter(pk=first.pk).update(issued_at=NOW - timedelta(days=29))
    with pytest.raises(services.NeedsRequisition):
        alone(limited, "49")


def test_what_was_decided_in_another_currency_counts_at_its_own_rate(limited):
    first = alone(limited, "49", currency="USD")
    assert first.rate != 1
    counted = to_base(first.net, rate=first.rate, base_currency="EUR")
    with pytest.raises(services.NeedsRequisition) as refused:
        alone(limited, "49")
    assert f"comes to {counted + 4900:,} EUR" in str(refused.value)


def test_what_is_requested_has_no_limit_of_the_buyer(limited):
    alone(limited, "49")
    assert limited.issue(limited.draft(("49", "100"))).status == PurchaseOrder.Status.ISSUED


def test_drafts_of_a_list_take_no_more_statements_than_one(limited, django_assert_num_queries: Any):
    drafts = [own(limited, "10") for _ in range(3)]
    drafts = {
        each: list(each.lines.all())
        for each in PurchaseOrder.objects.filter(pk__in=[each.pk for each in drafts])
        .select_related("entity", "vendor")
        .prefetch_related("lines")
    }
    alone(limited, "49")
    with django_assert_num_queries(2):
        needs = cover.needs(drafts, limited.org.bea, on=TODAY)
    assert all("comes to 5,900.00 EUR" in words for (words,) in needs.values())


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_parts_at_the_same_moment_see_each_other(limited):
    orders = [own(limited, "20") for _ in range(4)]
    results = race([lambda order=order: approving.issue(limited, order) for order in orders])
    kinds = Counter(type(each) for each in results)
    assert kinds == {PurchaseOrder: 2, services.NeedsRequisition: 2}
