"""Editing replaces the content of what its requester holds; the round before it counts no more."""

from dataclasses import replace
from decimal import Decimal

import pytest

from approvals.models import ApprovalRequest
from core.errors import IllegalTransition, Invalid, NotAllowed, StaleVersion
from requisitions import queries, services
from tests.factories import (
    NOW,
    approved,
    decide_all,
    draft,
    line_input,
    requisition_input,
    submitted,
)
from tests.requisitions.watching import last_event, nothing_changes


def edit(org, requisition, data, **how):
    how = {"actor": org.rita, "at": NOW, **how}
    return services.edit(requisition=requisition, data=data, **how)


def test_a_draft_gets_new_lines_total_version_and_history(org, rita):
    made = draft(org)
    changed = edit(org, made, requisition_input(org, line_input(org, 7, "3.00"), title="Ropes"))
    assert (changed.title, changed.total) == ("Ropes", 21)
    assert [line.quantity for line in changed.lines.all()] == [7]
    assert changed.version == made.version + 1
    assert [row.history_user for row in changed.history.all()] == [rita, rita]


def test_the_event_says_field_by_field_what_changed(org):
    made = draft(org)
    edit(org, made, requisition_input(org, line_input(org, 7), line_input(org, 1)))
    event = last_event(made)
    assert event.type == "requisition.edited"
    changes = {each["field"]: (each["old"], each["new"]) for each in event.changes}
    assert changes["lines/0/quantity"] == ("10", "7")
    assert changes["lines/0/net"] == ("100", "70")
    assert changes["lines/1/quantity"] == (None, "1")
    assert "lines/0/unit_price" not in changes


@pytest.mark.parametrize("end", ["return", "withdraw"])
def test_what_came_back_is_a_draft_again_and_needs_a_new_round(org, rita, end):
    made = submitted(org)
    if end == "return":
        decide_all(made, "return")
    else:
        made = services.withdraw(requisition=made, actor=rita, at=NOW)
    old = queries.digest(made)
    made = edit(org, made, requisition_input(org, line_input(org, 20)))
    assert made.status == "draft"
    made = services.submit(requisition=made, actor=rita, at=NOW)
    rounds = ApprovalRequest.objects.filter(subject_id=made.pk).order_by("id")
    assert [each.digest for each in rounds] == [old, queries.digest(made)]
    assert rounds[1].status == "pending"


def test_refused_while_others_decide_and_after(org):
    for made in (submitted(org), approved(org)):
        with nothing_changes(), pytest.raises(IllegalTransition):
            edit(org, made, requisition_input(org))


@pytest.mark.parametrize("persona", ["axel", "dora", "bea", "cora", "ada", "olga", "nils"])
def test_only_the_requester_edits(org, persona):
    made = draft(org)
    with nothing_changes(), pytest.raises(NotAllowed):
        edit(org, made, requisition_input(org), actor=org.people[persona])


def test_refused_on_a_version_that_somebody_replaced(org):
    made = draft(org)
    edit(org, made, requisition_input(org), expected_version=1)
    with nothing_changes(), pytest.raises(StaleVersion):
        edit(org, made, requisition_input(org), expected_version=1)


def test_refused_content_leaves_the_old_one(org):
    made = draft(org)
    bad = replace(requisition_input(org), title="")
    with nothing_changes(), pytest.raises(Invalid):
        edit(org, made, bad)


def test_any_material_change_changes_the_digest(org):
    made = draft(org)
    seen = {queries.digest(made)}
    for data in (
        requisition_input(org, title="Other"),
        requisition_input(org, ship_to="Dock 2"),
        requisition_input(org, vendor=org.other_vendor),
        requisition_input(org, line_input(org, 11)),
        requisition_input(org, line_input(org, 10, "10.01")),
        requisition_input(org, line_input(org, description="Rope")),
        requisition_input(org, line_input(org, tax_code="DE7")),
        requisition_input(org, line_input(org, vendor=org.other_vendor)),
    ):
        edit(org, made, data)
        digest = queries.digest(made_again(made))
        assert digest not in seen
        seen.add(digest)


def test_the_same_content_keeps_the_digest(org):
    made = draft(org)
    before = queries.digest(made_again(made))
    edit(org, made, requisition_input(org, line_input(org, Decimal("10.000000"), "10.0000")))
    assert queries.digest(made_again(made)) == before


def made_again(requisition):
    return type(requisition).objects.get(pk=requisition.pk)
