"""Change orders through the services: what they hold, change, refuse and leave as it is."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Role, RoleAssignment
from approvals.models import ApprovalRequest, ApprovalStep
from approvals.services import decide
from budgets import ledger
from budgets.ledger import BelowUsed, BudgetExceeded, Settlement, Source
from budgets.models import AccruedSum, Commitment, LedgerEntry, Stage
from core.errors import Conflict, IllegalTransition, Invalid, NotAllowed
from core.ids import new_id
from core.models import OutboxItem
from purchase_orders import services
from purchase_orders.change_subjects import describe, mark_approved
from purchase_orders.inputs import ChangedLine, ChangeInput
from purchase_orders.models import ChangeOrder, PurchaseOrder
from reports.accruals import accrued_by_cell, received_not_invoiced
from tests.factories import NOW
from tests.purchase_orders.making import LATER, Maker, events_of, held, line_of, run_worker

pytestmark = pytest.mark.django_db


def D(text: str) -> Decimal:
    return Decimal(text)


def said(order: PurchaseOrder, *lines: Any, terms: dict[str, Any] | None = None) -> ChangeInput:
    return ChangeInput(
        reason_code="need", reason="We need more", lines=list(lines), terms=terms or {}
    )


def changed(order: PurchaseOrder, number: int = 1, **facts: Any) -> ChangedLine:
    facts = {name: D(value) if isinstance(value, str) else value for name, value in facts.items()}
    return ChangedLine(line_of(order, number), **facts)


def draft(make: Maker, order: PurchaseOrder, *lines: Any, **header: Any) -> ChangeOrder:
    return services.draft_change(
        order=order, data=said(order, *lines, **header), actor=make.org.bea, at=LATER
    )


def submit(make: Maker, change: ChangeOrder) -> ChangeOrder:
    return services.submit_change(change=change, actor=make.org.bea, at=LATER)


def submitted(make: Maker, order: PurchaseOrder, *lines: Any, **header: Any) -> ChangeOrder:
    return submit(make, draft(make, order, *lines, **header))


def approve(change: ChangeOrder) -> ChangeOrder:
    """Everybody who is asked agrees."""
    for _ in range(10):
        step = ApprovalStep.objects.filter(
            request__subject_id=change.pk, status=ApprovalStep.Status.ACTIVE
        ).first()
        if step is None:
            break
        round_ = ApprovalRequest.objects.get(steps=step)
        decide(
            step=step,
            decision="approve",
            actor=step.assignee,
            at=LATER,
            digest=round_.digest,
        )
    change.refresh_from_db()
    return change


def issue(make: Maker, change: ChangeOrder) -> ChangeOrder:
    return services.issue_change(change=change, actor=make.org.bea, at=LATER)


def made(make: Maker, order: PurchaseOrder, *lines: Any, **header: Any) -> ChangeOrder:
    """Drafted, submitted, approved, issued."""
    return issue(make, approve(submitted(make, order, *lines, **header)))


def everything(order: PurchaseOrder) -> list[Any]:
    order.refresh_from_db()
    return [
        order.revision,
        order.total,
        list(order.lines.values_list("quantity", "unit_price", "net", "need_by")),
        LedgerEntry.objects.count(),
        order.revisions.count(),
        OutboxItem.objects.count(),
    ]


def test_c18_a_rise_is_held_while_it_waits_and_committed_once(make: Maker) -> None:
    order = make.issued(("10", "100"))
    change = submitted(make, order, changed(order, quantity="12"))
    assert change.status == ChangeOrder.Status.IN_APPROVAL
    assert (held(change.pk, Stage.PRE), held(order.pk)) == (200, 1000)
    change = approve(change)
    assert (held(change.pk, Stage.PRE), held(order.pk)) == (200, 1000)
    issue(make, change)
    assert (held(change.pk, Stage.PRE), held(order.pk)) == (0, 1200)
    cell = make.org.cell("CC100", "6600")
    assert (cell.pre_encumbered, cell.encumbered) == (0, 1200)


def test_c18_less_money_needs_nobody_and_is_free_when_issued(make: Maker) -> None:
    order = make.issued(("10", "100"))
    change = submitted(make, order, changed(order, quantity="9"))
    assert (change.status, change.needs) == (ChangeOrder.Status.APPROVED, [])
    assert not ApprovalRequest.objects.filter(subject_id=change.pk).exists()
    assert held(order.pk) == 1000
    issue(make, change)
    assert held(order.pk) == 900


def test_c18_1000_to_950_after_1000_billed_is_refused(make: Maker) -> None:
    order = make.issued(("10", "100"))
    make.receive(order, "10")
    bill_all(make, order)
    before = everything(order)
    with pytest.raises(BelowUsed, match="used up already"):
        draft(make, order, changed(order, unit_price="95"))
    assert everything(order) == before
    assert not ChangeOrder.objects.exists()


def bill_all(make: Maker, order: PurchaseOrder, quantity: str = "10", net: str = "1000") -> None:
    """As clearing an invoice does: the ledger first, then the line."""
    line = line_of(order)
    ledger.liquidate(
        source=Source(order.entity, "paper invoice", new_id(), "INV-1", "EUR", D("1")),
        settlements=[
            Settlement(
                line_id=new_id(),
                line_number=1,
                order_distribution_id=line.distributions.get().pk,
                quantity=D(quantity),
                liquidate=D(net),
                reencumber=D("0"),
                actual=D(net),
            )
        ],
        on=NOW.date(),
        actor=make.org.bea,
        at=NOW,
    )
    services.bill(order=order, lines={line.pk: (D(quantity), D(net), False)}, actor=None, at=NOW)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"quantity": "3"}, "4 C62 were received"),
        ({"is_cancelled": True}, "4 C62 were received"),
    ],
)
def test_an_order_never_goes_below_what_came(make: Maker, facts: Any, words: str) -> None:
    order = make.issued(("10", "100"), ("1", "5"))
    make.receive(order, "4")
    before = everything(order)
    with pytest.raises(BelowUsed, match=words) as refused:
        draft(make, order, changed(order, **facts))
    assert refused.value.errors[0].pointer == "/lines/0/quantity"
    assert everything(order) == before


def test_who_pays_stays_once_something_came(make: Maker) -> None:
    order = make.issued(("10", "100"))
    make.receive(order, "4")
    with pytest.raises(BelowUsed, match="who pays stays"):
        draft(
            make,
            order,
            changed(order, distributions=make.coding(("CC100", "6300", "100"))),
        )


@pytest.mark.parametrize(
    "facts", [{"quantity": "-1"}, {"unit_price": "-1"}, {"quantity": "0"}, {"quantity": "1e40"}]
)
def test_senseless_figures_are_refused_at_the_field(make: Maker, facts: dict[str, str]) -> None:
    order = make.issued(("10", "100"))
    with pytest.raises(Invalid) as refused:
        draft(make, order, changed(order, **facts))
    name = next(iter(facts))
    assert refused.value.errors[0].pointer == f"/lines/0/{name}"


def test_a_change_that_changes_nothing_is_refused(make: Maker) -> None:
    order = make.issued(("10", "100"))
    with pytest.raises(Invalid) as refused:
        draft(make, order, changed(order, quantity="10"))
    assert refused.value.errors[0].detail == "Nothing would change."


def test_only_buyers_change_orders_and_only_issued_ones(make: Maker) -> None:
    order = make.issued(("10", "100"))
    with pytest.raises(NotAllowed):
        services.draft_change(
            order=order, data=said(order, changed(order, quantity="9")), actor=make.org.rita,
            at=LATER,
        )  # fmt: skip
    unissued = make.draft(("1", "10"))
    with pytest.raises(IllegalTransition, match="only issued orders are changed"):
        draft(make, unissued, changed(unissued, quantity="9"))


def test_one_open_change_of_an_order(make: Maker) -> None:
    order = make.issued(("10", "100"))
    first = draft(make, order, changed(order, quantity="9"))
    with pytest.raises(Conflict, match="issue or withdraw it first"):
        draft(make, order, changed(order, quantity="8"))
    services.withdraw_change(change=first, actor=make.org.bea, at=LATER, reason="No")
    assert draft(make, order, changed(order, quantity="8")).sequence == 2


def test_a_rise_beyond_the_budget_is_refused_and_nothing_is_held(make: Maker) -> None:
    order = make.issued(("10", "100"))
    change = draft(make, order, changed(order, quantity="1100"))
    before = everything(order)
    with pytest.raises(BudgetExceeded):
        submit(make, change)
    change.refresh_from_db()
    assert (change.status, held(change.pk, Stage.PRE)) == (ChangeOrder.Status.DRAFT, 0)
    assert everything(order) == before


@pytest.mark.parametrize("decision", ["reject", "return"])
def test_a_no_gives_back_what_was_held(make: Maker, decision: str) -> None:
    order = make.issued(("10", "100"))
    change = submitted(make, order, changed(order, quantity="20"))
    step = ApprovalStep.objects.get(
        request__subject_id=change.pk, status=ApprovalStep.Status.ACTIVE
    )
    decide(
        step=step,
        decision=decision,
        actor=step.assignee,
        at=LATER,
        comment="Not like this",
        digest=step.request.digest,
    )
    change.refresh_from_db()
    assert change.status == {"reject": "rejected", "return": "draft"}[decision]
    assert (held(change.pk, Stage.PRE), held(order.pk)) == (0, 1000)
    if decision == "return":
        again = services.edit_change(
            change=change,
            data=said(order, changed(order, quantity="15")),
            actor=make.org.bea,
            at=LATER,
        )
        again = submit(make, again)
        assert held(again.pk, Stage.PRE) == 500
        issue(make, approve(again))
        assert held(order.pk) == 1500


def test_a_withdrawn_change_gives_back_what_was_held_and_ends_its_round(make: Maker) -> None:
    order = make.issued(("10", "100"))
    change = submitted(make, order, changed(order, quantity="20"))
    services.withdraw_change(change=change, actor=make.org.bea, at=LATER, reason="No")
    round_ = ApprovalRequest.objects.get(subject_id=change.pk)
    assert (held(change.pk, Stage.PRE), round_.status) == (0, ApprovalRequest.Status.CANCELLED)


def test_nobody_approves_their_own_change(make: Maker) -> None:
    order = make.issued(("10", "100"))
    change = submitted(make, order, changed(order, quantity="20"))
    asked = ApprovalStep.objects.filter(request__subject_id=change.pk)
    assert make.org.bea not in [step.assignee for step in asked]
    with pytest.raises(NotAllowed):
        mark_approved(subject_id=change.pk, actor=make.org.bea, at=LATER)


def test_whoever_approved_a_change_does_not_issue_it(make: Maker) -> None:
    order = make.issued(("10", "100"))
    change = approve(submitted(make, order, changed(order, quantity="20")))
    approver = ApprovalStep.objects.filter(request__subject_id=change.pk).first().decided_by
    RoleAssignment.objects.create(user=approver, entity=order.entity, role=Role.BUYER)
    approver = type(approver).objects.get(pk=approver.pk)
    with pytest.raises(NotAllowed):
        services.issue_change(change=change, actor=approver, at=LATER)
    assert held(order.pk) == 1000


def test_a_change_waits_for_its_approval(make: Maker) -> None:
    order = make.issued(("10", "100"))
    change = submitted(make, order, changed(order, quantity="20"))
    before = everything(order)
    with pytest.raises(IllegalTransition):
        issue(make, change)
    assert everything(order) == before


def test_an_issued_change_is_the_next_revision_printed_and_sent(make: Maker) -> None:
    order = make.issued(("10", "100"), ("2", "50"))
    run_worker("render_document")
    first = order.revisions.get()
    made(
        make,
        order,
        changed(order, quantity="12"),
        changed(order, 2, is_cancelled=True),
        make.line("3", "20"),
        terms={"note": "Ring at the gate", "payment_terms_days": 14},
    )
    order.refresh_from_db()
    assert (order.revision, order.net) == (2, D("1260"))
    assert (order.note, order.payment_terms_days) == ("Ring at the gate", 14)
    second = order.revisions.last()
    assert (second.revision, second.content["revised_on"]) == (2, LATER.date().isoformat())
    assert [line["quantity"] for line in second.content["lines"]] == ["12", "0", "3"]
    assert held(order.pk) == 1260
    run_worker("render_document")
    second.refresh_from_db()
    kept = order.revisions.get(revision=1)
    assert (kept.content, kept.pdf_id) == (first.content, first.pdf_id or kept.pdf_id)
    assert second.pdf_id not in (None, kept.pdf_id)
    assert second.dispatches.count() == 1
    assert "order.changed" in events_of(order.pk)


def test_a_line_that_someone_else_pays_takes_its_commitment_along(make: Maker) -> None:
    order = make.issued(("10", "100"))
    parts = make.coding(("CC100", "6600", "40"), ("CC100", "6300", "60"))
    made(make, order, changed(order, distributions=parts))
    assert make.org.cell("CC100", "6600").encumbered == 400
    assert make.org.cell("CC100", "6300").encumbered == 600
    back = make.coding(("CC100", "6300", "100"))
    made(make, order, changed(order, distributions=back))
    assert make.org.cell("CC100", "6600").encumbered == 0
    assert make.org.cell("CC100", "6300").encumbered == 1000
    assert line_of(order).distributions.count() == 1


def test_what_waits_for_an_invoice_costs_what_the_order_says_now(make: Maker) -> None:
    order = make.issued(("10", "100"))
    make.receive(order, "4")
    made(make, order, changed(order, unit_price="110"))
    assert AccruedSum.objects.get(day=None, cell=make.org.cell("CC100", "6600")).amount == 440
    make.receive(order, "2", at=LATER)
    assert AccruedSum.objects.get(day=None, cell=make.org.cell("CC100", "6600")).amount == 660


def test_an_order_that_ends_takes_its_open_change_with_it(make: Maker) -> None:
    order = make.issued(("10", "100"))
    change = submitted(make, order, changed(order, quantity="20"))
    services.close(order=order, actor=make.org.bea, at=LATER, reason="Enough")
    change.refresh_from_db()
    assert change.status == ChangeOrder.Status.WITHDRAWN
    run_worker("release_unused")
    assert held(order.pk) == held(change.pk, Stage.PRE) == 0


def test_an_approver_reads_both_versions_beside_the_proposed_one(make: Maker) -> None:
    order = make.issued(("10", "100"))
    made(make, order, changed(order, quantity="11"))
    change = submitted(make, order, changed(order, quantity="13"))
    described = describe(change.pk)
    rows = {row.field: row for row in described.differences}
    quantity = rows["Line 1, quantity"]
    assert (quantity.first, quantity.old, quantity.new) == ("10", "11", "13")
    assert [check.requested for check in described.budget] == [200]
    assert described.total == 1300


def test_commitments_of_changes_and_orders_are_apart(make: Maker) -> None:
    order = make.issued(("10", "100"))
    change = submitted(make, order, changed(order, quantity="20"))
    rows = Commitment.objects.filter(document_id=change.pk)
    assert [(row.stage, row.document_type) for row in rows] == [("PRE", "change_order")]


def test_what_was_accrued_on_a_past_day_costs_what_it_cost_then(make: Maker) -> None:
    order = make.issued(("10", "100"))
    make.receive(order, "4")
    change = approve(submitted(make, order, changed(order, unit_price="110")))
    tomorrow = LATER + timedelta(days=1)
    services.issue_change(change=change, actor=make.org.bea, at=tomorrow)
    entity = order.entity
    cell = make.org.cell("CC100", "6600")
    for day, amount in ((NOW.date(), 400), (tomorrow.date(), 440)):
        told = received_not_invoiced(entity=entity, as_of=day)
        assert [each.base for each in told] == [amount]
        assert accrued_by_cell([cell.pk], as_of=day)[cell.pk] == amount


def test_waiting_invoices_are_matched_again_after_a_change(make: Maker) -> None:
    order = make.issued(("10", "100"))
    made(make, order, changed(order, unit_price="101"))
    promised = OutboxItem.objects.filter(handler="invoicing.rematch_after_change")
    assert [item.arguments["document_id"] for item in promised] == [str(order.pk)]
