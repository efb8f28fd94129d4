"""When several act on one requisition at once, one wins and the others see what became of it."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

import approvals.services
from approvals.models import ApprovalRequest, ApprovalStep
from budgets.models import LedgerEntry
from core.errors import Conflict, DomainError, IllegalTransition
from requisitions import services
from requisitions.models import Requisition
from tests import factories
from tests.factories import NOW, approved, coded, draft, line_input, requisition_input, submitted
from tests.racing import race
from tests.requisitions.asking import chain_of, facts_of
from vendors.models import Vendor

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROUNDS = 8


@pytest.fixture
def org(transactional_db):
    made = factories.organisation()
    assert made.rita.roles and made.bea.roles and made.axel.roles  # read before the threads do
    return made


def kinds(results):
    return Counter(type(each).__name__ for each in results)


def test_twenty_submissions_of_one_draft_are_one(org, rita):
    made = draft(org)
    results = race([lambda: services.submit(requisition=made, actor=rita, at=NOW)] * 20)
    assert kinds(results) == {"Requisition": 1, "IllegalTransition": 19}
    assert ApprovalRequest.objects.filter(subject_id=made.pk).count() == 1


def test_a_hundred_submissions_take_a_hundred_numbers(org, rita):
    drafts = [draft(org) for _ in range(100)]
    results = race(
        [lambda each=each: services.submit(requisition=each, actor=rita, at=NOW) for each in drafts]
    )
    failures = [each for each in results if isinstance(each, Exception)]
    assert not failures, failures[0]
    assert sorted(each.number for each in results) == [
        f"REQ-2026-{number:06d}" for number in range(1, 101)
    ]


def test_approve_reject_withdraw_and_edit_at_once_have_one_winner(org, rita, axel):
    """Whoever wins, the states of document and round agree and the budget follows."""
    for _ in range(ROUNDS):
        made = submitted(org)
        step = ApprovalStep.objects.get(request__subject_id=made.pk, status="active")
        before = org.cell("CC100", "6600").pre_encumbered

        def decide(decision, step=step):
            return approvals.services.decide(
                step=step, decision=decision, actor=axel, at=NOW, comment="So be it."
            )

        results = race(
            [
                lambda: decide("approve"),
                lambda: decide("reject"),
                lambda: decide("return"),
                lambda made=made: services.withdraw(requisition=made, actor=rita, at=NOW),
            ]
        )
        winners = [each for each in results if not isinstance(each, Exception)]
        assert len(winners) == 1, results
        assert all(isinstance(each, DomainError) for each in results if each not in winners)
        made.refresh_from_db()
        round_ = ApprovalRequest.objects.get(subject_id=made.pk)
        assert (made.status, round_.status) in {
            ("approved", "approved"),
            ("rejected", "rejected"),
            ("returned", "returned"),
            ("withdrawn", "cancelled"),
        }
        reserved = org.cell("CC100", "6600").pre_encumbered - before
        assert reserved == (100 if made.status == "approved" else 0)


def test_two_edits_of_one_version_have_one_winner(org, rita):
    made = draft(org)
    data = [requisition_input(org, title=f"Title {number}") for number in range(2)]
    results = race(
        [
            lambda each=each: services.edit(
                requisition=made, data=each, actor=rita, at=NOW, expected_version=1
            )
            for each in data
        ]
    )
    assert kinds(results) == {"Requisition": 1, "StaleVersion": 1}


def test_parts_ordered_at_once_never_exceed_the_line(org, bea):
    made = approved(org)  # 10 pieces
    line = made.lines.get()

    def order():
        quantities = {line.pk: (Decimal(3), Decimal(30))}
        return services.mark_ordered(requisition=made, quantities=quantities, actor=bea, at=NOW)

    results = race([order] * 6)
    assert sum(isinstance(each, Requisition) for each in results) == 3
    assert all(isinstance(each, Requisition | Conflict) for each in results)
    assert made.lines.get().ordered_quantity == 9


def test_closed_and_cancelled_at_once_frees_the_reservation_once(org, rita, bea):
    for _ in range(ROUNDS):
        made = approved(org)
        results = race(
            [
                lambda made=made: services.close(
                    requisition=made, actor=bea, at=NOW, reason="Enough."
                ),
                lambda made=made: services.cancel(
                    requisition=made, actor=rita, at=NOW, reason="Not needed."
                ),
            ]
        )
        assert sum(isinstance(each, IllegalTransition) for each in results) == 1
        entries = LedgerEntry.objects.filter(document_id=made.pk).order_by("id")
        assert [each.amount for each in entries] == [100, -100]
    assert org.cell("CC100", "6600").pre_encumbered == 0


def test_approvals_at_once_never_reserve_more_than_a_budget_that_stops(org, axel):
    """Ten requests of 100 wait for a budget of 500: five are approved, the others refused."""
    line = line_input(org, 1, "100.00", distributions=[coded(org, "CC400")])
    steps = [
        ApprovalStep.objects.get(request__subject_id=submitted(org, line).pk, status="active")
        for _ in range(10)
    ]
    results = race(
        [
            lambda step=step: approvals.services.decide(
                step=step, decision="approve", actor=axel, at=NOW
            )
            for step in steps
        ]
    )
    assert kinds(results) == {"ApprovalStep": 5, "BudgetExceeded": 5}
    assert org.cell("CC400", "6600").pre_encumbered == 500
    assert Requisition.objects.filter(status="approved").count() == 5
    assert Requisition.objects.filter(status="submitted").count() == 5


@pytest.mark.parametrize("twin", [False, True], ids=["one vendor", "two of a family"])
def test_two_parts_sent_at_once_see_each_other(org, rita, twin):
    """3 000 and 3 000 under Axel's 5 000: whichever is sent second needs Dora, always."""
    other = org.vendor
    if twin:
        other = factories.approved_vendor(org.entity, "V-1001", "Elbe IT Services GmbH")
        Vendor.objects.filter(pk__in=[org.vendor.pk, other.pk]).update(family="ELBE")
        org.vendor.refresh_from_db()
        other.refresh_from_db()
    day = NOW
    for _ in range(ROUNDS):
        day += timedelta(days=31)
        drafts = [
            draft(org, line_input(org, 1, "3000"), at=day, vendor=vendor)
            for vendor in (org.vendor, other)
        ]
        results = race(
            [
                lambda each=each, day=day: services.submit(requisition=each, actor=rita, at=day)
                for each in drafts
            ]
        )
        assert kinds(results) == {"Requisition": 2}, results
        totals = sorted(facts_of(each)["rolling_total"] for each in results)
        assert totals == ["3000.00", "6000.00"]
        assert sorted("dora" in chain_of(each) for each in results)[-1]
