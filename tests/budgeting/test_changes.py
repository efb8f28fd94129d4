"""Budget changes: proposed by one, agreed to by another, applied at once or not at all."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

import approvals.services
from approvals.models import ApprovalRequest, ApprovalStep
from approvals.services import SelfApproval
from budgeting import queries
from budgeting.models import BudgetChange
from budgeting.services import changes
from budgets import ledger
from budgets.models import BudgetAdjustment, FiscalYear
from budgets.services import BudgetBelowUse, FiscalYearClosed
from core.errors import Conflict, IllegalTransition, Invalid, NotAllowed, StaleVersion
from core.models import TrailEvent
from tests import factories
from tests.budgeting.scene import TIGHT, A, B, asked, books, decide, drafted, moves, said
from tests.budgets.postings import Desk
from tests.factories import NOW
from tests.shared_data import folder

pytestmark = pytest.mark.django_db
FORBIDDEN = ["rita", "axel", "bea", "rob", "finn", "fay", "vera", "olga", "ada", "nils"]


@pytest.mark.parametrize("persona", FORBIDDEN)
def test_only_controllers_and_budget_owners_propose(org, persona):
    with pytest.raises(NotAllowed):
        drafted(org, (A, -10), (B, 10), actor=org.people[persona])
    assert not BudgetChange.objects.exists()


@pytest.mark.parametrize(
    "pairs, kind, pointer, code",
    [
        ([(A, -10), (B, 9)], "transfer", "/lines", "unbalanced"),
        ([], "transfer", "/lines", "length"),
        ([(A, -10), (A, 10)], "transfer", "/lines/1/budget", "twice"),
        ([(A, "-0.001"), (B, "0.001")], "transfer", "/lines/0/amount", "invalid"),
        ([(A, 0)], "revision", "/lines/0/amount", "invalid"),
        ([(A, 10**12)], "revision", "/lines/0/amount", "invalid"),
        ([(A, -10), (B, 10)], "gift", "/kind", "unknown"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_place(org, pairs, kind, pointer, code):
    with pytest.raises(Invalid) as refused:
        drafted(org, *pairs, kind=kind)
    assert (pointer, code) in [(each.pointer, each.code) for each in refused.value.errors]
    assert not BudgetChange.objects.exists()


@pytest.mark.parametrize("reason", ["", "   ", "x" * 2001, "a\x00b"])
def test_a_change_says_why(org, reason):
    with pytest.raises(Invalid) as refused:
        drafted(org, (A, -10), (B, 10), reason=reason)
    assert [each.pointer for each in refused.value.errors] == ["/reason"]


def test_budgets_of_another_entity_or_year_are_refused(org):
    data = said(org, (A, -10))
    abroad = type(data)(
        "transfer", "Abroad", [*data.moves, type(data.moves[0])(org.uk_cell, Decimal(10))]
    )
    with pytest.raises(Invalid) as refused:
        changes.create(entity=org.entity, data=abroad, actor=org.dora, at=NOW)
    codes = {(each.pointer, each.code) for each in refused.value.errors}
    assert codes == {("/lines/1/budget", "unknown"), ("/lines", "fiscal_year")}


def test_a_draft_moves_nothing_and_has_no_number(org):
    before = books(org)
    change = drafted(org, (A, -30), (B, 30))
    assert (change.status, change.number, change.total) == ("draft", None, 30)
    assert change.title == "Transfer of 30.00 EUR from CC100 · 6300 · 2026 to CC100 · 6600 · 2026"
    assert books(org) == before
    told = TrailEvent.objects.get(document_id=change.pk)
    assert (told.type, told.actor, told.stream) == (
        "budget_change.created",
        org.dora,
        str(org.entity.pk),
    )
    assert change.history.count() == 1


def test_submitted_it_moves_nothing_and_waits_for_the_fallback_approver(org):
    before = books(org)
    change = asked(org, (A, -30), (B, 30))
    assert (change.status, change.number) == ("in_approval", "BC-2026-000001")
    step = ApprovalStep.objects.get(request__subject_id=change.pk)
    assert (step.assignee, step.status) == (org.cora, "active")
    assert books(org) == before


def test_a_policy_for_budget_changes_asks_the_owners_of_both_budgets(org):
    step = factories.step("budget_owner")
    factories.policy(
        org.entity, "Budgets", [("Owners", {"all": []}, [step])], applies_to="budget_change"
    )
    change = asked(org, (A, -30), (("CC300", "6400", None), 30), actor=org.cora)
    asked_people = ApprovalStep.objects.filter(request__subject_id=change.pk)
    assert {each.assignee for each in asked_people} == {org.dora, org.sven}
    facts = ApprovalRequest.objects.get(subject_id=change.pk).facts
    assert facts["cost_centers"] == ["CC100", "CC300"]
    assert facts["gl_accounts"] == ["6300", "6400"]
    assert Decimal(facts["amount"]) == 30


def test_a_policy_that_asks_nobody_cannot_pass_it(org):
    factories.policy(org.entity, "Free", [("All", {"all": []}, [])], applies_to="budget_change")
    before = books(org)
    with pytest.raises(NotAllowed):
        asked(org, (A, -30), (B, 30))
    assert books(org) == before
    assert [each.status for each in BudgetChange.objects.all()] == ["draft"]


def test_approved_both_budgets_move_by_paired_adjustments_of_one_moment(org):
    change = decide(asked(org, (A, -30), (B, 30)))
    assert (change.status, change.decided_by, change.decided_at) == ("approved", org.cora, NOW)
    assert (org.cell(*A).amount, org.cell(*B).amount) == (99_970, 100_030)
    lines = list(change.lines.select_related("adjustment"))
    assert [line.adjustment.amount for line in lines] == [-30, 30]
    assert {line.adjustment.recorded_at for line in lines} == {NOW}
    assert {line.adjustment.actor for line in lines} == {org.cora}
    assert lines[0].adjustment.reason == "BC-2026-000001: Less cloud, more hardware"
    told = TrailEvent.objects.get(type="budget_change.approved")
    assert {"field": "CC100 · 6300 · 2026", "old": "100000.00", "new": "99970.00"} in told.changes


def test_a_revision_changes_the_sum_of_budgets(org):
    change = decide(asked(org, (A, 500), (B, -20), kind="revision"))
    assert change.title == "Revision of 2 budgets by +480.00 EUR"
    assert change.total == 500
    assert (org.cell(*A).amount, org.cell(*B).amount) == (100_500, 99_980)


def test_a_cut_counts_as_much_as_a_rise_for_who_has_to_agree(org):
    cut = drafted(org, (A, -40), (B, 10), kind="revision")
    assert cut.total == 40


def test_whoever_proposes_never_decides(org):
    change = asked(org, (A, -30), (B, 30), actor=org.dora)
    before = books(org)
    with pytest.raises(SelfApproval):
        decide(change, by=org.dora)
    assert books(org) == before


@pytest.mark.parametrize("decision, status", [("reject", "rejected"), ("return", "returned")])
def test_a_no_leaves_every_budget_as_it_was(org, decision, status):
    before = books(org)
    change = decide(asked(org, (A, -30), (B, 30)), decision)
    assert change.status == status
    assert books(org) == before
    assert TrailEvent.objects.filter(type=f"budget_change.{status}").count() == 1


def test_returned_it_is_edited_and_asked_for_again_under_its_number(org):
    change = decide(asked(org, (A, -30), (B, 30)), "return")
    changes.edit(change=change, data=said(org, (A, -20), (B, 20)), actor=org.dora, at=NOW)
    told = TrailEvent.objects.get(type="budget_change.edited")
    assert {"field": "CC100 · 6600 · 2026", "old": "30.00", "new": "20.00"} in told.changes
    again = changes.submit(change=change, actor=org.dora, at=NOW)
    assert again.number == "BC-2026-000001"
    decide(again)
    assert org.cell(*A).amount == 99_980


def test_withdrawn_it_can_be_taken_up_again_but_not_decided(org):
    change = asked(org, (A, -30), (B, 30))
    step = ApprovalStep.objects.get(request__subject_id=change.pk)
    withdrawn = changes.withdraw(change=change, actor=org.dora, at=NOW, reason="Too early")
    assert withdrawn.status == "withdrawn"
    with pytest.raises(IllegalTransition):
        approvals.services.decide(
            step=step, decision="approve", actor=org.cora, at=NOW, comment="Late"
        )
    assert (
        changes.edit(change=change, data=said(org, (A, -5), (B, 5)), actor=org.dora, at=NOW).status
        == "draft"
    )


@pytest.mark.parametrize("persona", ["cora", "sven", "rita", "nils"])
def test_only_who_proposed_it_edits_submits_and_withdraws(org, persona):
    somebody = org.people[persona]
    draft, waiting = drafted(org, (A, -30), (B, 30)), asked(org, (A, -30), (B, 30))
    with pytest.raises(NotAllowed):
        changes.edit(change=draft, data=said(org, (A, -1), (B, 1)), actor=somebody, at=NOW)
    with pytest.raises(NotAllowed):
        changes.submit(change=draft, actor=somebody, at=NOW)
    with pytest.raises(NotAllowed):
        changes.withdraw(change=waiting, actor=somebody, at=NOW)


@pytest.mark.parametrize("verb", ["edit", "submit", "withdraw"])
def test_what_is_applied_stays(org, verb):
    change = decide(asked(org, (A, -30), (B, 30)))
    given = {"data": said(org, (A, -1), (B, 1))} if verb == "edit" else {}
    with pytest.raises(IllegalTransition):
        getattr(changes, verb)(change=change, actor=org.dora, at=NOW, **given)


def test_a_stale_edit_is_refused(org):
    change = drafted(org, (A, -30), (B, 30))
    with pytest.raises(StaleVersion):
        changes.edit(
            change=change,
            data=said(org, (A, -1), (B, 1)),
            actor=org.dora,
            at=NOW,
            expected_version=7,
        )


def test_what_is_in_use_under_stop_cannot_be_asked_for(org):
    Desk(org, org.cells[TIGHT]).order("1", "450.00")
    before = books(org)
    with pytest.raises(BudgetBelowUse) as refused:
        asked(org, (TIGHT, -51), (B, 51))
    assert refused.value.errors[0].pointer == "/lines/0/amount"
    assert "51.00 EUR cannot go out of 500.00 EUR, 50.00 EUR of it can" in refused.value.detail
    assert books(org) == before
    assert [each.status for each in BudgetChange.objects.all()] == ["draft"]


def test_what_was_used_while_it_waited_refuses_the_decision_and_all_stays(org):
    change = asked(org, (TIGHT, -100), (B, 100))
    Desk(org, org.cells[TIGHT]).order("1", "450.00")
    before = books(org)
    with pytest.raises(BudgetBelowUse):
        decide(change)
    change.refresh_from_db()
    assert change.status == "in_approval"
    assert books(org) == before
    assert ApprovalStep.objects.get(request__subject_id=change.pk).status == "active"


def test_no_budget_goes_below_zero_even_where_it_only_tracks(org):
    with pytest.raises(BudgetBelowUse):
        asked(org, (("CC300", "6400", None), -1001), (B, 1001))


def test_what_exactly_goes_out_is_enough(org):
    Desk(org, org.cells[TIGHT]).order("1", "450")
    for amount, is_short in ((50, False), (51, True)):
        effects = queries.effects(drafted(org, (TIGHT, -amount), (A, amount)))
        assert [each.is_short for each in effects] == [is_short, False]
    assert asked(org, (TIGHT, -50), (A, 50)).status == "in_approval"


def test_a_closed_year_takes_no_changes(org):
    change = asked(org, (A, -30), (B, 30))
    FiscalYear.objects.filter(entity=org.entity, year=2026).update(is_open=False)
    before = books(org)
    with pytest.raises(FiscalYearClosed):
        decide(change)
    assert books(org) == before


def test_the_exact_opposite_undoes_it_once(org):
    change = decide(asked(org, (A, -30), (B, 30)))
    mirror = changes.reverse(change=change, actor=org.dora, at=NOW, reason="Not needed after all")
    assert mirror.reverses == change
    with pytest.raises(Conflict):
        changes.reverse(change=change, actor=org.dora, at=NOW, reason="Twice")
    # taken back it makes room for another, but may not come again beside it
    mirror = changes.withdraw(change=mirror, actor=org.dora, at=NOW, reason="Later")
    another = changes.reverse(change=change, actor=org.dora, at=NOW, reason="Now")
    mirror = changes.edit(change=mirror, data=said(org, (A, 30), (B, -30)), actor=org.dora, at=NOW)
    with pytest.raises(Conflict):
        changes.submit(change=mirror, actor=org.dora, at=NOW)
    decide(another)
    assert (org.cell(*A).amount, org.cell(*B).amount) == (100_000, 100_000)
    assert BudgetAdjustment.objects.filter(cell=org.cells[A]).count() == 3


def test_nothing_is_undone_that_was_not_done(org):
    change = asked(org, (A, -30), (B, 30))
    with pytest.raises(Conflict):
        changes.reverse(change=change, actor=org.dora, at=NOW, reason="Too early")


def test_who_sees_which(org):
    draft = drafted(org, (A, -10), (B, 10))
    waiting = asked(org, (A, -30), (B, 30), at=NOW + timedelta(minutes=1))

    def seen(name):
        return set(BudgetChange.objects.visible_to(org.people[name]))

    assert seen("dora") == {draft, waiting}
    assert seen("cora") == seen("olga") == seen("ada") == seen("sven") == {waiting}
    for name in ("rita", "axel", "bea", "rob", "finn", "nils"):
        assert not seen(name), name


def test_peer_case_of_a_transfer(org):
    cases = json.loads((folder("peer-cases") / "cases.json").read_text("utf-8"))["cases"]
    case = next(each for each in cases if each["id"] == "budget-transfer")
    given, expected = case["given"], case["expect"]["steps"]
    cells = {
        name: factories.budget_cell(
            org.entity, org.cost_centers["CC600"], account, amount=Decimal(given["budget"][name])
        )
        for name, account in zip("AB", list(org.gl_accounts.values())[:2], strict=True)
    }

    def figures():
        for cell in cells.values():
            cell.refresh_from_db()
        return {name: str(int(cell.amount)) for name, cell in cells.items()}

    def transfer(step):
        return changes.transfer(
            source=cells[step["from"]],
            target=cells[step["to"]],
            amount=Decimal(step["amount"]),
            reason="As in the case",
            actor=org.dora,
            at=NOW,
        )

    too_much, fits, _ = given["steps"]
    assert expected["1"]["outcome"] == "blocked"
    with pytest.raises(BudgetBelowUse):
        transfer(too_much)
    assert figures() == given["budget"]
    made = decide(transfer(fits))
    assert figures() == {name: expected["2"][name] for name in "AB"}
    decide(changes.reverse(change=made, actor=org.dora, at=NOW, reason="Undo step 2"))
    assert figures() == expected["3"]


def test_a_transfer_of_nothing_is_refused(org):
    cells = moves(org, (A, 1), (B, 1))
    for amount in ("0", "-5"):
        with pytest.raises(Invalid):
            changes.transfer(
                source=cells[0].cell,
                target=cells[1].cell,
                amount=Decimal(amount),
                reason="None",
                actor=org.dora,
                at=NOW,
            )


def test_the_ledger_sees_the_new_amount_at_once(org):
    decide(asked(org, (B, -200), (TIGHT, 200)))
    desk = Desk(org, org.cells[TIGHT])
    desk.order("1", "700.00")
    with pytest.raises(ledger.BudgetExceeded):
        desk.order("1", "0.01")
