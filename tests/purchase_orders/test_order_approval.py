"""An order put up for approval itself: refused first, then a whole life of one."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Entity, Role, RoleAssignment, User
from approvals import links, subjects
from approvals.chain import NoApprover
from approvals.models import ApprovalRequest
from budgets.ledger import BudgetExceeded, BudgetReasonRequired
from budgets.models import LedgerEntry
from core.errors import Conflict, DomainError, IllegalTransition, Invalid, NotAllowed
from core.models import TrailEvent
from purchase_orders import services
from purchase_orders.models import PurchaseOrder
from purchase_orders.order_subjects import describe
from requisitions.models import Requisition
from tests import factories
from tests.factories import NOW
from tests.purchase_orders import approving
from tests.purchase_orders.approving import D, approved, dearer, decided, own, submit
from tests.purchase_orders.making import LATER, Maker, events_of, held, line_of
from tests.vendors.agreements import contract
from vendors.models import Vendor

pytestmark = pytest.mark.django_db
STATUS = PurchaseOrder.Status


@pytest.fixture(autouse=True)
def asked(make: Maker) -> None:
    approving.policy(make)


def everything(order: PurchaseOrder) -> list[Any]:
    return [
        PurchaseOrder.objects.values().get(pk=order.pk),
        list(order.lines.values()),
        list(ApprovalRequest.objects.order_by("id").values("pk", "status")),
        list(Requisition.objects.order_by("id").values("pk", "status", "version")),
        LedgerEntry.objects.count(),
        TrailEvent.objects.count(),
    ]


def refused(order: PurchaseOrder, why: type[DomainError], words: str | None, act: Any) -> None:
    """It raises, and nothing at all has changed."""
    before = everything(order)
    with pytest.raises(why, match=words):
        act()
    assert everything(order) == before


@pytest.mark.parametrize("persona", ["rita", "axel", "rob", "finn", "cora", "ada", "nils"])
def test_only_a_buyer_sends_it(make: Maker, persona: str) -> None:
    order = own(make)
    person = make.org.people[persona]
    refused(order, NotAllowed, None, lambda: services.submit(order=order, actor=person, at=LATER))


def test_a_covered_order_needs_no_approval(make: Maker) -> None:
    order = make.draft(("10", "100"))
    refused(order, services.NeedsNoApproval, "issue it", lambda: submit(make, order))


def test_what_the_buyer_may_decide_alone_needs_no_approval(make: Maker) -> None:
    User.objects.filter(pk=make.org.bea.pk).update(approval_limit=D("1000"))
    make.org.bea.refresh_from_db()
    order = own(make)
    refused(order, services.NeedsNoApproval, "issue it", lambda: submit(make, order))
    assert approving.issue(make, order).status == STATUS.ISSUED


def test_a_vendor_that_is_not_approved_is_refused_at_once(make: Maker) -> None:
    order = own(make)
    vendor = Vendor.objects.get(pk=order.vendor_id)
    vendor.suspend()
    vendor.save()
    refused(order, services.VendorNotApproved, "suspended", lambda: submit(make, order))


def test_a_budget_that_stops_is_told_for_its_cell(make: Maker) -> None:
    office = make.coding(("CC400", "6600", "100"))
    data = make.order_data(make.line("1", "500.01", distributions=office))
    order = services.create(entity=make.org.entity, data=data, actor=make.org.bea, at=NOW)
    refused(order, BudgetExceeded, "CC400", lambda: submit(make, order))


def test_a_budget_that_warns_wants_a_reason_which_then_serves_the_issue(make: Maker) -> None:
    software = make.coding(("CC200", "6310", "100"))
    data = make.order_data(make.line("1", "5001", distributions=software))
    order = services.create(entity=make.org.entity, data=data, actor=make.org.bea, at=NOW)
    refused(order, BudgetReasonRequired, "CC200", lambda: submit(make, order))
    order = approved(make, order, budget_reason="Licence audit")
    assert "Licence audit" in str(describe(order.pk).flags[0])
    assert approving.issue(make, order).status == STATUS.ISSUED
    assert held(order.pk) == 5001


@pytest.mark.parametrize("words", ["x" * 2001, "bell \x07"])
def test_a_reason_that_is_no_text_is_refused(make: Maker, words: str) -> None:
    order = own(make)
    refused(order, Invalid, None, lambda: submit(make, order, budget_reason=words))


def test_what_is_reserved_for_it_pays_first(make: Maker) -> None:
    """CC400 has 500: 400 are reserved by the request, the order asks 450 in all."""
    office = make.coding(("CC400", "6600", "100"))
    draft = make.draft(("10", "40"), coding=office)
    line = line_of(draft)
    fits, beyond = (
        make.order_data(make.line("10", price, requisition_line=line.requisition_line,
                                  distributions=[]))
        for price in ("45", "51")
    )  # fmt: skip
    order = services.edit(order=draft, data=beyond, actor=make.org.bea, at=NOW)
    refused(order, BudgetExceeded, "110.00 EUR requested", lambda: submit(make, order))
    order = services.edit(order=order, data=fits, actor=make.org.bea, at=NOW)
    assert approving.issue(make, approved(make, order)).status == STATUS.ISSUED
    assert held(order.pk) == 450


def test_nobody_who_could_decide_is_said(make: Maker) -> None:
    Entity.objects.filter(pk=make.org.entity.pk).update(fallback_approver=None)
    User.objects.filter(pk=make.org.bea.pk).update(manager=None)
    order = own(make)
    refused(order, NoApprover, None, lambda: submit(make, order))


def test_the_buyer_never_decides_it(make: Maker) -> None:
    order = submit(make, own(make))
    step = approving.open_step(order)
    assert step.assignee == make.org.bea.manager
    with pytest.raises(NotAllowed):
        approving.decide(
            step=step, decision="approve", actor=make.org.bea, at=LATER, digest=step.request.digest
        )
    with pytest.raises(NotAllowed):
        subjects.of("order").approved(subject_id=order.pk, actor=make.org.bea, at=LATER)


def test_another_buyer_who_sends_it_decides_nothing_of_it(make: Maker) -> None:
    """Its drafter is the requester; whoever put it up is left out of the chain as well."""
    boss = make.org.bea.manager
    RoleAssignment.objects.create(user=boss, entity=make.org.entity, role=Role.BUYER)
    order = own(make, "600", "100")  # more than the boss may decide alone
    order = services.submit(order=order, actor=User.objects.get(pk=boss.pk), at=LATER)
    steps = approving.round_of(order).steps.all()
    assert steps
    assert boss not in [step.assignee for step in steps]
    assert approving.round_of(order).requester == make.org.bea


def test_in_approval_it_is_read_only(make: Maker) -> None:
    order = submit(make, own(make))
    data = make.order_data(make.line("1", "1"))
    refused(
        order,
        IllegalTransition,
        "withdraw it first",
        lambda: services.edit(order=order, data=data, actor=make.org.bea, at=LATER),
    )
    refused(order, IllegalTransition, None, lambda: approving.issue(make, order))
    refused(order, IllegalTransition, None, lambda: submit(make, order))
    refused(
        order,
        IllegalTransition,
        None,
        lambda: services.cancel(order=order, actor=make.org.bea, at=LATER, reason="No"),
    )


def test_editing_an_approved_order_makes_it_a_draft_whose_approval_counts_no_more(
    make: Maker,
) -> None:
    order = approved(make, own(make))
    data = make.order_data(make.line("10", "100"), title="Cables")
    order = services.edit(order=order, data=data, actor=make.org.bea, at=LATER)
    assert (order.status, order.approved_at) == (STATUS.DRAFT, None)
    edited = TrailEvent.objects.filter(document_id=order.pk, type="order.edited").last()
    assert edited.reason == "It was approved; that counts no more."
    refused(
        order,
        services.NeedsRequisition,
        "Send it for approval, or start from a requisition",
        lambda: approving.issue(make, order),
    )
    order = approved(make, order)
    assert approving.issue(make, order).number


def test_what_was_changed_past_the_service_is_not_what_was_approved(make: Maker) -> None:
    order = approved(make, own(make))
    order.lines.update(unit_price=D("90"))
    refused(order, Conflict, "not what was approved", lambda: approving.issue(make, order))


@pytest.mark.parametrize("persona", ["rita", "axel", "rob", "finn", "nils"])
def test_only_a_buyer_takes_it_back(make: Maker, persona: str) -> None:
    order = submit(make, own(make))
    person = make.org.people[persona]
    refused(order, NotAllowed, None, lambda: services.withdraw(order=order, actor=person, at=LATER))


def test_taken_back_its_links_are_dead(make: Maker) -> None:
    order = submit(make, own(make))
    raw = links.issue(step=approving.open_step(order), at=LATER)
    assert links.resolve(raw, at=LATER)
    services.withdraw(order=order, actor=make.org.bea, at=LATER, reason="Wrong vendor")
    with pytest.raises(links.LinkDead):
        links.resolve(raw, at=LATER)
    order.refresh_from_db()
    assert (order.status, approving.round_of(order).status) == (STATUS.DRAFT, "cancelled")
    assert events_of(order.pk)[-1] == "order.withdrawn"


def test_whoever_approved_it_does_not_issue_it(make: Maker) -> None:
    order = approved(make, own(make))
    boss = make.org.bea.manager
    RoleAssignment.objects.create(user=boss, entity=make.org.entity, role=Role.BUYER)
    boss = User.objects.get(pk=boss.pk)
    with pytest.raises(NotAllowed):
        services.issue(order=order, actor=boss, at=LATER)
    order.refresh_from_db()
    assert (order.status, order.number) == (STATUS.APPROVED, None)


# What a buyer may do in which state: everything else is refused.
ACTS = {
    "submit": lambda make, order: submit(make, order),
    "withdraw": lambda make, order: services.withdraw(
        order=order, actor=make.org.bea, at=LATER, reason=""
    ),
    "edit": lambda make, order: services.edit(
        order=order,
        data=make.order_data(make.line("9", "100"), title="Cables"),
        actor=make.org.bea,
        at=LATER,
    ),
    "issue": lambda make, order: approving.issue(make, order),
    "cancel": lambda make, order: services.cancel(
        order=order, actor=make.org.bea, at=LATER, reason="No"
    ),
}
ALLOWED = {
    "draft": {"submit", "edit", "cancel"},  # issue: above the buyer's limit
    "in_approval": {"withdraw"},
    "approved": {"issue", "edit", "cancel"},
    "rejected": {"edit", "cancel"},
    "issued": {"cancel"},
    "on_hold": {"cancel"},
    "closed": set(),
    "cancelled": set(),
}


def brought_to(make: Maker, state: str) -> PurchaseOrder:
    order = own(make)
    if state == "draft":
        return order
    if state == "cancelled":
        return services.cancel(order=order, actor=make.org.bea, at=LATER, reason="No")
    if state in ("in_approval", "rejected"):
        order = submit(make, order)
        return decided(order, "reject") if state == "rejected" else order
    order = approved(make, order)
    if state == "approved":
        return order
    order = approving.issue(make, order)
    who = {"order": order, "actor": make.org.bea, "at": LATER}
    if state == "on_hold":
        return services.hold(**who)
    return services.close(**who, reason="Enough") if state == "closed" else order


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", ALLOWED)
def test_states_and_actions(make: Maker, state: str, act: str) -> None:
    order = brought_to(make, state)
    assert order.status == state
    if act in ALLOWED[state]:
        ACTS[act](make, order)
        return
    refused(order, DomainError, None, lambda: ACTS[act](make, order))


def test_a_whole_life(make: Maker) -> None:
    order = own(make, "60", "100")
    before = LedgerEntry.objects.count()
    order = submit(make, order)
    assert order.status == STATUS.IN_APPROVAL
    order = decided(order)  # the manager
    assert (order.status, LedgerEntry.objects.count()) == (STATUS.IN_APPROVAL, before)
    order = decided(order)  # a controller, from 5 000
    assert (order.status, order.number, held(order.pk)) == (STATUS.APPROVED, None, 0)
    order = approving.issue(make, order)
    assert (order.status, held(order.pk)) == (STATUS.ISSUED, 6000)
    told = [name for name in events_of(order.pk) if name.startswith("order.")]
    assert told == ["order.created", "order.submitted", "order.approved", "order.issued"]


def test_returned_it_is_changed_and_sent_again(make: Maker) -> None:
    order = decided(submit(make, own(make)), "return")
    assert order.status == STATUS.DRAFT
    data = make.order_data(make.line("5", "100"), title="Cables")
    order = services.edit(order=order, data=data, actor=make.org.bea, at=LATER)
    order = approved(make, order)
    assert (order.status, approving.round_of(order).amount) == (STATUS.APPROVED, 500)


def test_where_policy_asks_nobody_it_is_approved_at_once(make: Maker) -> None:
    factories.policy(
        make.org.entity, "free", [("All", {"all": []}, [])], priority=1, applies_to="order"
    )
    order = submit(make, own(make))
    assert order.status == STATUS.APPROVED
    assert approving.issue(make, order).number


def test_above_what_was_approved_it_is_put_up_with_the_reason(make: Maker) -> None:
    order = dearer(make)
    refused(
        order,
        services.AboveApproved,
        "Send the order for approval, or ask for the difference with a new requisition",
        lambda: approving.issue(make, order),
    )
    order = submit(make, order)
    submitted = TrailEvent.objects.get(document_id=order.pk, type="order.submitted")
    number = Requisition.objects.get().number
    assert submitted.data["needs"] == [
        f"With this order {number} comes to 1,200.00 EUR; approved are 1,000.00 EUR."
    ]
    shown = describe(order.pk)
    assert [str(flag) for flag in shown.flags] == submitted.data["needs"]
    assert shown.references == [("Asked for in", number)]
    order = decided(order)
    assert approving.issue(make, order).status == STATUS.ISSUED
    assert Requisition.objects.get().status == Requisition.Status.ORDERED
    assert held(order.pk) == 1200


def test_approvers_see_agreed_and_last_prices_beside_the_line_s(make: Maker) -> None:
    contract(make.org, "MSA-7", prices={"C-5": "100"})
    said = make.line("10", "120", sku="C-5", unit="C62")
    earlier = services.create(
        entity=make.org.entity,
        data=make.order_data(make.line("1", "96", sku="C-5", unit="C62"), title="Cables"),
        actor=make.org.bea,
        at=NOW,
    )
    earlier = approving.issue(make, approved(make, earlier))
    order = services.create(
        entity=make.org.entity,
        data=make.order_data(said, title="More cables"),
        actor=make.org.bea,
        at=NOW,
    )
    services.submit(order=order, actor=make.org.bea, at=LATER + timedelta(days=1))
    agreed, last = describe(order.pk).lines[0].prices
    assert (agreed.label, agreed.unit_price, agreed.difference) == (
        "Contract MSA-7",
        D(100),
        D("0.2"),
    )
    assert (last.label, last.unit_price, last.source) == ("Last ordered", D(96), earlier.number)
    assert last.difference == D("0.25")


def test_a_tolerance_lets_a_little_more_pass(make: Maker) -> None:
    Entity.objects.filter(pk=make.org.entity.pk).update(order_over_requisition_percent=D("5"))
    above = dearer(make, "105.01")
    refused(above, services.AboveApproved, "1,050.10", lambda: approving.issue(make, above))
    order = approving.repriced(make, above, "105")
    refused(order, services.NeedsNoApproval, None, lambda: submit(make, order))
    assert approving.issue(make, order).status == STATUS.ISSUED


def test_what_waits_for_approval_is_not_orderable_again(make: Maker) -> None:
    order = submit(make, dearer(make))
    with pytest.raises(Conflict, match="on an order already"):
        make.drafts(Requisition.objects.get())
    decided(order, "reject")
    assert make.drafts(Requisition.objects.get())


def test_the_amount_holds_the_tax_that_nobody_gives_back(make: Maker) -> None:
    """2 × 100 with 20 % tax of which half is recoverable: 220, as requests count it."""
    order = own(make, "2", "100")
    order.lines.update(tax_percent=D("20"), recoverable_percent=D("50"))
    order = submit(make, order)
    assert approving.round_of(order).amount == 220


def test_an_approver_sees_the_order_that_waits_for_them(make: Maker) -> None:
    boss = make.org.axel
    User.objects.filter(pk=make.org.bea.pk).update(manager=boss)
    order = own(make)
    assert not PurchaseOrder.objects.visible_to(boss).filter(pk=order.pk).exists()
    submit(make, order)
    assert PurchaseOrder.objects.visible_to(boss).filter(pk=order.pk).exists()
    assert not PurchaseOrder.objects.visible_to(make.org.rita).filter(pk=order.pk).exists()
