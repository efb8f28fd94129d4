"""The queue shares a month once, however often it is asked and told."""

import pytest
from django.utils import timezone

from budgets.models import LedgerEntry
from chargeback import services
from chargeback.models import Allocation, Statement
from chargeback.services.running import AlreadyShared
from core import outbox
from core.models import OutboxItem
from tests.chargeback.sharing import AT, FEBRUARY, make_rule, room, spend
from tests.factories import organisation
from tests.invariants.fixtures import assert_books_hold
from tests.racing import race


def test_the_queue_does_what_was_asked(org, rule, cora):
    spend(org.cell("CC100", "6300"), "100.00")
    services.request_run(rule=rule, month=FEBRUARY, actor=cora, at=AT)
    outbox.drain()
    assert OutboxItem.objects.get(handler="chargeback.run").done_at is not None
    allocation = Allocation.objects.get()
    assert (allocation.status, allocation.posted_at) == ("posted", AT)
    OutboxItem.objects.filter(handler="chargeback.run").update(done_at=None)
    outbox.drain()
    assert OutboxItem.objects.get(handler="chargeback.run").done_at is not None
    assert LedgerEntry.objects.filter(document_type="allocation").count() == 4


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_requests_for_one_month_at_once_give_one():
    org = organisation()
    room(org, "CC200", "CC300")
    rule = make_rule(org)
    spend(org.cell("CC100", "6300"), "100.00")

    def ask():
        return services.request_run(rule=rule, month=FEBRUARY, actor=org.cora, at=AT)

    results = race([ask] * 6)
    assert sum(isinstance(each, Allocation) for each in results) == 1
    assert sum(isinstance(each, AlreadyShared) for each in results) == 5


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_share_a_month_once():
    org = organisation()
    room(org, "CC200", "CC300")
    rule = make_rule(org)
    spend(org.cell("CC100", "6300"), "100.00")
    asked = services.request_run(rule=rule, month=FEBRUARY, actor=org.cora, at=AT)
    race([lambda: services.perform_run(allocation=asked, at=timezone.now())] * 6)
    assert LedgerEntry.objects.filter(document_type="allocation").count() == 4
    assert Statement.objects.count() == 2
    assert_books_hold()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_rules_at_once_do_not_share_the_same_spend_twice():
    org = organisation()
    room(org, "CC200", "CC300")
    rules = [make_rule(org, name=name) for name in ("One", "Two", "Three")]
    spend(org.cell("CC100", "6300"), "100.00")
    asked = [
        services.request_run(rule=each, month=FEBRUARY, actor=org.cora, at=AT) for each in rules
    ]
    race([lambda each=each: services.perform_run(allocation=each, at=AT) for each in asked])
    states = sorted(Allocation.objects.values_list("status", flat=True))
    assert states == ["failed", "failed", "posted"]
    assert_books_hold()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_reversals_at_once_give_one():
    org = organisation()
    room(org, "CC200", "CC300")
    rule = make_rule(org)
    spend(org.cell("CC100", "6300"), "100.00")
    asked = services.request_run(rule=rule, month=FEBRUARY, actor=org.cora, at=AT)
    posted = services.perform_run(allocation=asked, at=AT)

    def undo():
        return services.reverse(allocation=posted, actor=org.cora, at=AT, reason="Wrong")

    assert sum(isinstance(each, Allocation) for each in race([undo] * 4)) == 1
    assert LedgerEntry.objects.filter(document_type="allocation").count() == 8
    assert_books_hold()
