"""A round from its first stage to its last: together, one after the other, so many of so many."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

import requisitions.services
from accounts.models import Role
from approvals import services, subjects
from approvals.models import ApprovalRequest, ApprovalStep, Delegation
from approvals.services import rounds
from core.models import TrailEvent
from core.transitions import perform
from requisitions.models import Requisition
from tests import factories
from tests.approvals.conftest import input_of
from tests.factories import NOW, Organisation, step

Begin = Callable[..., ApprovalRequest]
PARTS = {
    "lines": "l1",
    "amount": "a1",
    "vendor": "v1",
    "risk": "r1",
    "terms": "t1",
    "coding:CC100": "c1",
}


@pytest.fixture
def document(org: Organisation) -> Requisition:
    return Requisition.objects.create(
        entity=org.entity,
        title="Rack",
        requester=org.rita,
        currency="EUR",
        status=Requisition.Status.SUBMITTED,
        submitted_at=NOW,
        created_at=NOW,
    )


@pytest.fixture
def begin(org: Organisation, document: Requisition) -> Begin:
    """`begin(*steps, amount=…, parts=…, at=…)`: a round of Rita's document under these steps."""

    def start(*steps: dict[str, Any], amount: str = "4000", at: Any = NOW, **more: Any) -> Any:
        if steps:
            factories.policy(org.entity, "Asked", [("Rule", {"all": []}, list(steps))], priority=1)
        return services.request(
            document=document,
            requester=org.rita,
            amount=Decimal(amount),
            facts={"cost_centers": ["CC100"], "budget_owners": [str(org.dora.pk)],
                   **more.pop("facts", {})},
            digest=subjects.of("requisition").present_digest(document.pk),
            title="Rack",
            actor=org.rita,
            at=at,
            **more,
        )  # fmt: skip

    return start


def state(round_: ApprovalRequest) -> dict[str, str]:
    """Status by first name."""
    found = ApprovalStep.objects.filter(request=round_).select_related("assignee")
    return {each.assignee.name.split()[0].lower(): each.status for each in found}


def step_of(round_: ApprovalRequest, person: Any) -> ApprovalStep:
    return ApprovalStep.objects.get(request=round_, assignee=person)


def decide(round_: ApprovalRequest, person: Any, decision: str = "approve", at: Any = NOW) -> None:
    services.decide(
        step=step_of(round_, person), decision=decision, actor=person, at=at, comment="So be it."
    )
    round_.refresh_from_db()


def resubmit(document: Requisition, actor: Any, at: Any) -> None:
    """As the requester would, without what a submission checks besides."""
    document.refresh_from_db()
    perform(document.submit, actor=actor, at=at)
    document.save()


def quorum(number: int, *people: Any, **more: Any) -> dict[str, Any]:
    named = [("person", person.email) for person in people]
    return {**step(*named, mode="quorum"), "quorum": number, **more}


def test_a_step_carries_all_that_the_rule_says(org: Organisation, begin: Begin) -> None:
    both = {**step("manager"), "sla_hours": "4"}
    beside = {**step("budget_owner"), "with_previous": True}
    round_ = begin(both, beside, quorum(2, org.sven, org.cora, org.ada))
    rows = ApprovalStep.objects.filter(request=round_).order_by("group", "pk")
    assert [(s.stage, s.group, s.mode, s.quorum) for s in rows] == [
        (1, 1, "all", 0), (1, 2, "all", 0),
        (2, 3, "quorum", 2), (2, 3, "quorum", 2), (2, 3, "quorum", 2),
    ]  # fmt: skip
    manager, owner = rows[0], rows[1]
    assert (manager.kind, manager.sla_hours, manager.scope) == ("manager", Decimal(4), [])
    assert (owner.kind, owner.scope) == ("budget_owner", ["coding:CC100", "amount", "vendor"])
    assert manager.due_at == NOW + timedelta(hours=4)


def test_steps_beside_each_other_are_open_together_and_both_must_agree(
    org: Organisation, begin: Begin
) -> None:
    round_ = begin(step("manager"), {**step(("person", org.sven.email)), "with_previous": True},
                   step(("person", org.cora.email)))  # fmt: skip
    assert state(round_) == {"axel": "active", "sven": "active", "cora": "waiting"}
    decide(round_, org.sven)
    assert state(round_) == {"axel": "active", "sven": "approved", "cora": "waiting"}
    decide(round_, org.axel)
    assert state(round_)["cora"] == "active"
    decide(round_, org.cora)
    assert round_.status == "approved"


