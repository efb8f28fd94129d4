"""A policy from its draft to its retirement: two people, no surprises."""

from typing import Any

import pytest

from accounts.models import Role, RoleAssignment
from approvals import analysis, services
from approvals.conditions import PolicyBroken
from approvals.inputs import RequirementInput, RuleInput
from approvals.models import ApprovalPolicy, ApprovalRequest
from core.errors import Conflict, IllegalTransition, Invalid, NotAllowed, StaleVersion
from core.models import TrailEvent
from tests import factories
from tests.factories import NOW, Organisation, step

ALWAYS: dict[str, Any] = {"all": []}


def amount(operator: str, value: Any) -> dict[str, Any]:
    return {"all": [{"fact": "amount", "operator": operator, "value": value}]}


def said(**changes: Any) -> dict[str, Any]:
    given = {
        "name": "Hardware",
        "applies_to": "requisition",
        "description": "",
        "priority": 30,
        "rules": [
            RuleInput("Large", amount("gte", 5000), [step("manager_chain"), step("budget_owner")]),
            RuleInput("Rest", ALWAYS, [step("manager")]),
        ],
        "requirements": [RequirementInput("business_case", amount("gte", "25000"))],
    }
    return {**given, **changes}


@pytest.fixture
def draft(org: Organisation) -> ApprovalPolicy:
    return services.draft_policy(entity=org.entity, actor=org.ada, at=NOW, **said())


def pointers(caught: Any) -> list[str]:
    return [each.pointer for each in caught.value.errors]


