"""The emergency path: an incident, a reason, a cap, one on call, and a look afterwards."""

from datetime import timedelta
from decimal import Decimal

import pytest

import approvals.services
import purchase_orders.services
from approvals.models import ApprovalRequest, Ratification
from budgets import invariants
from budgets.models import BudgetCell, LedgerEntry
from core.errors import Invalid
from core.models import TrailEvent
from requisitions import services
from requisitions.models import Requisition
from tests import pages
from tests.factories import NOW, coded, decide_all, draft, line_input, submitted
from tests.requisitions.asking import asked_by, chain_of, facts_of
from tests.requisitions.test_risk_and_references import faults
from tests.requisitions.watching import nothing_changes

EMERGENCY = {
    "emergency": True,
    "emergency_reason": "The core switch is down",
    "references": {"incident": "INC-4711"},
}
LATER = NOW + timedelta(days=4)


def submit(org, made, at=NOW):
    return services.submit(requisition=made, actor=org.rita, at=at)


def test_it_names_its_incident_and_its_reason(org):
    made = draft(org, emergency=True)
    with nothing_changes(), pytest.raises(Invalid) as caught:
        submit(org, made)
    assert faults(caught) == {"/emergency_reason": "required", "/references/incident": "required"}


def test_it_costs_no_more_than_the_cap(org):
    dear = draft(org, line_input(org, 1, "10000.01"), **EMERGENCY)
    with nothing_changes(), pytest.raises(Invalid) as caught:
        submit(org, dear)
    assert faults(caught) == {"/emergency": "not_available"}
    assert "at most 10,000.00 EUR; this is 10,000.01 EUR" in caught.value.errors[0].detail
    assert submitted(org, line_input(org, 1, "10000"), **EMERGENCY).status == "submitted"


def test_there_is_none_where_the_entity_knows_none(org):
    org.entity.emergency_cap = Decimal(0)
    org.entity.save()
    made = draft(org, **EMERGENCY)
    with nothing_changes(), pytest.raises(Invalid, match="attention") as caught:
        submit(org, made)
    assert "knows no emergencies" in caught.value.errors[0].detail


def test_it_goes_to_whoever_is_on_call_and_nobody_else(org):
    made = submitted(org, line_input(org, 1, "9000"), **EMERGENCY)
    assert chain_of(made) == ["sven"]
    facts = facts_of(made)
    assert (facts["emergency"], facts["incident"]) == (True, "INC-4711")
    assert ApprovalRequest.objects.get(subject_id=made.pk).emergency


def test_c27_it_is_committed_at_once_even_over_its_budget(org):
    line = line_input(org, 1, "700", distributions=[coded(org, "CC400")])
    made = submitted(org, line, **EMERGENCY)
    decide_all(made)
    cell = BudgetCell.objects.get(pk=org.cells["CC400", "6600", None].pk)
    assert (cell.pre_encumbered, cell.amount, cell.overdraft) == (700, 500, 200)
    order = issued_from(org, made)
    assert order.kind == "emergency"
    cell.refresh_from_db()
    assert (cell.pre_encumbered, cell.encumbered, cell.overdraft) == (0, 700, 200)
    flagged = TrailEvent.objects.get(type="budget.overdrawn")
    assert flagged.reason == "Emergency INC-4711: The core switch is down"
    assert flagged.data["amount"] == "200.00"
    assert all(not proof.faults for _, proof in invariants.prove())


def test_c27_the_look_afterwards_adds_nothing(org):
    line = line_input(org, 1, "700", distributions=[coded(org, "CC400")])
    decide_all(submitted(org, line, **EMERGENCY))
    entries = LedgerEntry.objects.count()
    ratification = Ratification.objects.get()
    approvals.services.ratify(
        ratification=ratification, comment="", actor=ratification.assignee, at=NOW
    )
    assert LedgerEntry.objects.count() == entries


def test_what_is_no_emergency_stays_within_its_budget(org):
    line = line_input(org, 1, "500.01", distributions=[coded(org, "CC400")])
    with pytest.raises(services.ledger.BudgetExceeded):
        submitted(org, line)


def issued_from(org, requisition):
    (order,) = purchase_orders.services.create_from_requisition(
        requisition=requisition, actor=org.bea, at=NOW
    )
    return purchase_orders.services.issue(order=order, actor=org.bea, at=NOW)


def test_a_reference_without_the_switch_is_no_emergency(org):
    made = submitted(org, references={"incident": "INC-4711"})
    assert chain_of(made) == ["axel"]


def test_an_approved_one_is_looked_at_afterwards(org):
    made = submitted(org, **EMERGENCY)
    decide_all(made)
    assert made.status == "approved"
    due = Ratification.objects.get(request__subject_id=made.pk)
    assert (due.requester, due.assignee, due.incident) == (org.rita, org.axel, "INC-4711")


def test_the_path_is_lost_while_a_look_afterwards_is_overdue(org):
    decide_all(submitted(org, title="Core switch", **EMERGENCY))
    made = draft(org, title="Once more", at=LATER, **EMERGENCY)
    with nothing_changes(), pytest.raises(Invalid) as caught:
        submit(org, made, LATER)
    assert faults(caught) == {"/emergency": "not_available"}
    said = caught.value.errors[0].detail
    assert "Core switch" in said and "INC-4711" in said and "Ask Axel Brandt" in said


def test_the_path_is_open_until_the_look_is_overdue(org):
    decide_all(submitted(org, **EMERGENCY))
    assert submitted(org, **EMERGENCY).status == "submitted"


def test_the_ordinary_way_stays_open(org):
    decide_all(submitted(org, **EMERGENCY))
    assert submitted(org, at=LATER).status == "submitted"


def test_another_person_keeps_the_path(org, bea):
    decide_all(submitted(org, **EMERGENCY))
    assert asked_by(org, bea, at=LATER, **EMERGENCY).status == "submitted"


def test_the_path_comes_back_when_it_is_settled(org, axel):
    decide_all(submitted(org, **EMERGENCY))
    approvals.services.ratify(
        ratification=Ratification.objects.get(), comment="It was down.", actor=axel, at=LATER
    )
    assert submitted(org, at=LATER, **EMERGENCY).status == "submitted"


def test_whoever_looks_at_it_afterwards_sees_what_was_bought(org, rob):
    """Rita's manager had no part in it, and must be able to judge it all the same."""
    org.rita.manager = rob
    org.rita.save()
    made = submitted(org, **EMERGENCY)
    assert made not in Requisition.objects.visible_to(rob)
    decide_all(made)
    assert made in Requisition.objects.visible_to(rob)
    approvals.services.ratify(ratification=Ratification.objects.get(), actor=rob, at=NOW)
    assert made in Requisition.objects.visible_to(rob)
    assert made not in Requisition.objects.visible_to(org.vera)
    page = pages.signed_in(rob).get("/approvals/emergencies/").content.decode()
    assert f"/requisitions/{made.pk}/" in page