def test_a_quorum_lets_the_rest_go(org: Organisation, begin: Begin) -> None:
    round_ = begin(quorum(2, org.axel, org.sven, org.dora), step(("person", org.cora.email)))
    decide(round_, org.dora)
    assert state(round_) == {
        "axel": "active", "sven": "active", "dora": "approved", "cora": "waiting"
    }  # fmt: skip
    decide(round_, org.axel)
    assert state(round_) == {
        "axel": "approved", "sven": "skipped", "dora": "approved", "cora": "active"
    }  # fmt: skip
    told = TrailEvent.objects.get(type="approval.skipped")
    assert "Dora Lindqvist" in told.reason and "Axel Brandt" in told.reason


def test_one_no_of_a_quorum_ends_the_round(org: Organisation, begin: Begin) -> None:
    round_ = begin(quorum(2, org.axel, org.sven, org.dora))
    decide(round_, org.sven, "reject")
    assert round_.status == "rejected"
    assert state(round_) == {"axel": "skipped", "sven": "rejected", "dora": "skipped"}


def test_a_group_is_done_by_its_mode_or_when_nobody_is_left_to_ask() -> None:
    def group(mode: str, *statuses: str, quorum: int = 0) -> list[ApprovalStep]:
        return [ApprovalStep(mode=mode, quorum=quorum, status=status) for status in statuses]

    assert not rounds.group_done(group("all", "approved", "active"))
    assert rounds.group_done(group("all", "approved", "approved", "escalated"))
    assert rounds.group_done(group("any", "approved", "active"))
    assert not rounds.group_done(group("any", "escalated", "active"))
    assert not rounds.group_done(group("quorum", "approved", "waiting", "active", quorum=2))
    assert rounds.group_done(group("quorum", "approved", "approved", "active", quorum=2))
    assert rounds.group_done(group("quorum", "approved", "skipped", quorum=2))


def test_a_delegate_of_the_requester_is_not_asked(org: Organisation, begin: Begin) -> None:
    Delegation.objects.create(
        entity=org.entity, from_user=org.rita, to_user=org.axel, valid_from=NOW, reason="Leave",
        valid_to=NOW + timedelta(days=5), created_by=org.rita, created_at=NOW,
    )  # fmt: skip
    assert set(state(begin(step("manager")))) == {"cora"}


@pytest.mark.parametrize("change", ["ended", "not begun", "revoked", "another type"])
def test_a_delegation_that_does_not_cover_this_excludes_nobody(
    org: Organisation, begin: Begin, change: str
) -> None:
    given: dict[str, Any] = {"valid_from": NOW, "valid_to": NOW + timedelta(days=5)}
    given |= {
        "ended": {"valid_from": NOW - timedelta(days=9), "valid_to": NOW},
        "not begun": {"valid_from": NOW + timedelta(hours=1)},
        "revoked": {"status": Delegation.Status.REVOKED},
        "another type": {"duties": ["change_order"]},
    }[change]
    Delegation.objects.create(
        entity=org.entity, from_user=org.rita, to_user=org.axel, reason="Leave",
        created_by=org.rita, created_at=NOW, **given,
    )  # fmt: skip
    assert set(state(begin(step("manager")))) == {"axel"}


def test_the_limit_of_now_counts_when_the_chain_is_built(org: Organisation, begin: Begin) -> None:
    org.axel.approval_limit = Decimal(3_999)
    org.axel.save()
    assert set(state(begin(step("manager_chain")))) == {"axel", "dora"}


def test_recent_requests_raise_the_tier(org: Organisation, begin: Begin) -> None:
    round_ = begin(step("manager_chain"), facts={"tier_amount": "9000", "rolling_total": "9000"})
    assert set(state(round_)) == {"axel", "dora"}
    assert step_of(round_, org.dora).required_limit == Decimal(9000)


