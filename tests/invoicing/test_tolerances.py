"""Tolerances: one per scope, the narrowest wins."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from invoicing.models import Tolerance
from invoicing.tolerances import resolve

pytestmark = pytest.mark.django_db


def limits(org, order):
    rules = resolve(order.lines.all(), order.vendor, org.entity.pk)
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


def test_another_vendors_or_entitys_rule_does_not_count(org, make, bills):
    order = make.issued(("1", "10"))
    bills.tolerance("line_amount", percent=5, vendor=org.other_vendor)
    Tolerance.objects.create(entity=org.uk, check_name="line_amount", percent=9)
    assert limits(org, order) == {}
