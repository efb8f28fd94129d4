"""Hold, cancel, close, reopen: who may, when not, and what goes back, exactly once."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

import invoicing.services
import requisitions.services
from budgets.ledger import BudgetExceeded
from budgets.models import LedgerEntry, Stage
from core.errors import Conflict, IllegalTransition, Invalid, NotAllowed
from core.models import TrailEvent
from purchase_orders import services
from purchase_orders.models import PurchaseOrder
from requisitions.models import Requisition
from tests.factories import NOW
from tests.invoicing.billing import Biller
from tests.purchase_orders.making import Maker, events_of, held, line_of, run_worker
from tests.purchase_orders.test_change_orders import changed, draft

VERBS: dict[str, Callable[..., Any]] = {
    "hold": services.hold,
    "resume": services.resume,
    "cancel": services.cancel,
    "close": services.close,
    "reopen": services.reopen,
}
LEGAL = {
    "draft": {"cancel"},
    "issued": {"hold", "cancel", "close"},
    "on_hold": {"resume", "cancel", "close"},
    "closed": {"reopen"},
    "cancelled": set(),
}


def in_state(make: Maker, state: str) -> PurchaseOrder:
    order = make.draft(("10", "10"))
    if state == "draft":
        return order
    order = make.issue(order)
    by_state = {"on_hold": services.hold, "closed": services.close, "cancelled": services.cancel}
    if verb := by_state.get(state):
        order = verb(order=order, actor=make.org.bea, at=NOW, reason="As arranged")
        run_worker("release_unused")
    return order


@pytest.mark.parametrize("state", LEGAL)
@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_from_each_state(make: Maker, state: str, verb: str) -> None:
    order = in_state(make, state)
    events = events_of(order.pk)
    if verb in LEGAL[state]:
        VERBS[verb](order=order, actor=make.org.bea, at=NOW, reason="As arranged")
        assert len(events_of(order.pk)) == len(events) + 1
    else:
        with pytest.raises(IllegalTransition):
            VERBS[verb](order=order, actor=make.org.bea, at=NOW, reason="As arranged")
        order.refresh_from_db()
        assert (order.status, events_of(order.pk)) == (state, events)


@pytest.mark.parametrize("persona", ["rita", "axel", "rob", "finn", "cora", "olga", "ada", "nils"])
@pytest.mark.parametrize(
    ("verb", "state"),
    [
        ("hold", "issued"),
        ("resume", "on_hold"),
        ("cancel", "issued"),
        ("close", "issued"),
        ("reopen", "closed"),
    ],
)
def test_only_a_buyer_moves_an_order(make: Maker, verb: str, state: str, persona: str) -> None:
    order = in_state(make, state)
    with pytest.raises(NotAllowed):
        VERBS[verb](order=order, actor=make.org.people[persona], at=NOW, reason="Because")
    order.refresh_from_db()
    assert order.status == state


@pytest.mark.parametrize(
    ("verb", "state"), [("cancel", "issued"), ("close", "issued"), ("reopen", "closed")]
)
def test_a_reason_is_needed(make: Maker, verb: str, state: str) -> None:
    order = in_state(make, state)
    with pytest.raises(Invalid) as refused:
        VERBS[verb](order=order, actor=make.org.bea, at=NOW, reason="  ")
    assert refused.value.errors[0].pointer == "/reason"
    order.refresh_from_db()
    assert order.status == state


def test_what_was_received_is_closed_short_not_cancelled(make: Maker) -> None:
    order = make.issued(("10", "10"))
    receipt = make.receive(order, "1")
    with pytest.raises(Conflict, match="close it short"):
        services.cancel(order=order, actor=make.org.bea, at=NOW, reason="Wrong")
    assert held(order.pk) == 100
    services.reverse_receipt(receipt=receipt, reason="Wrong", actor=make.org.rob, at=NOW)
    services.cancel(order=order, actor=make.org.bea, at=NOW, reason="Wrong")


def test_what_was_billed_is_closed_short_not_cancelled(make: Maker) -> None:
    order = make.issued(("10", "10"))
    billed = {line_of(order).pk: (Decimal(1), Decimal(10), False)}
    services.bill(order=order, lines=billed, actor=None, at=NOW)
    with pytest.raises(Conflict, match="close it short"):
        services.cancel(order=order, actor=make.org.bea, at=NOW, reason="Wrong")


def test_an_invoice_that_waits_stops_a_cancellation(make: Maker) -> None:
    order = make.issued(("10", "10"))
    bills = Biller(make.org)
    invoice = bills.captured(order, ("1", "10"))
    with pytest.raises(Conflict, match=f"Invoice {invoice.number} .* close it short"):
        services.cancel(order=order, actor=make.org.bea, at=NOW, reason="Wrong")
    assert held(order.pk) == 100
    invoicing.services.return_to_vendor(
        invoice=invoice, code="PPD", reason="Not ours", actor=make.org.finn, at=NOW
    )
    services.cancel(order=order, actor=make.org.bea, at=NOW, reason="Wrong")


def test_c21_a_cancelled_order_gives_everything_back_once(make: Maker) -> None:
    order = make.issued(("10", "10"))
    services.cancel(order=order, actor=make.org.bea, at=NOW, reason="Wrong vendor")
    assert held(order.pk) == 100
    run_worker("release_unused")
    assert held(order.pk) == 0
    entries = LedgerEntry.objects.count()
    assert services.release_unused(order=order, at=NOW) == 0
    assert LedgerEntry.objects.count() == entries
    assert events_of(order.pk)[-2:] == ["order.cancelled", "order.released"]
    assert TrailEvent.objects.get(type="order.released").data["released"] == "100.0000"
    assert make.org.cell("CC100", "6600").available == 100_000


def test_what_a_cancelled_order_took_can_be_ordered_again(make: Maker) -> None:
    requisition = make.requisition(("10", "10"))
    first = make.issue(make.drafts(requisition, quantities={_only(requisition): Decimal(4)})[0])
    second = make.issue(make.drafts(requisition)[0])
    requisition.refresh_from_db()
    assert requisition.status == "ordered"
    services.cancel(order=second, actor=make.org.bea, at=NOW, reason="Wrong vendor")
    requisition.refresh_from_db()
    assert (requisition.status, _ordered(requisition)) == ("partially_ordered", (4, 40))
    services.cancel(order=first, actor=make.org.bea, at=NOW, reason="Wrong vendor")
    requisition.refresh_from_db()
    assert (requisition.status, _ordered(requisition)) == ("approved", (0, 0))
    told = TrailEvent.objects.filter(type="requisition.orderable_again").last()
    assert told.reason == f"{first.number} was cancelled."
    run_worker("release_unused")
    assert (held(requisition.pk, Stage.PRE), held(first.pk), held(second.pk)) == (0, 0, 0)
    again = make.issue(make.drafts(requisition)[0])
    requisition.refresh_from_db()
    assert (requisition.status, held(again.pk)) == ("ordered", 100)


def test_a_change_of_an_order_took_nothing_more_of_its_request(make: Maker) -> None:
    """8 of 10 stay after a change; cancelled, all 10 are free."""
    order = make.issued(("10", "10"))
    requisition = line_of(order).requisition_line.requisition
    change = draft(make, order, changed(order, quantity="8"))
    services.submit_change(change=change, actor=make.org.bea, at=NOW)
    services.issue_change(change=change, actor=make.org.bea, at=NOW)
    services.cancel(order=order, actor=make.org.bea, at=NOW, reason="Wrong")
    requisition.refresh_from_db()
    assert (requisition.status, _ordered(requisition)) == ("approved", (0, 0))


def test_a_closed_request_stays_closed_when_its_order_is_cancelled(make: Maker) -> None:
    order = make.issued(("10", "10"))
    requisition = line_of(order).requisition_line.requisition
    requisitions.services.close(
        requisition=requisition, actor=make.org.bea, at=NOW, reason="Nothing more"
    )
    services.cancel(order=order, actor=make.org.bea, at=NOW, reason="Wrong")
    requisition.refresh_from_db()
    assert (requisition.status, _ordered(requisition)) == ("closed", (10, 100))


def _only(requisition: Requisition) -> UUID:
    return requisition.lines.get().pk


def _ordered(requisition: Requisition) -> tuple[Decimal, Decimal]:
    line = requisition.lines.get()
    return line.ordered_quantity, line.ordered_amount


def test_a_cancelled_draft_holds_nothing(make: Maker) -> None:
    order = make.draft(("10", "10"))
    services.cancel(order=order, actor=make.org.bea, at=NOW, reason="Not now")
    run_worker("release_unused")
    order.refresh_from_db()
    assert (order.status, order.number) == ("cancelled", None)
    assert "order.released" not in events_of(order.pk)


def test_c19_a_closed_order_gives_back_what_is_unused(make: Maker) -> None:
    """15 000 ordered, 11 000 billed: 4 000 are freed."""
    order = make.issued(("15", "1000"))
    make.receive(order, "11")
    invoice = Biller(make.org).billed(order, ("11", "1000"))
    assert invoice.status == "cleared"
    services.close(order=order, actor=make.org.bea, at=NOW, reason="Project ended")
    run_worker("release_unused")
    cell = make.org.cell("CC100", "6600")
    assert (held(order.pk), cell.encumbered, cell.spent) == (0, 0, 11_000)
    assert TrailEvent.objects.get(type="order.released").data["released"] == "4000.0000"
    services.reopen(order=order, actor=make.org.bea, at=NOW, reason="The rest comes after all")
    assert held(order.pk) == 4_000


def test_c20_reopening_commits_the_rest_again(make: Maker) -> None:
    order = in_state(make, "closed")
    assert held(order.pk) == 0
    order = services.reopen(order=order, actor=make.org.bea, at=NOW, reason="More comes")
    assert (held(order.pk), order.status, order.close_reason) == (100, "issued", "")
    services.close(order=order, actor=make.org.bea, at=NOW, reason="Now it is enough")
    run_worker("release_unused")
    assert held(order.pk) == 0


def test_reopening_is_refused_when_the_budget_went_elsewhere(make: Maker) -> None:
    office = make.coding(("CC400", "6600", "100"))
    order = make.issued(("1", "400"), coding=office)
    services.close(order=order, actor=make.org.bea, at=NOW, reason="Enough")
    run_worker("release_unused")
    make.issued(("1", "300"), coding=office)
    with pytest.raises(BudgetExceeded):
        services.reopen(order=order, actor=make.org.bea, at=NOW, reason="More comes")
    order.refresh_from_db()
    assert (order.status, held(order.pk)) == ("closed", 0)


def test_an_order_reopened_before_the_worker_came_keeps_what_it_has(make: Maker) -> None:
    order = make.issued(("10", "10"))
    services.close(order=order, actor=make.org.bea, at=NOW, reason="Enough")
    services.reopen(order=order, actor=make.org.bea, at=NOW, reason="A mistake")
    run_worker("release_unused")
    assert held(order.pk) == 100
    assert make.org.cell("CC100", "6600").encumbered == 100
