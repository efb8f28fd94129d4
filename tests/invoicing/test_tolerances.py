"""Tolerances: one per scope, the narrowest wins."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from invoicing.facts import lines_of
from invoicing.models import Invoice, Tolerance
from invoicing.tolerances import resolve
from tests.factories import TODAY
from vendors.models import CatalogItem

pytestmark = pytest.mark.django_db


def limits(org, order):
    rules = resolve(lines_of(order.pk), order.vendor, org.entity.pk, on=TODAY)
    assert {rule.lines for rule in rules} <= {None}
    return {rule.check: rule.percent for rule in rules}


def test_one_rule_per_scope(bills):
    bills.tolerance("line_amount", percent=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        bills.tolerance("line_amount", percent=3)
    assert Tolerance.objects.count() == 1


def test_the_vendors_own_rule_goes_before_the_entitys(org, make, bills):
    order = make.issued(("1", "10"))
    bills.tolerance("line_amount", percent=2)
    assert limits(org, order) == {"line_amount": Decimal(2)}
    bills.tolerance("line_amount", percent=5, vendor=order.vendor)
    assert limits(org, order) == {"line_amount": Decimal(5)}


def categorised(order, *kinds):
    """The lines of an order become those of catalog items of these kinds of service."""
    for line, kind in zip(order.lines.all(), kinds, strict=True):
        order.lines.filter(pk=line.pk).update(catalog_item=item(order.vendor, kind))


def item(vendor, kind):
    return kind and CatalogItem.objects.create(
        vendor=vendor, sku=kind, name=kind, service_type=kind,
        unit="C62", unit_price=1, currency="EUR",
    )  # fmt: skip


def test_the_order_of_scopes(org, make, bills):
    order = make.issued(("1", "10"))
    categorised(order, "cloud")
    for percent, scope in (
        (1, {}),
        (2, {"vendor": order.vendor}),
        (3, {"category": "cloud"}),
        (4, {"category": "cloud", "vendor": order.vendor}),
    ):
        bills.tolerance("line_amount", percent=percent, **scope)
        assert limits(org, order) == {"line_amount": Decimal(percent)}
        bills.tolerance("line_amount", direction="under", percent=percent * 10, **scope)
        bills.tolerance("line_amount", percent=50, category="hardware", vendor=scope.get("vendor"))
        Tolerance.objects.filter(direction="under").delete()
        Tolerance.objects.filter(category="hardware").delete()


def test_each_line_goes_by_its_own_category(org, make, bills):
    """What is generous for one kind of service is not lent to others on the same order."""
    order = make.issued(("10", "10"), ("10", "10"), ("10", "10"))
    categorised(order, "cloud", "hardware", None)
    bills.tolerance("line_amount", percent=1)
    bills.tolerance("line_amount", percent=20, category="cloud")
    bills.tolerance("unit_price", category="cloud")
    ids = [str(line.pk) for line in order.lines.all()]
    rules = resolve(lines_of(order.pk), order.vendor, org.entity.pk, on=TODAY)
    assert {(rule.check, rule.percent, rule.lines) for rule in rules} == {
        ("line_amount", 1, tuple(sorted(ids[1:]))),
        ("line_amount", 20, (ids[0],)),
        ("unit_price", None, (ids[0],)),
    }
    make.receive(order, "10", "10", "10")
    invoice = bills.billed(order, ("5", "11"), ("5", "11"), ("5", "11"))
    stopped = invoice.exceptions.filter(check_name="line_amount")
    assert sorted(stopped.values_list("line__line_number", "limit")) == [(2, "1 %"), (3, "1 %")]


def test_rounding_is_a_setting_of_its_own(org, make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.billed(order, ("10", "10"), gross=Decimal("119.05"))
    assert invoice.status == Invoice.Status.IN_EXCEPTION
    bills.tolerance("rounding", absolute=Decimal("0.05"))
    assert bills.match(invoice).status == Invoice.Status.CLEARED


def test_another_vendors_or_entitys_rule_does_not_count(org, make, bills):
    order = make.issued(("1", "10"))
    bills.tolerance("line_amount", percent=5, vendor=org.other_vendor)
    Tolerance.objects.create(entity=org.uk, check_name="line_amount", percent=9)
    assert limits(org, order) == {}


def test_a_row_counts_on_its_days_only(org, make):
    order = make.issued(("1", "10"))
    yesterday, tomorrow = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
    rows = [
        {"percent": 1, "valid_to": yesterday},
        {"percent": 2, "valid_from": TODAY, "valid_to": TODAY},
        {"percent": 3, "valid_from": tomorrow},
    ]
    for row in rows:
        Tolerance.objects.create(entity=org.entity, check_name="line_amount", **row)
    held = [
        resolve(lines_of(order.pk), order.vendor, org.entity.pk, on=day)[0].percent
        for day in (yesterday, TODAY, tomorrow)
    ]
    assert held == [1, 2, 3]
