"""A draft against what was requested before."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from approvals import services, simulation
from approvals.inputs import RuleInput
from approvals.models import ApprovalPolicy, ApprovalRequest, ApprovalStep
from tests.factories import NOW, Organisation, step

SINCE, UNTIL = NOW - timedelta(days=30), NOW + timedelta(days=1)
ALWAYS: dict[str, Any] = {"all": []}


def when(fact: str, operator: str, value: Any) -> dict[str, Any]:
    return {"all": [{"fact": fact, "operator": operator, "value": value}]}


@pytest.fixture
def draft(org: Organisation) -> Any:
    """`draft(rules…)`: a new version of Standard."""

    def make(*rules: RuleInput) -> ApprovalPolicy:
        copy = services.new_version(policy=org.policies["standard"], actor=org.ada, at=NOW)
        return services.edit_policy(
            policy=copy, name="Standard", applies_to="requisition", description="", priority=100,
            rules=list(rules), requirements=[], actor=org.ada, at=NOW,
        )  # fmt: skip

    return make


def past(
    org: Organisation, amount: str, *people: Any, at: datetime = NOW, hours: int = 2, **facts: Any
) -> ApprovalRequest:
    """A round that these people approved one after the other, each in that many hours."""
    made = ApprovalRequest.objects.create(
        entity=org.entity, subject_type="requisition", subject_id=uuid4(),
        subject_title=f"Something for {amount}", requester=org.rita, digest="0" * 64,
        amount=Decimal(amount), status=ApprovalRequest.Status.APPROVED, created_at=at,
        facts={"amount": amount, "cost_centers": ["CC100"], "budget_owners": [str(org.dora.pk)],
               **facts},
    )  # fmt: skip
    for number, person in enumerate(people, 1):
        ApprovalStep.objects.create(
            entity=org.entity, request=made, stage=number, group=number, assignee=person,
            why="asked", status=ApprovalStep.Status.APPROVED, decided_by=person, created_at=at,
            activated_at=at, decided_at=at + timedelta(hours=hours),
        )  # fmt: skip
    return made


def run(draft: ApprovalPolicy) -> simulation.Simulation:
    return simulation.simulate(draft=draft, since=SINCE, until=UNTIL, at=NOW + timedelta(days=2))


def test_the_same_rules_change_nothing(org: Organisation) -> None:
    """Nor does who was added by an approver, or stepped in for one: no rule asked for them."""
    small = past(org, "500", org.axel)
    past(org, "4000", org.axel, org.dora)
    asked = small.steps.get()
    for person, more in ((org.sven, {"kind": "added"}), (org.cora, {"replaces": asked})):
        ApprovalStep.objects.create(
            entity=org.entity, request=small, group=2, assignee=person, why="later",
            created_at=NOW, **more,
        )  # fmt: skip
    copy = services.new_version(policy=org.policies["standard"], actor=org.ada, at=NOW)
    seen = run(copy)
    assert (len(seen.rows), seen.changed, seen.refused) == (2, [], [])
    assert seen.hours_added == seen.hours_saved == 0
    assert [row.words for row in seen.rows] == ["", ""]


def test_the_same_amount_in_a_higher_tier_is_another_chain(org: Organisation, draft: Any) -> None:
    past(org, "4000", org.axel)
    past(org, "4000", org.axel, org.dora, tier_amount="9000", rolling_total="9000")
    seen = run(draft(RuleInput("All", ALWAYS, [step("manager_chain")])))
    assert (len(seen.rows), seen.changed) == (2, [])


def test_a_stricter_draft_adds_people_and_their_usual_time(org: Organisation, draft: Any) -> None:
    past(org, "90", org.axel, org.sven, hours=1)
    past(org, "500", org.axel)
    seen = run(draft(RuleInput("All", ALWAYS, [step("manager"), step(("person", org.sven.email))])))
    (row,) = seen.changed
    assert (row.title, row.words) == ("Something for 500", "Also asks Sven Aydin")
    assert (row.before_people, row.after_people) == (
        ("Axel Brandt",), ("Axel Brandt", "Sven Aydin"),
    )  # fmt: skip
    assert row.hours == Decimal("1.0") == seen.hours_added
    assert seen.hours_saved == 0 and seen.alone == []


def test_a_laxer_draft_shows_what_would_pass_without_a_second_pair_of_eyes(
    org: Organisation, draft: Any
) -> None:
    past(org, "4000", org.axel, org.dora)
    past(org, "500", org.axel)
    seen = run(draft(RuleInput("Free", when("amount", "gte", "1000"), []),
                     RuleInput("Rest", ALWAYS, [step("manager")])))  # fmt: skip
    (row,) = seen.changed
    assert (row.rule, row.after, row.words) == (
        "Free", (), "Approved at once",
    )  # fmt: skip
    assert (len(seen.alone), seen.alone_amount) == (2, Decimal("4500"))
    assert (seen.newly_alone, seen.newly_alone_amount) == ([row], Decimal("4000"))
    assert seen.hours_saved == Decimal("4.0") and seen.hours_added == 0


def test_groups_at_once_cost_the_slowest_and_a_choice_the_fastest(
    org: Organisation, draft: Any
) -> None:
    past(org, "90", org.axel, hours=1)
    past(org, "91", org.sven, hours=5)
    past(org, "92", org.dora, hours=3)
    both = [step("manager"), {**step(("person", org.sven.email)), "with_previous": True}]
    beside = run(draft(RuleInput("All", ALWAYS, both)))
    assert {row.title: row.hours for row in beside.changed}["Something for 90"] == Decimal("4.0")
    copy = beside.draft
    choice = step(("person", org.sven.email), ("person", org.dora.email), mode="any")
    services.edit_policy(
        policy=copy, name="Standard", applies_to="requisition", description="", priority=100,
        rules=[RuleInput("All", ALWAYS, [choice])], requirements=[], actor=org.ada, at=NOW,
    )  # fmt: skip
    copy = ApprovalPolicy.objects.get(pk=copy.pk)
    row = next(each for each in run(copy).changed if each.title == "Something for 90")
    assert (row.hours, row.after_people) == (Decimal("2.0"), ("1 of Dora Lindqvist, Sven Aydin",))
    assert row.words == "Also asks Dora Lindqvist, Sven Aydin; no longer asks Axel Brandt"


def test_other_policies_still_come_first(org: Organisation, draft: Any) -> None:
    past(org, "4000", org.axel, org.sven, service_type="saas")
    seen = run(draft(RuleInput("Free", ALWAYS, [])))
    assert seen.changed == [] and seen.rows[0].rule == "Security review"


def test_a_request_that_the_draft_refuses_is_said_so(org: Organisation, draft: Any) -> None:
    past(org, "500", org.axel)
    made = draft(RuleInput("All", ALWAYS, [{"mode": "quorum", "quorum": 9, "approvers": [
        {"kind": "role", "value": "controller"}]}]))  # fmt: skip
    (row,) = run(made).refused
    assert row.after is None and row.words.startswith("It would be refused: 9 people must agree")


def test_rounds_of_others_and_of_other_days_are_left_out(org: Organisation) -> None:
    past(org, "500", org.axel, at=SINCE - timedelta(seconds=1))
    past(org, "500", org.axel, at=UNTIL)
    other = past(org, "500", org.axel)
    ApprovalRequest.objects.filter(pk=other.pk).update(subject_type="change_order")
    copy = services.new_version(policy=org.policies["standard"], actor=org.ada, at=NOW)
    assert run(copy).rows == []


def test_statements_do_not_grow_with_the_rounds(
    org: Organisation, django_assert_num_queries: Any
) -> None:
    copy = services.new_version(policy=org.policies["standard"], actor=org.ada, at=NOW)
    for number in range(3):
        past(org, str(1000 + number), org.axel, org.dora)
    for _ in range(2):
        with django_assert_num_queries(11):
            assert run(ApprovalPolicy.objects.select_related("entity").get(pk=copy.pk)).rows
        for number in range(30):
            past(org, str(2000 + number), org.axel, org.dora)
