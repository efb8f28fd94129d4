"""Conditions on facts: what they mean, and what is refused rather than guessed."""

from typing import Any

import pytest

from approvals import conditions, policy, steps
from approvals.models import PolicyRequirement
from approvals.policy import PolicyBroken
from tests import factories
from tests.factories import Organisation, step

FACTS: dict[str, Any] = {
    "amount": "5000.00",
    "service_type": "saas",
    "cost_centers": ["CC100", "CC200"],
    "gl_accounts": ["6310"],
    "vendor_status": "approved",
    "catalog_only": True,
    "currency": "EUR",
    "budget_state": "ok",
    "within_delegated_limit": False,
    "budget_owners": [],
}


def holds(fact: str, operator: str, value: Any = True) -> bool:
    return policy.matches({"all": [{"fact": fact, "operator": operator, "value": value}]}, FACTS)


@pytest.mark.parametrize(
    "conditions",
    [
        {"all": [{"fact": "mood", "operator": "eq", "value": "good"}]},
        {"all": [{"operator": "eq", "value": "good"}]},
        {"all": [{"fact": "amount", "operator": "roughly", "value": "5000"}]},
        {"all": [{"fact": "amount", "operator": "__class__", "value": "5000"}]},
        {"all": [{"fact": "amount", "operator": "contains", "value": "5000"}]},
        {"all": [{"fact": "service_type", "operator": "gte", "value": "saas"}]},
        {"all": [{"fact": "amount", "operator": "gte", "value": 5000.0}]},
        {"all": [{"fact": "amount", "operator": "gte", "value": "NaN"}]},
        {"all": [{"fact": "amount", "operator": "gte", "value": "many"}]},
        {"all": [{"fact": "amount", "operator": "gte", "value": True}]},
        {"all": [{"fact": "amount", "operator": "in", "value": "5000"}]},
        {"all": [{"fact": "catalog_only", "operator": "eq", "value": "yes"}]},
        {"all": ["amount > 1"]},
        {"all": "amount > 1"},
        {"any": []},
        {"none": []},
    ],
)
def test_what_cannot_be_understood_is_refused(conditions: dict[str, Any]) -> None:
    with pytest.raises(PolicyBroken):
        policy.matches(conditions, FACTS)


def test_a_fact_the_document_did_not_give_is_refused() -> None:
    with pytest.raises(PolicyBroken, match="amount"):
        policy.matches({"all": [{"fact": "amount", "operator": "gte", "value": "1"}]}, {})


def test_a_broken_second_condition_is_seen_although_the_first_fails() -> None:
    broken = {"fact": "mood", "operator": "eq", "value": 1}
    false = {"fact": "amount", "operator": "lt", "value": "1"}
    with pytest.raises(PolicyBroken):
        policy.matches({"all": [false, broken]}, FACTS)


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("gte", "5000", True), ("gte", "5000.01", False), ("gt", "5000", False),
        ("gt", "4999.99", True), ("lte", "5000", True), ("lte", "4999.99", False),
        ("lt", "5000.00", False), ("lt", "5000.01", True), ("eq", "5000", True),
        ("eq", 5000, True), ("ne", "5000.0", False), ("in", ["1", "5000"], True),
        ("not_in", ["1", "5000.000"], False),
    ],
)  # fmt: skip
def test_amounts_compare_as_decimals_to_the_cent(operator: str, value: Any, expected: bool) -> None:
    assert holds("amount", operator, value) is expected


def test_a_large_amount_is_not_compared_as_text() -> None:
    assert holds("amount", "gt", "999")
    assert not holds("amount", "gt", "10000")


def test_text_lists_and_yes_no() -> None:
    assert holds("service_type", "in", ["saas", "iaas"])
    assert not holds("service_type", "not_in", ["saas"])
    assert holds("vendor_status", "ne", "prospect")
    assert holds("cost_centers", "contains", "CC200")
    assert not holds("cost_centers", "contains", "CC2")
    assert holds("cost_centers", "in", ["CC900", "CC100"])
    assert holds("cost_centers", "not_in", ["CC900"])
    assert holds("catalog_only", "is_true")
    assert not holds("within_delegated_limit", "is_true")
    assert holds("within_delegated_limit", "eq", False)


def test_all_and_any_together_must_both_hold() -> None:
    small = {"fact": "amount", "operator": "lt", "value": "1"}
    large = {"fact": "amount", "operator": "gte", "value": "1"}
    assert policy.matches({}, FACTS)
    assert policy.matches({"any": [small, large]}, FACTS)
    assert not policy.matches({"all": [small], "any": [small, large]}, FACTS)


def test_the_first_matching_rule_of_the_first_policy_decides(org: Organisation) -> None:
    always: dict[str, Any] = {"all": []}
    large = {"all": [{"fact": "amount", "operator": "gte", "value": "9000"}]}
    factories.policy(
        org.entity, "First", [("large", large, []), ("rest", always, [step("manager")])], priority=1
    )
    choice = policy.choose(entity=org.entity, applies_to="requisition", facts=FACTS)
    assert (choice.policy.name, choice.rule.name) == ("First", "rest")


