"""What a request says of data and access, and the references that policy asks for."""

from typing import Any

import pytest

import approvals.services
from approvals.models import ApprovalRequest, ApprovalStep, PolicyRequirement
from core.errors import Invalid
from requisitions import content, services
from requisitions.subjects import describe, present_parts
from tests.factories import NOW, coded, draft, item_input, line_input, requisition_input, submitted
from tests.requisitions.asking import demand, facts_of
from tests.requisitions.watching import nothing_changes
from vendors.models import ServiceOwner

RISK: dict[str, Any] = {
    "personal_data": True,
    "data_residency": "DE",
    "regulated": True,
    "third_party_access": True,
}


def faults(caught: Any) -> dict[str, str]:
    return {error.pointer: error.code for error in caught.value.errors}


def edited(org, requisition, **fields):
    data = requisition_input(org, **fields)
    return services.edit(requisition=requisition, data=data, actor=org.rita, at=NOW)


# --- what may be said --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"data_residency": "XX"}, "/risk/data_residency", "unknown"),
        ({"data_residency": "Germany"}, "/risk/data_residency", "unknown"),
        ({"data_residency": "de"}, "/risk/data_residency", "unknown"),
        ({"references": {"ticket": "R-1"}}, "/references/ticket", "unknown"),
        ({"references": {"a/b": "R-1"}}, "/references/a~1b", "unknown"),
        ({"references": {"dpia": "x" * 65}}, "/references/dpia", "max_length"),
        ({"references": {"dpia": "DPIA\n7"}}, "/references/dpia", "control"),
        ({"references": {"dpia": "DPIA\u200b7"}}, "/references/dpia", "invisible"),
        ({"references": {"dpia": 7}}, "/references/dpia", "invalid"),
        ({"emergency_reason": "x" * 2001}, "/emergency_reason", "max_length"),
    ],
)
def test_refused_at_the_field(org, fields, pointer, code):
    with nothing_changes(), pytest.raises(Invalid) as caught:
        draft(org, **fields)
    assert faults(caught) == {pointer: code}


def test_what_was_said_is_kept_and_shown_to_who_decides(org):
    made = submitted(org, references={"dpia": " DPIA-7 ", "sow": ""}, **RISK)
    assert made.references == {"dpia": "DPIA-7"}
    description = describe(made.pk)
    assert list(description.references) == [("Data protection impact assessment", "DPIA-7")]
    assert list(description.risks) == [
        "Personal data",
        "Regulated system",
        "Access for somebody outside",
        "Data kept in Germany",
    ]


def test_policy_sees_every_fact(org):
    org.vendor.family = "ELBE"
    org.vendor.save()
    ServiceOwner.objects.create(entity=org.entity, service_type="saas", owner=org.sven)
    lines = [
        line_input(org, 1, "40.00", distributions=[coded(org, "CC100", "0650")]),
        line_input(org, 1, "60.00"),
    ]
    made = submitted(org, *lines, service_type="saas", **RISK)
    facts = facts_of(made)
    assert facts["gl_classes"] == ["capex", "opex"]
    assert (facts["vendor_family"], facts["service_owners"]) == ("ELBE", [str(org.sven.pk)])
    assert {name: facts[name] for name in RISK} == RISK
    assert (facts["emergency"], facts["incident"], facts["under_contract"]) == (False, "", False)
    assert (facts["amount"], facts["rolling_total"], facts["tier_amount"]) == ("100.00",) * 3


def test_policy_knows_whose_cost_centres_pay(org):
    org.cost_centers["CC500"].owner = None
    org.cost_centers["CC500"].save()
    centers = {"CC100": "6600", "CC200": "6310", "CC300": "6400"}
    parts = [coded(org, center, account, percent=25) for center, account in centers.items()]
    parts.append(coded(org, "CC500", "6400", "ATLAS", percent=25))
    facts = facts_of(submitted(org, line_input(org, distributions=parts)))
    owned = {"": ["CC500"], str(org.dora.pk): ["CC100", "CC200"], str(org.sven.pk): ["CC300"]}
    assert facts["centers_by_owner"] == owned
    assert facts["budget_owners"] == sorted(owned)