def kept_story(
    org: Organisation,
    document: Requisition,
    begin: Begin,
    *,
    at: Any = NOW,
    before: Any = None,
    **second: Any,
) -> ApprovalRequest:
    """Axel, Dora (owner of CC100) and Sven (security) are asked; Sven returns it. Then again."""
    factories.person("sara", entity=org.entity, roles=[Role.SECURITY])
    first = begin(
        step("manager"), step("budget_owner"), step(("role", Role.SECURITY)),
        step(("person", org.sven.email)), parts=PARTS, facts=before or {},
    )  # fmt: skip
    sara = ApprovalStep.objects.get(request=first, kind="role:security").assignee
    for person in (org.axel, org.dora, sara):
        decide(first, person)
    decide(first, org.sven, "return")
    assert first.status == "returned"
    resubmit(document, org.rita, at)
    return begin(at=at, **second)


def test_an_untouched_version_asks_only_who_returned_it(
    org: Organisation, document: Requisition, begin: Begin
) -> None:
    again = kept_story(org, document, begin, parts=PARTS)
    assert state(again) == {
        "axel": "approved", "dora": "approved", "sara": "approved", "sven": "active"
    }  # fmt: skip
    kept = step_of(again, org.dora)
    assert (kept.decided_by, kept.decided_at, kept.channel) == (org.dora, NOW, "web")
    assert kept.kept_from.request_id != again.pk
    assert TrailEvent.objects.filter(type="approval.kept").count() == 3
    assert not kept.tokens.exists() and kept.activated_at is None
    decide(again, org.sven)
    assert again.status == "approved"


@pytest.mark.parametrize(
    ("parts", "amount", "asked"),
    [
        ({"coding:CC100": "other"}, "4000", {"axel", "dora", "sven"}),
        ({"coding:CC200": "new"}, "4000", {"axel", "sven"}),
        ({"risk": "other"}, "4000", {"axel", "sara", "sven"}),
        ({"terms": "other"}, "4000", {"axel", "sven"}),
        ({"amount": "less"}, "3000", {"sven"}),
        ({"amount": "more"}, "4000.01", {"axel", "dora", "sven"}),
        ({"vendor": "other"}, "4000", {"axel", "dora", "sara", "sven"}),
        ({"lines": "other"}, "4000", {"axel", "sara", "sven"}),
    ],
)
def test_a_change_asks_again_whom_it_touches(
    org: Organisation, document: Requisition, begin: Begin, parts: Any, amount: str, asked: Any
) -> None:
    again = kept_story(org, document, begin, parts={**PARTS, **parts}, amount=amount)
    assert {name for name, status in state(again).items() if status != "approved"} == asked


def test_more_asked_for_around_it_touches_the_amount(
    org: Organisation, document: Requisition, begin: Begin
) -> None:
    again = kept_story(org, document, begin, parts=PARTS, facts={"rolling_total": "4000.01"})
    asked = {name for name, status in state(again).items() if status != "approved"}
    assert asked == {"axel", "dora", "sven"}


@pytest.mark.parametrize("why", ["too old", "emergency", "was an emergency", "no parts"])
def test_an_approval_is_not_kept(
    org: Organisation, document: Requisition, begin: Begin, why: str
) -> None:
    at, more = NOW, {"parts": PARTS}
    if why == "too old":
        at = NOW + timedelta(days=31)
    elif why == "was an emergency":
        more["before"] = {"emergency": True}
    elif why == "emergency":
        more["facts"] = {"emergency": True}
    else:
        more["parts"] = {}
    again = kept_story(org, document, begin, at=at, **more)
    assert "approved" not in state(again).values()


def test_the_approval_of_somebody_who_left_is_not_kept(
    org: Organisation, document: Requisition, begin: Begin
) -> None:
    first = begin(step("manager"), step(("person", org.sven.email)), parts=PARTS)
    decide(first, org.axel)
    decide(first, org.sven, "return")
    org.axel.is_active = False
    org.axel.save()
    resubmit(document, org.rita, NOW)
    assert state(begin(parts=PARTS)) == {"cora": "active", "sven": "waiting"}


def test_the_approval_of_somebody_whose_limit_fell_is_not_kept(
    org: Organisation, document: Requisition, begin: Begin
) -> None:
    org.rita.manager = None
    org.rita.save()
    first = begin(step("manager_chain"), step(("person", org.sven.email)), parts=PARTS)
    decide(first, org.cora)
    decide(first, org.sven, "return")
    org.cora.approval_limit = Decimal("3999.99")
    org.cora.save()
    resubmit(document, org.rita, NOW)
    assert state(begin(parts=PARTS)) == {"cora": "active", "sven": "waiting"}


