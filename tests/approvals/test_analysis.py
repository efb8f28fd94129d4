"""What examining a policy finds before it decides anything."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Role
from approvals import analysis, combinations
from approvals.models import ApprovalPolicy, PolicyRule
from approvals.policy import Rule
from tests import factories
from tests.factories import NOW, Organisation, step

ALWAYS: dict[str, Any] = {"all": []}
MANAGER = [step("manager")]


def when(*asked: tuple[str, str, Any]) -> dict[str, Any]:
    return {"all": [{"fact": f, "operator": o, "value": v} for f, o, v in asked]}


def found(policy: ApprovalPolicy, *codes: str) -> list[tuple[str, str, int | None]]:
    rows = analysis.examine(policy, at=NOW)
    return [
        (row.level, row.code, row.rule_position) for row in rows if not codes or row.code in codes
    ]


def words(policy: ApprovalPolicy, code: str) -> str:
    return next(row.words for row in analysis.examine(policy, at=NOW) if row.code == code)


@pytest.fixture
def alone(org: Organisation) -> Organisation:
    """The organisation with no policy of its own."""
    PolicyRule.objects.all().delete()
    ApprovalPolicy.objects.all().delete()
    return org


def test_the_policies_of_the_organisation_are_sound(org: Organisation) -> None:
    for name, policy in org.policies.items():
        if name == "uk":
            assert "nobody has a manager" in words(policy, "nobody"), "nils is alone there"
            continue
        assert [row for row in found(policy) if row[0] != "note"] == []


def test_a_rule_behind_one_that_always_decides(alone: Organisation) -> None:
    policy = factories.policy(
        alone.entity, "P",
        [("All", ALWAYS, MANAGER), ("Large", when(("amount", "gte", "5")), MANAGER)],
    )  # fmt: skip
    assert found(policy) == [("error", "unreachable", 2)]
    assert words(policy, "unreachable") == (
        "“Large” never decides: whenever it holds, “All” has decided before."
    )


def test_two_rules_together_leave_nothing_to_a_third(alone: Organisation) -> None:
    policy = factories.policy(
        alone.entity, "P",
        [
            ("Small", when(("amount", "lt", "1000")), MANAGER),
            ("Large", when(("amount", "gte", "1000")), MANAGER),
            ("Cloud", when(("service_type", "eq", "saas")), MANAGER),
        ],
    )  # fmt: skip
    assert found(policy) == [("error", "unreachable", 3)]
    assert "“Small” or “Large”" in words(policy, "unreachable")


def test_a_cent_between_two_boundaries_is_a_gap_and_reaches_a_rule(alone: Organisation) -> None:
    policy = factories.policy(
        alone.entity, "P",
        [
            ("Small", when(("amount", "lt", "1000")), MANAGER),
            ("Large", when(("amount", "gt", "1000")), MANAGER),
        ],
    )  # fmt: skip
    assert found(policy) == [("warning", "gap", None)]
    gap = analysis.examine(policy, at=NOW)[0]
    assert gap.example == {"amount": "1000"}
    assert gap.words == (
        "No rule decides amount 1,000.00 EUR: it would go to the fallback approver, Cora Neumann."
    )
    PolicyRule.objects.create(
        policy=policy, position=3, name="Exactly", conditions=when(("amount", "eq", "1000")),
        steps=MANAGER,
    )  # fmt: skip
    policy.refresh_from_db()
    assert found(ApprovalPolicy.objects.get(pk=policy.pk)) == []


def test_a_gap_without_a_fallback_approver_is_an_error(alone: Organisation) -> None:
    alone.entity.fallback_approver = None
    alone.entity.save()
    policy = factories.policy(
        alone.entity, "P", [("Cloud", when(("service_type", "eq", "saas")), MANAGER)]
    )
    assert found(policy) == [("error", "nobody", None)]


def test_conditions_that_contradict_each_other(alone: Organisation) -> None:
    impossible = when(("amount", "gte", "10"), ("amount", "lt", "10"))
    policy = factories.policy(
        alone.entity, "P", [("Never", impossible, MANAGER), ("All", ALWAYS, MANAGER)]
    )
    assert found(policy) == [("error", "unreachable", 1)]
    assert "contradict" in words(policy, "unreachable")


def test_the_tier_is_never_below_the_amount(alone: Organisation) -> None:
    impossible = when(("amount", "gte", "10"), ("tier_amount", "lt", "10"))
    split = when(("amount", "lt", "10"), ("tier_amount", "gte", "10"))
    policy = factories.policy(
        alone.entity, "P",
        [("Never", impossible, MANAGER), ("Split", split, MANAGER), ("All", ALWAYS, MANAGER)],
    )  # fmt: skip
    assert found(policy) == [("error", "unreachable", 1)]


def test_lists_and_alternatives(alone: Organisation) -> None:
    either = {
        "any": [
            {"fact": "cost_centers", "operator": "contains", "value": "CC100"},
            {"fact": "cost_centers", "operator": "contains", "value": "CC200"},
        ]
    }
    both = when(("cost_centers", "contains", "CC100"), ("cost_centers", "contains", "CC200"))
    none = when(("cost_centers", "not_in", ["CC100", "CC200"]))
    good = [("Both", both, MANAGER), ("Either", either, MANAGER), ("None", none, MANAGER)]
    assert found(factories.policy(alone.entity, "Good", good)) == []
    ApprovalPolicy.objects.get(name="Good").rules.all().delete()
    bad = [good[1], good[0], good[2]]
    assert found(factories.policy(alone.entity, "Bad", bad)) == [("error", "unreachable", 2)]


def test_a_policy_tried_before_is_reported_and_so_is_what_it_takes_away(org: Organisation) -> None:
    all_of_it = [("Everything", ALWAYS, MANAGER)]
    late = factories.policy(org.entity, "Late", all_of_it, priority=200)
    assert found(late) == [("warning", "shadowed", 1)]
    assert "“Small” of Standard v1" in words(late, "shadowed")
    early = factories.policy(org.entity, "Early", all_of_it, priority=1)
    shadows = [row for row in analysis.examine(early, at=NOW) if row.code == "shadows"]
    assert {row.words for row in shadows} >= {
        "“Catalog” of Catalog self-service v1 would never decide any more.",
        "“Security review” of Cloud and SaaS v1 would never decide any more.",
        "“From 1 000” of Standard v1 would never decide any more.",
        "“Small” of Standard v1 would never decide any more.",
        "“Everything” of Late v1 would never decide any more.",
    }


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (step(("role", Role.LEGAL)), "nobody has the role Legal."),
        (step(("person", "who@demo.example")), "who@demo.example is nobody of Nordlicht"),
        (step(("person", "nils@demo.example")), "is nobody of Nordlicht"),
        (step(("person", "sven@demo.example")), "Sven Aydin cannot decide any more."),
        (step("on_call"), "nobody is on call."),
        (
            {**step(("role", Role.BUDGET_OWNER), mode="quorum"), "quorum": 4},
            "4 must agree, but only 1 can be asked.",
        ),
        (step(("role", Role.LEGAL), ("role", Role.SECURITY), mode="any"), "has the role"),
    ],
)
def test_a_step_that_finds_nobody(alone: Organisation, asked: Any, expected: str) -> None:
    alone.sven.is_active = False
    alone.sven.save()
    policy = factories.policy(alone.entity, "P", [("All", ALWAYS, [step("manager"), asked])])
    rows = [row for row in analysis.examine(policy, at=NOW) if row.code == "nobody"]
    assert {(row.level, row.rule_position) for row in rows} == {("error", 1)}
    assert rows[0].words.startswith("“All”, step 2: ") and expected in rows[0].words


def test_one_of_several_who_is_missing_is_a_warning(alone: Organisation) -> None:
    asked = step(("role", Role.LEGAL), ("role", Role.CONTROLLER), mode="any")
    policy = factories.policy(alone.entity, "P", [("All", ALWAYS, [asked])])
    assert found(policy) == [("warning", "nobody", 1)]


def test_amounts_that_no_limit_reaches(alone: Organisation) -> None:
    huge = when(("tier_amount", "gte", "1000000.01"))
    policy = factories.policy(
        alone.entity, "P",
        [("Huge", huge, [step("manager_chain")]), ("All", ALWAYS, [step("manager_chain")])],
    )  # fmt: skip
    assert found(policy) == [("error", "nobody", 1), ("note", "limit", 2)]
    assert "the highest is 1,000,000.00 EUR" in words(policy, "nobody")
    only = factories.policy(
        alone.entity, "Only", [("All", ALWAYS, [step("manager_chain")])], priority=1
    )
    assert ("note", "limit", 1) in found(only)


def test_what_cannot_be_read_or_says_nothing(alone: Organisation) -> None:
    broken = factories.policy(alone.entity, "P", [("x", when(("mood", "eq", "1")), MANAGER)])
    assert found(broken) == [("error", "unreadable", None)]
    broken.rules.all().delete()
    assert found(ApprovalPolicy.objects.get(pk=broken.pk)) == [("error", "empty", None)]


def test_fifty_rules_over_many_facts_are_examined_quickly_and_completely(
    alone: Organisation,
) -> None:
    rules = [
        (f"R{n}", when(("amount", "gte", str(n * 100)), ("amount", "lt", str(n * 100 + 100)),
                       ("service_type", "in", [f"s{n % 7}", f"s{n % 5}"]),
                       ("cost_centers", "contains", f"CC{n % 4}"),
                       ("personal_data", "eq", n % 2 == 0), ("currency", "ne", f"C{n % 3}")),
         MANAGER) for n in range(49)
    ]  # fmt: skip
    policy = factories.policy(alone.entity, "P", [*rules, ("Rest", ALWAYS, MANAGER)])
    assert found(policy) == []


def test_too_many_combinations_are_sampled_the_same_way_each_time(
    alone: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(combinations, "MOST_STATES", 50)
    rules = [
        (f"R{n}", when(("amount", "gte", str(n)), ("gl_accounts", "contains", f"G{n}"),
                       ("cost_centers", "contains", f"C{n}")), MANAGER) for n in range(6)
    ]  # fmt: skip
    policy = factories.policy(alone.entity, "P", rules)
    first, second = analysis.examine(policy, at=NOW), analysis.examine(policy, at=NOW)
    assert first == second
    assert "sampled" in {row.code for row in first}
    assert "error" not in {row.level for row in first}, "a part proves nothing unreachable"


def test_the_same_is_found_by_trying_every_combination(alone: Organisation) -> None:
    """The shortcut against the long way round, on rules that overlap in every manner."""
    said = [
        when(("amount", "gte", "10"), ("emergency", "is_true", True)),
        {"any": [{"fact": "service_type", "operator": "in", "value": ["a", "b"]},
                 {"fact": "amount", "operator": "gt", "value": "20"}]},
        when(("rolling_total", "gte", "20"), ("service_type", "ne", "a")),
        {"all": [{"fact": "amount", "operator": "lt", "value": "10"}],
         "any": [{"fact": "emergency", "operator": "eq", "value": False},
                 {"fact": "service_type", "operator": "eq", "value": "c"}]},
        when(("budget_state", "in", ["ok", "warn", "over"])),
    ]  # fmt: skip
    rules = [
        Rule.of(PolicyRule(position=n, name=str(n), conditions=each, steps=[]))
        for n, each in enumerate(said, 1)
    ]
    quick = combinations.situations(rules, step=Decimal("0.01"))
    points = [Decimal(p) for p in ("0", "9.99", "10", "10.01", "19.99", "20", "20.01")]
    slow = set()
    for amount in points:
        for total in points:
            for service in ("a", "b", "c", "other"):
                for emergency in (True, False):
                    facts = {
                        "amount": amount, "rolling_total": total, "service_type": service,
                        "emergency": emergency, "budget_state": "ok",
                    }  # fmt: skip
                    slow.add(
                        next((n for n, r in enumerate(rules) if r.conditions.hold(facts)), None)
                    )
    assert {each.first for each in quick.situations} == slow
    for each in quick.situations:
        held = [n for n, rule in enumerate(rules) if rule.conditions.hold(each.facts)]
        assert each.first == (held[0] if held else None)