def test_a_change_of_one_cost_centre_keeps_the_say_of_another_s_owner(org):
    """Sven's CC300 is untouched while Dora's line is coded anew: only she is asked again."""
    lines = [
        line_input(org, 1, "700"),
        line_input(org, 1, "600", distributions=[coded(org, "CC300", "6400")]),
    ]
    made = submitted(org, *lines)
    decide_until(made, org.dora)
    data = requisition_input(
        org, line_input(org, 1, "700", distributions=[coded(org, "CC100", "0650")]), lines[1]
    )
    services.edit(requisition=made, data=data, actor=org.rita, at=NOW)
    again = services.submit(requisition=made, actor=org.rita, at=NOW)
    steps = again_steps(again)
    assert steps["sven"].kept_from is not None
    assert steps["dora"].kept_from is None and steps["dora"].status != "approved"


def decide_until(requisition, returner):
    """Everybody agrees, until it is this person's turn to send it back."""
    waiting = ApprovalStep.objects.filter(
        request__subject_id=requisition.pk, status="active"
    ).select_related("assignee")
    while steps := sorted(waiting.all(), key=lambda step: step.assignee == returner):
        step = steps[0]
        back = step.assignee == returner
        approvals.services.decide(
            step=step,
            decision="return" if back else "approve",
            actor=step.assignee,
            at=NOW,
            comment="As agreed.",
        )
    requisition.refresh_from_db()


def again_steps(requisition):
    round_ = ApprovalRequest.objects.filter(subject_id=requisition.pk).latest("id")
    steps = round_.steps.select_related("assignee", "kept_from")
    return {step.assignee.name.split()[0].lower(): step for step in steps}


def test_nobody_answers_for_a_service_without_an_owner(org):
    assert facts_of(submitted(org))["service_owners"] == [""]


# --- digest, parts, history, copy --------------------------------------------------------------

PARTS = {"lines", "amount", "vendor", "risk", "terms", "coding:CC100"}


@pytest.mark.parametrize(
    ("fields", "touched"),
    [
        ({"personal_data": True}, {"risk"}),
        ({"data_residency": "FR"}, {"risk"}),
        ({"service_type": "saas"}, {"risk"}),
        ({"references": {"dpia": "DPIA-8"}}, {"risk", "terms"}),
        ({"justification": "Needed for the audit"}, {"terms"}),
        ({"emergency": True}, {"terms"}),
        ({"title": "Ropes"}, {"terms"}),
    ],
)
def test_a_change_touches_its_part_and_the_digest(org, fields, touched):
    made = draft(org)
    before, parts = describe(made.pk).digest, present_parts(made.pk)
    edited(org, made, **fields)
    after = present_parts(made.pk)
    assert set(parts) == set(after) == PARTS
    assert {name for name in PARTS if parts[name] != after[name]} == touched
    assert describe(made.pk).digest != before


def test_a_dearer_line_touches_lines_amount_and_who_pays(org):
    made = draft(org, line_input(org), line_input(org, distributions=[coded(org, "CC500")]))
    before = present_parts(made.pk)
    lines = [line_input(org, 20), line_input(org, distributions=[coded(org, "CC500")])]
    data = requisition_input(org, *lines)
    services.edit(requisition=made, data=data, actor=org.rita, at=NOW)
    after = present_parts(made.pk)
    assert {name for name in after if before[name] != after[name]} == {
        "lines",
        "amount",
        "coding:CC100",
    }


def test_another_vendor_touches_the_vendor_alone(org):
    made = draft(org)
    before = present_parts(made.pk)
    edited(org, made, vendor=org.other_vendor)
    after = present_parts(made.pk)
    assert {name for name in after if before[name] != after[name]} == {"vendor"}


