"""Several people at one vendor's bank account at the same moment, on PostgreSQL."""

from collections import Counter
from datetime import timedelta

import pytest

import approvals.services
from administration import services
from administration.models import ChangeRequest
from approvals.models import ApprovalStep
from core.errors import DomainError
from tests.factories import NOW
from tests.racing import race
from tests.vendors.accounts_of import ALL, NEW, known, wanted
from vendors.models import BankAccount
from vendors.services import bank

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROUNDS = 10


def asked(org, number, replaces=None):
    return bank.request(
        vendor=org.vendor, data=wanted(number), actor=org.vera, at=NOW, reason="Letter",
        replaces=replaces,
    )  # fmt: skip


def refused(results):
    faults = [each for each in results if isinstance(each, Exception)]
    assert all(isinstance(each, DomainError) for each in faults), faults
    return len(faults)


def test_of_requests_at_once_one_waits(org):
    for _ in range(ROUNDS):
        results = race([lambda number=number: asked(org, number) for number in (*ALL, NEW)])
        assert refused(results) == 3
        change = ChangeRequest.objects.get(status="proposed")
        assert BankAccount.objects.get(status="pending").pk.hex in change.after["account"].replace(
            "-", ""
        )
        services.withdraw(change=change, actor=org.vera, at=NOW)
    assert not BankAccount.objects.exclude(status="retired").exists()


def test_verified_refused_and_taken_back_at_once_it_ends_one_way(org):
    old, ends = known(org.vendor, at=NOW - timedelta(days=1)), Counter()
    for _ in range(ROUNDS):
        change = asked(org, NEW)
        step = ApprovalStep.objects.get(request__subject_id=change.pk, status="active")

        def decided(decision, step=step):
            return approvals.services.decide(
                step=step, decision=decision, actor=org.cora, at=NOW, comment="Called Jana"
            )

        results = race(
            [
                lambda: decided("approve"),
                lambda: decided("reject"),
                lambda change=change: services.withdraw(change=change, actor=org.vera, at=NOW),
            ]
        )
        assert refused(results) == 2, results
        change.refresh_from_db()
        account = BankAccount.objects.get(pk=change.after["account"])
        assert (account.status == "verified") == (change.status == "applied")
        ends[account.status] += 1
        if account.status == "verified":
            BankAccount.objects.filter(pk=account.pk).delete()
    old.refresh_from_db()
    assert old.counts(NOW)
    assert sum(ends.values()) == ROUNDS