@pytest.mark.parametrize("persona", ["rita", "cora", "dora", "nils"])
def test_only_an_administrator_of_the_entity_drafts(org: Organisation, persona: str) -> None:
    with pytest.raises(NotAllowed):
        services.draft_policy(entity=org.entity, actor=getattr(org, persona), at=NOW, **said())
    assert not ApprovalPolicy.objects.filter(name="Hardware").exists()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": " "}, ["/name"]),
        ({"name": "standard"}, ["/name"]),
        ({"applies_to": "mood"}, ["/applies_to"]),
        ({"priority": -1}, ["/priority"]),
        ({"rules": [RuleInput("", ALWAYS, [step("manager")])]}, ["/rules/0/name"]),
        (
            {"rules": [RuleInput("a", {"all": [
                {"fact": "amount", "operator": "gte", "value": "1"},
                {"fact": "amount", "operator": "roughly", "value": "1"},
                {"fact": "mood", "operator": "eq", "value": "1"},
                {"fact": "amount", "operator": "gte", "value": "1e3"},
                {"fact": "amount", "operator": "gte"},
            ]}, [step("manager")])]},
            ["/rules/0/conditions/all/1/operator", "/rules/0/conditions/all/2/fact",
             "/rules/0/conditions/all/3/value", "/rules/0/conditions/all/4/value"],
        ),
        (
            {"rules": [RuleInput("a", ALWAYS, [step("manager"), {"mode": "most"},
                       {"mode": "all", "approvers": []}])]},
            ["/rules/0/steps/1/mode"],
        ),
        ({"rules": [RuleInput("a", ALWAYS, [step()])]}, ["/rules/0/steps/0/approvers"]),
        (
            {"rules": [RuleInput("a", ALWAYS, [step(("role", "king"))])]},
            ["/rules/0/steps/0/approvers/0/value"],
        ),
        (
            {"rules": [RuleInput("a", ALWAYS, [
                {"mode": "quorum", "quorum": 2, "approvers": [{"kind": "manager"}]}])]},
            ["/rules/0/steps/0/quorum"],
        ),
        (
            {"rules": [RuleInput("a", ALWAYS, [{**step("manager"), "sla_hours": "0"}])]},
            ["/rules/0/steps/0/sla_hours"],
        ),
        (
            {"requirements": [RequirementInput("blessing", ALWAYS),
                              RequirementInput("dpia", {"all": [{"fact": "x"}]})]},
            ["/requirements/0/reference", "/requirements/1/conditions/all/0/fact"],
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_where_it_stands(
    org: Organisation, changes: dict[str, Any], expected: list[str]
) -> None:
    with pytest.raises(Invalid) as caught:
        services.draft_policy(entity=org.entity, actor=org.ada, at=NOW, **said(**changes))
    assert pointers(caught) == expected
    assert not ApprovalPolicy.objects.filter(status="draft").exists()


def test_a_draft_keeps_what_was_said_in_one_form(draft: ApprovalPolicy) -> None:
    large = draft.rules.get(position=1)
    assert large.conditions == {"all": [{"fact": "amount", "operator": "gte", "value": "5000"}]}
    assert large.steps[0] == {
        "mode": "all", "quorum": 0, "with_previous": False, "sla_hours": None,
        "approvers": [{"kind": "manager_chain", "value": ""}],
    }  # fmt: skip
    assert (draft.status, draft.policy_version) == ("draft", 1)
    event = TrailEvent.objects.get(type="approval_policy.drafted")
    told = {each["field"]: each["new"] for each in event.changes}
    assert (
        told["rule 1"] == "Large: when amount from 5,000: managers up to the limit → budget owners"
    )
    assert told["requirement 1"] == "Business case when amount from 25,000"


def test_a_draft_decides_nothing(org: Organisation, draft: ApprovalPolicy) -> None:
    rows = services.preview(
        entity=org.entity, applies_to="requisition", requester=org.rita, facts={"amount": "50"}
    )
    assert [row.person for row in rows] == [org.axel]
    assert not draft.activated_at


def test_an_edit_says_what_changed_and_makes_its_author_an_editor(
    org: Organisation, draft: ApprovalPolicy
) -> None:
    ben = administrator(org)
    services.edit_policy(
        policy=draft, actor=ben, at=NOW, expected_version=draft.version,
        **said(priority=31, rules=[RuleInput("Rest", ALWAYS, [step("manager")])]),
    )  # fmt: skip
    event = TrailEvent.objects.get(type="approval_policy.edited")
    assert [each["field"] for each in event.changes] == ["priority", "rule 1", "rule 2"]
    assert {each.pk for each in draft.editors.all()} == {org.ada.pk, ben.pk}
    assert draft.history.count() == 2


def test_a_stale_edit_changes_nothing(org: Organisation, draft: ApprovalPolicy) -> None:
    services.edit_policy(policy=draft, actor=org.ada, at=NOW, **said(priority=31))
    with pytest.raises(StaleVersion):
        services.edit_policy(
            policy=draft, actor=org.ada, at=NOW, expected_version=draft.version, **said(priority=5)
        )
    draft.refresh_from_db()
    assert draft.priority == 31


def test_what_is_in_force_is_changed_in_a_new_version(org: Organisation) -> None:
    standard = org.policies["standard"]
    with pytest.raises(Conflict, match="new version"):
        services.edit_policy(policy=standard, actor=org.ada, at=NOW, **said(name="Standard"))
    copy = services.new_version(policy=standard, actor=org.ada, at=NOW)
    assert (copy.policy_version, copy.status) == (2, "draft")
    assert [r.steps for r in copy.rules.all()] == [r.steps for r in standard.rules.all()]
    with pytest.raises(Conflict, match="draft already"):
        services.new_version(policy=standard, actor=org.ada, at=NOW)
    with pytest.raises(Invalid) as caught:
        services.edit_policy(policy=copy, actor=org.ada, at=NOW, **said(name="Other"))
    assert pointers(caught) == ["/name"]
    services.discard_policy(policy=copy, actor=org.ada, at=NOW)
    assert not ApprovalPolicy.objects.filter(pk=copy.pk).exists()
    with pytest.raises(Conflict):
        services.discard_policy(policy=standard, actor=org.ada, at=NOW)


def test_the_author_does_not_activate_and_the_next_person_does(
    org: Organisation, draft: ApprovalPolicy
) -> None:
    org.ada.is_superuser = True
    org.ada.save()
    for persona in ("ada", "rita", "dora", "nils"):
        with pytest.raises(NotAllowed):
            services.activate(policy_version=draft, actor=getattr(org, persona), at=NOW)
    draft.refresh_from_db()
    assert draft.status == "draft"
    active = services.activate(policy_version=draft, actor=org.cora, at=NOW)
    assert (active.status, active.activated_at, active.activated_by) == ("active", NOW, org.cora)


def test_an_approved_round_stands_for_the_role_but_not_for_the_second_person(
    org: Organisation, draft: ApprovalPolicy
) -> None:
    round_ = ApprovalRequest(entity=org.entity, subject_title="Hardware v1")
    with pytest.raises(NotAllowed, match="not approved"):
        services.activate(policy_version=draft, actor=org.dora, at=NOW, approved=round_)
    round_.__dict__["status"] = ApprovalRequest.Status.APPROVED
    with pytest.raises(NotAllowed, match="worked on"):
        services.activate(policy_version=draft, actor=org.ada, at=NOW, approved=round_)
    with pytest.raises(NotAllowed):
        services.activate(policy_version=draft, actor=None, at=NOW, approved=round_)
    active = services.activate(policy_version=draft, actor=org.dora, at=NOW, approved=round_)
    assert active.activated_by == org.dora


def test_a_new_version_retires_the_one_before(org: Organisation) -> None:
    standard = org.policies["standard"]
    copy = services.new_version(policy=standard, actor=org.ada, at=NOW)
    services.activate(policy_version=copy, actor=org.cora, at=NOW)
    standard.refresh_from_db()
    assert standard.status == "retired"
    assert TrailEvent.objects.filter(type="approval_policy.retired").count() == 1


def test_nobody_alone_takes_a_policy_out_of_force(org: Organisation, draft: ApprovalPolicy) -> None:
    """What comes after it may ask less: two people, as for putting one into force."""
    with pytest.raises(IllegalTransition):
        services.retire(policy=draft, actor=org.cora, at=NOW)
    services.activate(policy_version=draft, actor=org.cora, at=NOW)
    for stranger in (org.dora, org.nils, org.rita):
        for act in (services.retire, services.keep_policy):
            with pytest.raises(NotAllowed):
                act(policy=draft, actor=stranger, at=NOW)
    with pytest.raises(Conflict):
        services.keep_policy(policy=draft, actor=org.ada, at=NOW)
    asked = services.retire(policy=draft, actor=org.cora, at=NOW, reason="Too strict")
    assert (asked.status, asked.retirement_asked_by) == ("active", org.cora)
    with pytest.raises(NotAllowed, match="You asked"):
        services.retire(policy=draft, actor=org.cora, at=NOW)
    kept = services.keep_policy(policy=draft, actor=org.ada, at=NOW)
    assert (kept.status, kept.retirement_asked_by) == ("active", None)
    services.retire(policy=draft, actor=org.ada, at=NOW)
    ended = services.retire(policy=draft, actor=org.cora, at=NOW, reason="Agreed")
    assert ended.status == "retired"
    told = TrailEvent.objects.filter(document_id=draft.pk).order_by("sequence")
    assert [(each.type.partition(".")[2], each.actor, each.reason) for each in told][2:] == [
        ("retirement_asked", org.cora, "Too strict"),
        ("kept", org.ada, ""),
        ("retirement_asked", org.ada, ""),
        ("retired", org.cora, "Agreed"),
    ]


def test_an_unsound_version_is_not_activated(org: Organisation) -> None:
    rules = [
        RuleInput("All", ALWAYS, [step("manager")]),
        RuleInput("Never", amount("gte", 1), [step("manager")]),
        RuleInput("Nobody", ALWAYS, [step(("role", Role.LEGAL))]),
    ]
    draft = services.draft_policy(
        entity=org.entity, actor=org.ada, at=NOW, **said(rules=rules, priority=5)
    )
    codes = {each.code for each in analysis.examine(draft, at=NOW) if each.level == "error"}
    assert codes == {"unreachable", "nobody"}
    with pytest.raises(PolicyBroken) as caught:
        services.activate(policy_version=draft, actor=org.cora, at=NOW)
    assert pointers(caught) == ["/rules/1", "/rules/2", "/rules/2"]
    draft.refresh_from_db()
    assert draft.status == "draft"


def administrator(org: Organisation) -> Any:
    ben = factories.person("ben", entity=org.entity, roles=[Role.ADMINISTRATOR])
    assert RoleAssignment.objects.filter(user=ben).exists()
    return ben