def test_the_parts_together_are_the_whole_content(org):
    """Whatever is in the digest is in a part: no change can pass beside all of them."""
    made = submitted(org, line_input(org), item_input(org, "DOCK"), references={"sow": "S-1"})
    lines = content.lines_of(made)
    stated = content.content(made, lines)
    known = content.parts(stated)
    for name in stated:
        if name == "lines":
            continue
        assert content.parts({**stated, name: "something else"}) != known, name
    line = stated["lines"][0]
    # The net of a line is quantity times price, and part of the amount.
    for name in line.keys() - {"distributions"}:
        changed = {**stated, "lines": [{**line, name: "something else"}, *stated["lines"][1:]]}
        assert content.parts(changed) != known, name
    [paid] = line["distributions"]
    for name in paid.keys() - {"percent"}:  # the amount says it to the cent
        other = {**line, "distributions": [{**paid, name: "something else"}]}
        changed = {**stated, "lines": [other, *stated["lines"][1:]]}
        assert content.parts(changed) != known, name


def test_history_says_what_changed(org):
    made = draft(org)
    edited(org, made, references={"project": "ATLAS"}, **RISK)
    newest, before = list(made.history.all()[:2])
    assert (newest.references, before.references) == ({"project": "ATLAS"}, {})
    assert (newest.personal_data, before.personal_data) == (True, False)


def test_a_copy_keeps_the_risk_and_neither_references_nor_the_emergency(org):
    original = draft(
        org,
        references={"dpia": "DPIA-7", "incident": "INC-1"},
        emergency=True,
        emergency_reason="The core switch is down",
        **RISK,
    )
    made = services.copy(requisition=original, actor=org.rita, at=NOW)
    assert {name: getattr(made, name) for name in RISK} == RISK
    assert (made.references, made.emergency, made.emergency_reason) == ({}, False, "")


# --- what policy asks for ----------------------------------------------------------------------


def test_a_missing_reference_stops_submission_at_its_field(org):
    demand(org.policies["standard"], "dpia", "personal_data", "is_true", True)
    demand(org.policies["cloud"], "business_case", "amount", "gte", "50")
    made = draft(org, personal_data=True, references={"sow": "SOW-1"})
    with nothing_changes(), pytest.raises(Invalid) as caught:
        services.submit(requisition=made, actor=org.rita, at=NOW)
    assert faults(caught) == {
        "/references/dpia": "required",
        "/references/business_case": "required",
    }


def test_spaces_are_no_reference(org):
    demand(org.policies["standard"], "dpia", "personal_data", "is_true", True)
    made = draft(org, personal_data=True, references={"dpia": "   "})
    with nothing_changes(), pytest.raises(Invalid):
        services.submit(requisition=made, actor=org.rita, at=NOW)


def test_what_policy_asks_for_and_is_there_passes(org):
    demand(org.policies["standard"], "dpia", "personal_data", "is_true", True)
    made = submitted(org, personal_data=True, references={"dpia": "DPIA-7"})
    assert made.status == "submitted"


def test_nothing_is_asked_for_where_it_does_not_apply(org):
    demand(org.policies["standard"], "dpia", "personal_data", "is_true", True)
    demand(org.policies["uk"], "business_case", "amount", "gte", "0")
    assert submitted(org).status == "submitted"


def test_a_draft_may_lack_what_submission_asks_for(org):
    demand(org.policies["standard"], "dpia", "personal_data", "is_true", True)
    assert draft(org, personal_data=True).status == "draft"


@pytest.mark.parametrize("kind", PolicyRequirement.Reference.values)
def test_every_kind_can_be_asked_for(org, kind):
    demand(org.policies["standard"], kind, "amount", "gte", "1")
    made = draft(org)
    with nothing_changes(), pytest.raises(Invalid) as caught:
        services.submit(requisition=made, actor=org.rita, at=NOW)
    assert faults(caught) == {f"/references/{kind}": "required"}
    assert submitted(org, references={kind: "R-7"}).references == {kind: "R-7"}
