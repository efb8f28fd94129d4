"""Rule C19: what nobody needs is proposed by night, accepted by day, and given back once."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from budgets.ledger import BudgetExceeded
from budgets.models import BudgetCell, LedgerEntry
from budgets.services import adjust
from core.errors import Conflict, IllegalTransition, Invalid, NotAllowed
from purchase_orders import services
from purchase_orders.models import PurchaseOrder, ReleaseBatch, ReleaseProposal
from purchase_orders.tasks import propose_releases
from tests.factories import NOW
from tests.purchase_orders.making import Maker, events_of, held, run_worker
from tests.vendors.agreements import contract
from vendors.services.contracts import terminate

LATER = NOW + timedelta(days=91)
STATUS = ReleaseProposal.Status


def propose(make: Maker, at: Any = LATER) -> list[ReleaseProposal]:
    services.propose(entity=make.org.entity, at=at)
    return list(ReleaseProposal.objects.filter(status=STATUS.OPEN).order_by("order_id"))


def accept(make: Maker, proposals: list[ReleaseProposal], **facts: Any) -> ReleaseBatch:
    given = {"actor": make.org.bea, "at": LATER, "reason": "Cleaning up", **facts}
    return services.accept(proposals=proposals, **given)


def test_c19_an_order_without_life_for_ninety_days_is_proposed_once(make: Maker) -> None:
    order = make.issued(("10", "10"))
    assert propose(make, NOW + timedelta(days=90)) == []
    for _ in range(2):
        [proposal] = propose(make)
    assert (proposal.order, proposal.kind, proposal.since, proposal.amount) == (
        order,
        "stale",
        NOW.date(),
        Decimal(100),
    )
    assert held(order.pk) == 100


def test_c19_what_is_due_or_awaits_an_invoice_is_not_stale(make: Maker) -> None:
    waits, due = make.issued(("10", "10")), make.issued(("10", "10"))
    make.receive(waits, "4")
    line = due.lines.get()
    line.need_by = LATER.date()
    line.save()
    assert propose(make) == []


def test_c19_an_order_whose_validity_is_over_is_expired(make: Maker) -> None:
    order = make.issued(("10", "10"))
    order.valid_to = NOW.date() + timedelta(days=5)
    order.save()
    assert propose(make, NOW + timedelta(days=5)) == []
    [proposal] = propose(make, NOW + timedelta(days=6))
    assert (proposal.kind, proposal.since) == ("expired", order.valid_to)


def test_c19_an_order_whose_service_is_over_is_expired(make: Maker) -> None:
    order = make.issued(("10", "10"))
    line = order.lines.get()
    line.period_from, line.period_to, line.need_by = NOW.date(), date(2026, 3, 31), None
    line.save()
    [proposal] = propose(make, NOW + timedelta(days=31))
    assert (proposal.kind, proposal.since) == ("expired", date(2026, 3, 31))


def test_c19_a_proposal_lapses_when_the_order_moves_on(make: Maker) -> None:
    order = make.issued(("10", "10"))
    [proposal] = propose(make)
    services.cancel(order=order, actor=make.org.bea, at=LATER, reason="Not needed")
    run_worker("release_unused")
    assert propose(make) == []
    proposal.refresh_from_db()
    assert proposal.status == STATUS.LAPSED
    with pytest.raises(IllegalTransition):
        accept(make, [proposal])


@pytest.mark.parametrize("persona", ["rita", "axel", "dora", "rob", "finn", "olga", "ada", "nils"])
def test_only_buyers_and_controllers_decide(make: Maker, persona: str) -> None:
    order = make.issued(("10", "10"))
    [proposal] = propose(make)
    who = make.org.people[persona]
    with pytest.raises(NotAllowed):
        accept(make, [proposal], actor=who)
    with pytest.raises(NotAllowed):
        services.keep(proposal=proposal, actor=who, at=LATER)
    order.refresh_from_db()
    assert (order.status, ReleaseBatch.objects.count()) == ("issued", 0)


@pytest.mark.parametrize("persona", ["bea", "cora"])
def test_c19_accepted_orders_are_closed_with_why_and_give_back_once(
    make: Maker, persona: str
) -> None:
    orders = [make.issued(("10", "10")), make.issued(("5", "20"))]
    batch = accept(make, propose(make), actor=make.org.people[persona])
    assert [run_worker("release_unused") for _ in range(2)] == [2, 0]
    for order in orders:
        order.refresh_from_db()
        assert (order.status, held(order.pk)) == ("closed", 0)
        assert order.close_reason.startswith("Stale since 02 March 2026, Cleaning up (accepted by")
        assert events_of(order.pk)[-2:] == ["order.closed", "order.released"]
    assert set(batch.proposals.values_list("status", flat=True)) == {"accepted"}
    assert LedgerEntry.objects.filter(event="order.closed").count() == 2


def test_c19_a_batch_is_undone_as_one(make: Maker) -> None:
    orders = [make.issued(("10", "10")), make.issued(("5", "20"))]
    batch = accept(make, propose(make))
    run_worker("release_unused")
    with pytest.raises(Invalid):
        services.reverse_batch(batch=batch, actor=make.org.cora, at=LATER, reason="")
    services.reverse_batch(batch=batch, actor=make.org.cora, at=LATER, reason="Too eager")
    for order in orders:
        order.refresh_from_db()
        assert (order.status, held(order.pk)) == ("issued", 100)
    assert propose(make) == []
    with pytest.raises(Conflict, match="undone already"):
        services.reverse_batch(batch=batch, actor=make.org.cora, at=LATER, reason="Again")


@pytest.mark.usefixtures("vouched")
def test_c20_a_batch_without_budget_left_stays_closed_whole(make: Maker) -> None:
    orders = [make.issued(("10", "10")), make.issued(("5", "20"))]
    batch = accept(make, propose(make))
    run_worker("release_unused")
    cell = BudgetCell.objects.get(entries__document_id=orders[0].pk, entries__event="order.closed")
    adjust(moves={cell.pk: 150 - cell.amount}, actor=make.org.cora, at=LATER, reason="Less")
    with pytest.raises(BudgetExceeded):
        services.reverse_batch(batch=batch, actor=make.org.bea, at=LATER, reason="Too eager")
    assert set(PurchaseOrder.objects.values_list("status", flat=True)) == {"closed"}


def test_what_is_kept_is_not_proposed_again_for_ninety_days(make: Maker) -> None:
    make.issued(("10", "10"))
    [proposal] = propose(make)
    services.keep(proposal=proposal, actor=make.org.bea, at=LATER, reason="It comes in summer")
    assert propose(make, LATER + timedelta(days=89)) == []
    assert len(propose(make, LATER + timedelta(days=90))) == 1


def test_the_nightly_job_looks_at_every_entity(make: Maker) -> None:
    make.issued(("10", "10"))
    propose_releases(at=LATER)
    assert ReleaseProposal.objects.get().status == STATUS.OPEN


def test_c19_the_orders_of_a_terminated_contract_are_proposed(make: Maker) -> None:
    under, _other = make.issued(("10", "10")), make.issued(("10", "10"))
    under.contract = contract(make.org, valid_to=None)
    under.save()
    terminate(contract=under.contract, actor=make.org.vera, at=NOW, reason="They stopped it")
    assert propose(make, NOW) == []
    proposals = propose(make, NOW + timedelta(days=1))
    assert [(each.order, each.kind, each.since) for each in proposals] == [
        (under, "expired", NOW.date())
    ]
    accept(make, proposals)
    assert [run_worker("release_unused") for _ in range(2)] == [1, 0]
    assert held(under.pk) == 0
