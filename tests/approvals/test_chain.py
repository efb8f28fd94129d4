"""Who must agree, and that nothing is left to nobody."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Role
from approvals import chain, services
from approvals.chain import NoApprover
from approvals.directory import Directory
from approvals.models import PolicyRule
from approvals.policy import PolicyBroken, Rule
from tests import factories
from tests.factories import NOW, Organisation, step

FACTS: dict[str, Any] = {"amount": "4000", "cost_centers": ["CC100"], "budget_owners": []}


def groups_of(
    org: Organisation, *steps: dict[str, Any], requester: Any = None, **facts: Any
) -> list[chain.Group]:
    return chain.build(
        rule=Rule.of(PolicyRule(name="rule", steps=list(steps))),
        requester=requester or org.rita,
        facts={**FACTS, **facts},
        directory=Directory.of(org.entity, at=NOW),
        applies_to="requisition",
    )


def build(org: Organisation, *steps: dict[str, Any], requester: Any = None, **facts: Any) -> Any:
    """The chain as first names: a list per group."""
    groups = groups_of(org, *steps, requester=requester, **facts)
    return [[seat.person.name.split()[0].lower() for seat in group.seats] for group in groups]


@pytest.mark.parametrize(
    "broken",
    [
        {"mode": "most", "approvers": []},
        {"mode": "all", "approvers": [{"kind": "oracle"}]},
        {"mode": "all", "approvers": "manager"},
        {"mode": "all", "approvers": ["manager"]},
        {"mode": "all", "approvers": [{"kind": "role", "value": "king"}]},
        {"mode": "all", "approvers": [{"kind": "person", "value": "somebody"}]},
    ],
)
def test_steps_that_cannot_be_read_are_refused(org: Organisation, broken: dict[str, Any]) -> None:
    with pytest.raises(PolicyBroken):
        build(org, broken)


def test_nobody_and_no_fallback_approver_is_refused(org: Organisation) -> None:
    org.entity.fallback_approver = None
    with pytest.raises(NoApprover, match="name one"):
        build(org, step("manager"), requester=org.cora)


def test_no_matching_rule_asks_the_fallback_approver(org: Organisation) -> None:
    groups = chain.build(
        rule=None, requester=org.rita, facts=FACTS, directory=Directory.of(org.entity, at=NOW)
    )
    assert [seat.person for group in groups for seat in group.seats] == [org.cora]


def test_the_manager(org: Organisation) -> None:
    assert build(org, step("manager")) == [["axel"]]


def test_a_missing_or_inactive_manager_is_replaced_by_the_fallback(org: Organisation) -> None:
    assert build(org, step("manager"), requester=org.dora) == [["cora"]]
    org.axel.is_active = False
    org.axel.save()
    org.rita.refresh_from_db()
    assert build(org, step("manager")) == [["cora"]]


def test_where_all_must_agree_the_fallback_is_asked_for_whoever_is_missing(
    org: Organisation,
) -> None:
    """Also beside somebody who was found; where one suffices, those found suffice."""
    both = ("manager", ("role", Role.LEGAL))
    assert build(org, step(*both)) == [["axel", "cora"]]
    assert build(org, step(*both, mode="any")) == [["axel"]]


def test_where_one_of_the_line_suffices_it_is_whose_limit_covers(org: Organisation) -> None:
    assert build(org, step("manager_chain", mode="any"), amount="20000") == [["dora"]]


def test_a_manager_of_another_entity_does_not_count(org: Organisation) -> None:
    org.rita.manager = org.nils
    org.rita.save()
    assert build(org, step("manager")) == [["cora"]]


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("4999.99", [["axel"]]),
        ("5000", [["axel"]]),
        ("5000.01", [["axel"], ["dora"]]),
        ("50000", [["axel"], ["dora"]]),
        ("50000.01", [["axel"], ["dora"], ["cora"]]),
    ],
)
def test_the_manager_chain_ends_at_the_first_limit_that_covers(
    org: Organisation, amount: str, expected: list[list[str]]
) -> None:
    assert build(org, step("manager_chain"), amount=amount) == expected


def test_the_last_of_the_chain_needs_the_limit_also_when_it_is_the_fallback(
    org: Organisation,
) -> None:
    groups = groups_of(org, step("manager_chain"), amount="60000")
    limits = [seat.required_limit for group in groups for seat in group.seats]
    assert limits == [None, None, Decimal(60000)]


def test_a_circle_of_managers_ends(org: Organisation) -> None:
    org.dora.manager = org.rita
    org.dora.save()
    org.rita.manager.refresh_from_db()
    assert build(org, step("manager_chain"), amount="60000") == [["axel"], ["dora"], ["cora"]]


def test_managers_without_a_limit_are_passed_over(org: Organisation) -> None:
    org.axel.approval_limit = None
    org.axel.save()
    org.rita.refresh_from_db()
    assert build(org, step("manager_chain")) == [["dora"]]


def test_everybody_of_a_role_but_the_requester(org: Organisation) -> None:
    assert build(org, step(("role", Role.BUDGET_OWNER), mode="any")) == [["dora", "sven"]]
    only = step(("role", Role.BUDGET_OWNER))
    assert build(org, only, requester=org.dora) == [["sven"]]


def test_a_role_that_only_the_requester_has_goes_to_the_fallback(org: Organisation) -> None:
    assert build(org, step(("role", Role.BUYER)), requester=org.bea) == [["cora"]]


def test_a_named_person_who_requests_is_replaced_by_the_fallback(org: Organisation) -> None:
    named = step(("person", org.sven.email))
    assert build(org, named) == [["sven"]]
    assert build(org, named, requester=org.sven) == [["cora"]]


def test_a_fallback_who_requests_is_replaced_by_the_person_above(org: Organisation) -> None:
    org.cora.manager = org.dora
    org.cora.save()
    org.entity.fallback_approver = org.cora
    assert build(org, step(("role", Role.CONTROLLER)), requester=org.cora) == [["dora"]]


def test_each_service_owner_and_a_stand_in_for_who_is_missing(org: Organisation) -> None:
    owners = [str(org.dora.pk), str(org.rita.pk), ""]
    assert build(org, step("service_owner"), service_owners=owners) == [["dora", "cora"]]


def test_each_budget_owner_and_a_stand_in_for_the_requester(org: Organisation) -> None:
    owners = [str(org.dora.pk), str(org.sven.pk)]
    assert build(org, step("budget_owner"), budget_owners=owners) == [["dora", "sven"]]
    assert build(org, step("budget_owner"), requester=org.dora, budget_owners=owners) == [
        ["cora", "sven"]
    ]


def test_budgets_without_an_owner_go_to_the_fallback(org: Organisation) -> None:
    assert build(org, step("budget_owner"), budget_owners=[]) == [["cora"]]
    for nobody in (None, ""):
        assert build(org, step("budget_owner"), budget_owners=[nobody]) == [["cora"]]
        owners = [nobody, str(org.dora.pk)]
        assert build(org, step("budget_owner"), budget_owners=owners) == [["cora", "dora"]]


def test_one_person_is_asked_once_and_keeps_the_strictest_limit(org: Organisation) -> None:
    steps = [step("manager_chain"), step("budget_owner")]
    groups = groups_of(org, *steps, amount="20000", budget_owners=[str(org.dora.pk)])
    seats = [seat for group in groups for seat in group.seats]
    assert [seat.person for seat in seats] == [org.axel, org.dora]
    assert seats[1].required_limit == Decimal(20000)


def test_a_choice_with_somebody_who_must_sign_anyway_is_settled_by_them(org: Organisation) -> None:
    choice = step(("person", org.axel.email), ("person", org.sven.email), mode="any")
    assert build(org, choice, step("manager")) == [["axel"]]


def test_two_overlapping_choices_ask_no_person_twice(org: Organisation) -> None:
    one = step(("person", org.axel.email), ("person", org.sven.email), mode="any")
    two = step(("person", org.sven.email), ("person", org.dora.email), mode="any")
    assert build(org, one, two) == [["axel", "sven"], ["dora"]]
    narrow = step(("person", org.axel.email), ("person", org.sven.email), mode="any")
    wide = step(("role", Role.APPROVER), mode="any")
    assert build(org, wide, narrow) == [["axel", "sven"]]


def test_the_preview_says_who_and_why(org: Organisation) -> None:
    facts = {
        **FACTS,
        "amount": "20000",
        "service_type": "hardware",
        "catalog_only": False,
        "within_delegated_limit": False,
        "budget_state": "ok",
        "budget_owners": [str(org.sven.pk)],
    }
    rows = services.preview(
        entity=org.entity, applies_to="requisition", requester=org.rita, facts=facts
    )
    assert [(row.person, row.group) for row in rows] == [
        (org.axel, 1),
        (org.dora, 2),
        (org.sven, 3),
    ]
    assert "approves up to 50,000.00 EUR" in rows[1].why
    assert rows[2].why == "Budget owner of CC100"


def test_a_rule_without_steps_asks_nobody(org: Organisation) -> None:
    factories.policy(org.entity, "Free", [("all", {}, [])], priority=1)
    assert (
        services.preview(
            entity=org.entity, applies_to="requisition", requester=org.rita, facts=FACTS
        )
        == []
    )
