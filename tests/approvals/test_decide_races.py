"""Everybody decides at the same moment: each group takes as many as it needs, a round ends once."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Role, User
from approvals import services
from approvals.models import ApprovalStep
from approvals.services import OnePersonOnce
from core.errors import IllegalTransition
from core.models import TrailEvent
from requisitions.models import Requisition
from tests import factories
from tests.approvals.conftest import round_of
from tests.approvals.test_decide import Submit
from tests.approvals.test_matrix import lend
from tests.factories import NOW, Organisation, person, step
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROUNDS = 20  # of each shape
LATE = {IllegalTransition, OnePersonOnce}
DECIDED = ("approved", "rejected", "returned")


@dataclass(frozen=True)
class Shape:
    """A chain of four, how many of them sign, and how the round ends."""

    name: str
    stages: tuple[tuple[str, int, str], ...]  # mode, quorum, who of the four
    signatures: tuple[int, ...]
    rejects: str = ""


SHAPES = (
    Shape("all at once", (("all", 0, "abcd"),), (4,)),
    Shape("any of four", (("any", 0, "abcd"),), (1,)),
    Shape("two of four", (("quorum", 2, "abcd"),), (2,)),
    Shape("two, then two", (("all", 0, "ab"), ("all", 0, "cd")), (2, 3, 4)),
    Shape("all, and one says no", (("all", 0, "abcd"),), (1, 2, 3, 4), rejects="d"),
)


@pytest.fixture
def four(org: Organisation) -> dict[str, User]:
    return {name: person(name, entity=org.entity, roles=[Role.APPROVER]) for name in "abcdx"}


def _policies(org: Organisation, four: dict[str, User]) -> None:
    """Each shape has its price."""
    for place, shape in enumerate(SHAPES):
        steps = [
            {**step(*(("person", four[name].email) for name in names), mode=mode), "quorum": quorum}
            for mode, quorum, names in shape.stages
        ]
        price = {"all": [{"fact": "amount", "operator": "eq", "value": str(_price(place))}]}
        factories.policy(org.entity, shape.name, [(shape.name, price, steps)], priority=1)


def _price(place: int) -> Decimal:
    return Decimal(90 + place)


def _decisions(
    requisition: Requisition, four: dict[str, User], shape: Shape
) -> list[Callable[[], str]]:
    """One for each of the four, and a second hand for the first of them."""
    steps = {
        each.assignee.email[0]: each
        for each in ApprovalStep.objects.filter(request=round_of(requisition)).select_related(
            "assignee"
        )
    }

    def job(name: str, actor: User) -> Callable[[], str]:
        verb = "reject" if name == shape.rejects else "approve"

        def decide() -> str:
            done = services.decide(
                step=steps[name], decision=verb, actor=actor, at=NOW, comment="Now"
            )
            return str(done.status)

        return decide

    return [*(job(name, four[name]) for name in steps), job("a", four["x"])]


def test_groups_take_what_they_need_and_a_round_ends_once(
    org: Organisation, submitted: Submit, four: dict[str, User]
) -> None:
    """100 rounds; the delegate of the first of the four races with their delegator as well."""
    _policies(org, four)
    lend(four["a"], four["x"])
    ends: Counter[str] = Counter()
    for place, shape in enumerate(SHAPES):
        for _ in range(ROUNDS):
            requisition = submitted(_price(place))
            results = race(_decisions(requisition, four, shape))
            _hold(requisition, shape, results)
            ends[_finish(requisition, four, shape)] += 1
    assert ends == {"approved": 4 * ROUNDS, "rejected": ROUNDS}


def _hold(requisition: Requisition, shape: Shape, results: list[Any]) -> None:
    """Whoever was told that it is done has signed, and everybody else was late."""
    done = [each for each in results if isinstance(each, str)]
    late = {type(each) for each in results if not isinstance(each, str)}
    signed = list(
        ApprovalStep.objects.filter(request=round_of(requisition), status__in=DECIDED).values_list(
            "status", "decided_by"
        )
    )
    assert late <= LATE, (shape.name, results)
    assert sorted(status for status, _ in signed) == sorted(done)
    assert len({hand for _, hand in signed}) == len(signed)
    assert len(done) in shape.signatures, (shape.name, results)


def _finish(requisition: Requisition, four: dict[str, User], shape: Shape) -> str:
    """Those whose turn came too late for the race sign now; how the round ended, once."""
    round_ = round_of(requisition)
    open_steps = ApprovalStep.objects.filter(request=round_).select_related("assignee")
    while mine := open_steps.filter(status="active").order_by("group").first():
        services.decide(step=mine, decision="approve", actor=mine.assignee, at=NOW)
    ended = TrailEvent.objects.filter(
        document_id=round_.pk, type__in=["approval_request.approved", "approval_request.rejected"]
    )
    assert ended.count() == 1
    moved = TrailEvent.objects.filter(
        document_id=requisition.pk, type__in=["requisition.approved", "requisition.rejected"]
    )
    assert moved.count() == 1
    assert not open_steps.filter(status__in=["waiting", "active"]).exists()
    round_.refresh_from_db()
    requisition.refresh_from_db()
    assert requisition.status == round_.status
    if not shape.rejects:
        needed = sum(
            quorum or (len(who) if mode == "all" else 1) for mode, quorum, who in shape.stages
        )
        assert open_steps.filter(status="approved").count() == needed
    return str(round_.status)


def test_a_revocation_and_a_decision_at_once_are_one_after_the_other(
    org: Organisation, submitted: Submit, four: dict[str, User]
) -> None:
    """A signature under a delegation is never younger than its end."""
    _policies(org, four)
    won: Counter[str] = Counter()
    for _ in range(20):
        given = lend(four["a"], four["x"])
        requisition = submitted(_price(0))
        mine = ApprovalStep.objects.get(request=round_of(requisition), assignee=four["a"])

        def sign(mine: ApprovalStep = mine) -> str:
            services.decide(step=mine, decision="approve", actor=four["x"], at=NOW)
            return "signed"

        def revoke(given: Any = given) -> str:
            services.revoke_delegation(delegation=given, actor=four["a"], at=NOW)
            return "revoked"

        results = race([sign, revoke])
        assert results[1] == "revoked"
        mine.refresh_from_db()
        assert (mine.delegation_id == given.pk) is (results[0] == "signed")
        won[str(results[0])[:6]] += 1
    assert sum(won.values()) == 20


def test_a_leaver_and_their_decision_at_once_leave_one_say(
    org: Organisation, submitted: Submit
) -> None:
    for _ in range(20):
        requisition = submitted("90", requester=org.bea)
        mine = ApprovalStep.objects.get(request=round_of(requisition), assignee=org.dora)
        User.objects.filter(pk=org.dora.pk).update(is_active=False)

        def decide(mine: ApprovalStep = mine) -> str:
            services.decide(step=mine, decision="approve", actor=org.dora, at=NOW)
            return "signed"

        def leave() -> str:
            services.reroute_leaver(person=org.dora, at=NOW)
            return "left"

        results = race([decide, leave, leave])
        assert results[1:] == ["left", "left"]
        steps = ApprovalStep.objects.filter(request=round_of(requisition))
        if results[0] == "signed":  # by a request that had begun before the account was closed
            assert [each.status for each in steps] == ["approved"]
        else:
            assert isinstance(results[0], IllegalTransition)
            assert sorted(each.status for each in steps) == ["active", "skipped"]
        User.objects.filter(pk=org.dora.pk).update(is_active=True)