def test_drafts_other_entities_and_other_documents_do_not_decide(org: Organisation) -> None:
    choice = policy.choose(entity=org.entity, applies_to="invoice", facts=FACTS)
    assert choice.rule is None
    assert (
        policy.choose(entity=org.uk, applies_to="requisition", facts=FACTS).policy
        == (org.policies["uk"])
    )


def test_every_fact_has_a_value_whatever_a_document_knows() -> None:
    facts = policy.facts_of({"amount": "5", "rolling_total": "7", "catalog_only": True})
    assert set(facts) == set(policy.FACTS)
    assert conditions.typed(facts)["tier_amount"] == 7
    assert (facts["budget_state"], facts["catalog_only"], facts["emergency"]) == ("ok", True, False)
    assert policy.facts_of({"amount": "5"})["tier_amount"] == "5"
    for fact, operators in conditions.OPERATORS.items():
        assert operators, fact


def test_no_amount_is_no_document() -> None:
    with pytest.raises(PolicyBroken, match="amount"):
        policy.facts_of({"service_type": "saas"})


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"all": [{"fact": "amount", "operator": "gte", "value": "1"},
                  {"fact": "amount", "operator": "has", "value": "1"}]}, "/all/1/operator"),
        ({"any": [{"fact": "mood", "operator": "eq", "value": "1"}]}, "/any/0/fact"),
        ({"any": [{"fact": "currency", "operator": "eq", "value": "a\u202eb"}]}, "/any/0/value"),
        ({"all": [{"fact": "amount", "operator": "in", "value": []}]}, "/all/0/value"),
        ({"all": [{"fact": "amount", "operator": "gte", "value": "1", "then": "x"}]},
         "/all/0/then"),
        ({"a/b": []}, "/a~1b"),
        ({"all": [{"fact": {}, "operator": [], "value": 1}]}, "/all/0/fact"),
        ({"all": [{"fact": "amount", "operator": [], "value": 1}]}, "/all/0/operator"),
        ([], ""),
    ],
)  # fmt: skip
def test_a_fault_is_pointed_at(said: Any, pointer: str) -> None:
    with pytest.raises(PolicyBroken) as caught:
        conditions.read(said, "/c")
    assert [each.pointer for each in caught.value.errors] == [f"/c{pointer}"]


def test_conditions_and_steps_read_like_sentences() -> None:
    said = {
        "all": [{"fact": "amount", "operator": "gte", "value": "1000"},
                {"fact": "catalog_only", "operator": "eq", "value": False}],
        "any": [{"fact": "service_type", "operator": "in", "value": ["saas", "iaas"]},
                {"fact": "personal_data", "operator": "is_true"}],
    }  # fmt: skip
    made = conditions.read(said)
    assert made.words == (
        "amount from 1,000 and not catalog items only and "
        "(service type is saas or iaas, or personal data)"
    )
    assert conditions.read(made.stored) == made
    asked = steps.read([
        {**step("manager"), "sla_hours": "1.5"},
        {**step(("role", "security"), ("role", "legal"), mode="any"), "with_previous": True},
        {**step(("role", "finance"), "on_call", mode="quorum"), "quorum": 2},
    ])  # fmt: skip
    assert steps.words(asked) == (
        "the manager within 1.5 h + any of Security, Legal → 2 of Finance, whoever is on call"
    )
    assert steps.read([each.stored for each in asked]) == asked


def test_requirements_of_all_active_policies_that_hold_are_asked_for(org: Organisation) -> None:
    personal = {"all": [{"fact": "personal_data", "operator": "is_true", "value": True}]}
    large = {"all": [{"fact": "amount", "operator": "gte", "value": "25000"}]}
    for name, asked in (("standard", [("dpia", personal)]),
                        ("cloud", [("business_case", large), ("dpia", personal)])):  # fmt: skip
        PolicyRequirement.objects.bulk_create(
            PolicyRequirement(
                policy=org.policies[name], position=n, reference=reference, conditions=conditions
            )
            for n, (reference, conditions) in enumerate(asked, 1)
        )

    def required(**facts: Any) -> list[str]:
        return policy.required_references(
            entity=org.entity, applies_to="requisition", facts={**FACTS, **facts}
        )

    assert required() == []
    assert required(personal_data=True) == ["dpia"]
    assert required(personal_data=True, amount="25000") == ["business_case", "dpia"]
    assert required(amount="24999.99") == []
    other = policy.required_references(
        entity=org.uk, applies_to="requisition", facts={**FACTS, "personal_data": True}
    )
    assert other == []


def test_reading_policies_takes_the_same_statements_however_many(
    org: Organisation, django_assert_num_queries: Any
) -> None:
    def choose() -> Any:
        return policy.choose(entity=org.entity, applies_to="requisition", facts=FACTS)

    with django_assert_num_queries(1):
        choose()
    for number in range(10):
        rules = [(f"r{n}", {"all": []}, [step("manager")]) for n in range(5)]
        factories.policy(org.entity, f"P{number}", rules, priority=number)
    with django_assert_num_queries(1):
        assert choose().policy.name == "P0"