def test_a_requisition_that_comes_back_unchanged_asks_only_who_returned_it(
    org: Organisation, submitted: Callable[..., Requisition]
) -> None:
    requisition = submitted("20000")
    first = ApprovalRequest.objects.get(subject_id=requisition.pk)
    decide(first, org.axel)
    decide(first, org.dora, "return")
    requisitions.services.submit(requisition=requisition, actor=org.rita, at=NOW)
    again = ApprovalRequest.objects.get(subject_id=requisition.pk, status="pending")
    assert state(again) == {"axel": "approved", "dora": "active"}
    decide(again, org.dora, "return")
    requisitions.services.edit(
        requisition=requisition, data=input_of(org, "20001"), actor=org.rita, at=NOW
    )
    requisitions.services.submit(requisition=requisition, actor=org.rita, at=NOW)
    third = ApprovalRequest.objects.get(subject_id=requisition.pk, status="pending")
    assert state(third) == {"axel": "active", "dora": "waiting"}


def test_when_everybody_agreed_before_the_round_ends_at_once(
    org: Organisation, document: Requisition, begin: Begin
) -> None:
    first = begin(step("manager"), step(("person", org.sven.email)), parts=PARTS)
    decide(first, org.axel)
    decide(first, org.sven, "return")
    resubmit(document, org.rita, NOW)
    factories.policy(org.entity, "Less", [("Rule", {"all": []}, [step("manager")])], priority=0)
    again = begin(parts=PARTS)
    assert state(again) == {"axel": "approved"}
    document.refresh_from_db()
    assert (again.status, document.status) == ("approved", "approved")


def test_a_choice_settled_before_asks_nobody_again(
    org: Organisation, document: Requisition, begin: Begin
) -> None:
    choice = step(("person", org.axel.email), ("person", org.ada.email), mode="any")
    first = begin(choice, step(("person", org.sven.email)), parts=PARTS)
    decide(first, org.axel)
    decide(first, org.sven, "return")
    resubmit(document, org.rita, NOW)
    again = begin(parts=PARTS)
    assert state(again) == {"axel": "approved", "ada": "skipped", "sven": "active"}


def test_what_was_rejected_keeps_nothing(
    org: Organisation, document: Requisition, begin: Begin
) -> None:
    first = begin(step("manager"), step(("person", org.sven.email)), parts=PARTS)
    decide(first, org.axel)
    decide(first, org.sven, "reject")
    again = begin(parts=PARTS)
    assert state(again) == {"axel": "active", "sven": "waiting"}


def test_the_preview_says_who_in_which_stage_and_how_long_they_usually_take(
    org: Organisation, begin: Begin, document: Requisition
) -> None:
    round_ = begin(step("manager"), quorum(2, org.sven, org.cora, org.dora))
    decide(round_, org.axel, at=NOW + timedelta(hours=3))
    rows = services.preview(
        entity=org.entity, applies_to="requisition", requester=org.rita,
        facts={"amount": "4000"}, at=NOW + timedelta(days=1),
    )  # fmt: skip
    assert [(row.person, row.stage, row.group, row.mode, row.quorum) for row in rows] == [
        (org.axel, 1, 1, "all", 0),
        (org.sven, 2, 2, "quorum", 2),
        (org.cora, 2, 2, "quorum", 2),
        (org.dora, 2, 2, "quorum", 2),
    ]
    assert [row.usual_hours for row in rows] == [Decimal("3.0"), None, None, None]


def test_statements_do_not_grow_with_the_people(
    org: Organisation, django_assert_num_queries: Any
) -> None:
    factories.policy(
        org.entity, "Many", [("Rule", {"all": []}, [step("manager_chain"),
                             step(("role", Role.AUDITOR))])], priority=1,
    )  # fmt: skip

    def look() -> int:
        return len(
            services.preview(
                entity=org.entity, applies_to="requisition", requester=org.rita,
                facts={"amount": "40000"}, at=NOW,
            )
        )  # fmt: skip

    with django_assert_num_queries(5):
        few = look()
    for number in range(60):
        factories.person(f"p{number}", entity=org.entity, roles=[Role.AUDITOR])
    with django_assert_num_queries(5):
        assert look() == few + 60
