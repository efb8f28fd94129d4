"""Everybody of a stage decides at the same instant: quorums are counted once, stages open once."""

from collections import Counter
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from approvals import services, subjects
from approvals.models import ApprovalRequest, ApprovalStep
from core.errors import IllegalTransition
from core.models import TrailEvent
from requisitions.models import Requisition
from tests import factories
from tests.factories import NOW, Organisation, step
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROUNDS = 200


@pytest.fixture
def org(transactional_db: Any) -> Organisation:
    made = factories.organisation()
    people = made.people.values()
    assert all(person.roles for person in people)  # read before the threads do
    board = [("person", made.people[name].email) for name in ("axel", "sven", "dora")]
    either = step(("person", made.cora.email), ("person", made.ada.email), mode="any")
    rules = [
        {**step(*board, mode="quorum"), "quorum": 2},
        {**either, "with_previous": True},
        step(("person", made.fay.email)),
    ]
    factories.policy(made.entity, "Board", [("All", {}, rules)], priority=1)
    return made


def begun(org: Organisation) -> ApprovalRequest:
    document = Requisition.objects.create(
        entity=org.entity, title="Rack", requester=org.rita, currency="EUR", created_at=NOW,
        status=Requisition.Status.SUBMITTED, submitted_at=NOW,
    )  # fmt: skip
    return services.request(
        document=document, requester=org.rita, amount=Decimal(900), facts={}, title="Rack",
        digest=subjects.of("requisition").present_digest(document.pk), actor=org.rita, at=NOW,
    )  # fmt: skip


def decided_at_once(round_: ApprovalRequest, no: str | None, dice: Random) -> dict[str, Any]:
    """What each of the open stage was answered; `no` is who rejects."""
    steps = ApprovalStep.objects.filter(request=round_, status="active")
    by_name = {each.assignee.email.split("@")[0]: each for each in steps.select_related("assignee")}
    names = sorted(by_name)
    dice.shuffle(names)

    def say(name: str) -> str:
        decision = "reject" if name == no else "approve"
        mine = by_name[name]
        services.decide(step=mine, decision=decision, actor=mine.assignee, at=NOW, comment="Now")
        return decision

    answers = race([lambda name=name: say(name) for name in names])
    return dict(zip(names, answers, strict=True))


def test_two_hundred_stages_decided_at_once(org: Organisation) -> None:
    dice = Random(20260302)
    ends: Counter[str] = Counter()
    for number in range(ROUNDS):
        round_ = begun(org)
        no = dice.choice(["axel", "cora", "dora"]) if number % 3 == 0 else None
        answers = decided_at_once(round_, no, dice)
        refused = [each for each in answers.values() if not isinstance(each, str)]
        assert {type(each) for each in refused} <= {IllegalTransition}, refused
        round_.refresh_from_db()
        ends[round_.status] += 1
        board, either, last = groups_of(round_)
        if answers.get(no or "") == "reject":
            assert round_.status == "rejected"
            assert not {"active", "waiting"} & {*board, *either, *last}
            assert [*board, *either].count("rejected") == 1
        else:
            assert sorted(board) == ["approved", "approved", "skipped"]
            assert sorted(either) == ["approved", "skipped"]
            assert (last, round_.status) == (["active"], "pending")
        said = [each for each in answers.values() if isinstance(each, str)]
        told = TrailEvent.objects.filter(data__subject_id=str(round_.subject_id))
        counted = Counter(told.values_list("type", flat=True))
        assert counted["approval.approved"] + counted["approval.rejected"] == len(said)
        assert counted["approval.requested"] == 5 + (round_.status == "pending")
        assert counted["approval_request.rejected"] == (round_.status == "rejected")
    assert ends["pending"] >= ROUNDS * 2 // 3 and ends["rejected"] > 5


def groups_of(round_: ApprovalRequest) -> list[list[str]]:
    steps = ApprovalStep.objects.filter(request=round_).order_by("group", "pk")
    groups: dict[int, list[str]] = {}
    for each in steps:
        groups.setdefault(each.group, []).append(each.status)
    return list(groups.values())
