"""Tolerances change by two people: proposed by who keeps them, agreed by another, then in force."""

from datetime import timedelta
from decimal import Decimal

import pytest

from administration import kinds, services
from administration.models import ChangeRequest
from administration.subjects import describe
from approvals.models import ApprovalStep
from core import outbox
from core.errors import Conflict, Invalid, NotAllowed
from core.models import OutboxItem
from invoicing.models import Invoice, Tolerance
from invoicing.services.tolerances import REMATCH
from tests.administration.test_changes import decide
from tests.factories import NOW, TODAY
from tests.invoicing.billing import Biller
from tests.purchase_orders.making import Maker

pytestmark = pytest.mark.django_db
WHY = "Freight is dearer this year"
PRICE = {"check": "unit_price", "percent": "2", "valid_from": TODAY.isoformat()}


def propose(org, actor=None, **after):
    return services.propose(
        entity=org.entity, kind="tolerance", after={**PRICE, **after}, reason=WHY,
        actor=actor or org.fay, at=NOW,
    )  # fmt: skip


def test_who_keeps_tolerances_proposes_them_and_nothing_else(org):
    for name in ("rita", "axel", "bea", "rob", "finn", "vera", "olga", "ada", "nils"):
        with pytest.raises(NotAllowed):
            propose(org, org.people[name])
    with pytest.raises(NotAllowed):
        services.propose(
            entity=org.entity, kind="entity", after={"emergency_cap": "1"}, reason=WHY,
            actor=org.fay, at=NOW,
        )  # fmt: skip
    assert not ChangeRequest.objects.exists()


def test_what_cannot_be_is_not_proposed(org):
    for after, pointer in (
        ({"percent": "-1"}, "/percent"),
        ({"percent": "100.5"}, "/percent"),
        ({"percent": "much"}, "/percent"),
        ({"percent": None}, "/percent"),
        ({"absolute": "50 USD"}, "/absolute"),
        ({"currency": "USD"}, "/currency"),
        ({"vendor": "V-NONE"}, "/vendor"),
        ({"vendor": str(org.uk_vendor.pk)}, "/vendor"),
        ({"check": ["tax"]}, "/check"),
        ({"valid_from": "soon"}, "/valid_from"),
        ({"valid_from": (TODAY - timedelta(days=1)).isoformat()}, "/valid_from"),
        ({"is_staff": True}, "/after/is_staff"),
    ):
        with pytest.raises(Invalid) as caught:
            propose(org, **after)
        assert caught.value.errors[0].pointer == pointer, after
    assert not ChangeRequest.objects.exists()


def test_it_waits_for_somebody_else_who_reads_before_and_after(org):
    Biller(org).tolerance("unit_price", percent=1, vendor=org.vendor)
    change = propose(org, vendor=org.vendor.code, absolute="15")
    step = ApprovalStep.objects.get(request__subject_id=change.pk)
    assert (step.assignee, step.request.facts["sign_in"]) == (
        org.cora,
        "it changes what is paid without a look",
    )
    assert [str(flag) for flag in describe(change.pk).flags] == [
        "Elbe IT Handel GmbH: The price of a unit may be 1 % over; more stops the invoice. → The "
        "price of a unit may be 2 % or 15.00 over, whichever is less; more stops the invoice.",
        "Holds from: 2 Mar 2026, or from the day it is agreed if that is later",
    ]
    with pytest.raises(Conflict):
        propose(org, org.fay, vendor=str(org.vendor.pk), percent="3")
    propose(org, check="tax")  # another scope does not wait for this one
    with pytest.raises(NotAllowed):
        decide(change, by=org.fay)
    assert [each.percent for each in Tolerance.objects.all()] == [1]
    seen = [org.people[n] for n in ("fay", "cora", "olga", "ada", "finn", "bea", "vera")]
    assert [
        each.name.split()[0]
        for each in seen
        if ChangeRequest.objects.visible_to(each).filter(pk=change.pk).exists()
    ] == ["Fay", "Cora", "Olga", "Ada"]


def test_refused_or_stale_it_changes_nothing(org):
    row = Biller(org).tolerance("unit_price", percent=1)
    refused = propose(org)
    decide(refused, decision="reject")
    change = propose(org)
    Tolerance.objects.filter(pk=row.pk).update(percent=7)
    with pytest.raises(services.StaleChange):
        decide(change)
    assert [(each.percent, each.valid_to) for each in Tolerance.objects.all()] == [(7, None)]


def test_agreed_it_holds_and_what_waits_is_judged_by_it(org):
    make, bills = Maker(org), Biller(org)
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.billed(order, ("10", "10.10"))
    change = propose(org, check="line_amount")
    decide(change)
    for handler in (REMATCH, "invoicing.match"):
        for item in OutboxItem.objects.filter(handler=handler, done_at=None):
            assert outbox.run(item)
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.CLEARED
    ended = propose(org, check="line_amount", ends=True)
    assert kinds.of(ended).rows(ended)[0].new == "nothing of its own"
    decide(ended)
    assert not Tolerance.objects.holding(TODAY).exists()
    assert Tolerance.objects.get().percent == Decimal(2)
