"""Whatever eight people delegate to each other: nobody decides who must not.

Graphs with cycles, chains, mutual and expired delegations, caps and lowered limits are written to
the database as rows, past what the service refuses. Whether an attempt may succeed is computed
here from the rules alone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import Role, User
from approvals import queries, services
from approvals.models import ApprovalRequest, ApprovalStep, Delegation
from core.errors import DomainError
from requisitions.models import Requisition
from tests.approvals.conftest import round_of
from tests.approvals.test_decide import Submit
from tests.factories import NOW, Organisation, person

PEOPLE = 8
REQUESTER = 0
AMOUNT = Decimal(900)
EXAMPLES = 120
HOURS = 4  # everything happens in them


@dataclass(frozen=True)
class Lent:
    """A delegation between two of the eight; moments in hours from now."""

    giver: int
    taker: int
    begins: int
    ends: int
    cap: int | None
    revoked: bool
    duties: tuple[str, ...]

    def stands(self, hour: int) -> bool:
        return not self.revoked and self.begins <= hour < self.ends

    @property
    def covers(self) -> bool:
        return not self.duties or "requisition" in self.duties


@dataclass(frozen=True)
class Case:
    lent: tuple[Lent, ...]
    limits: tuple[int | None, ...]
    seats: tuple[tuple[int, int | None], ...]  # who is asked, and the limit that needs
    gone: frozenset[int]  # whose account is closed
    attempts: tuple[tuple[int, int, int], ...]  # who, on which seat, at which hour


_someone = st.integers(0, PEOPLE - 1)
_amount = st.sampled_from([None, None, 900, 901, 5000, 899])
_lent = (
    st.builds(
        Lent,
        giver=_someone,
        taker=_someone,
        begins=st.integers(0, HOURS - 1),
        ends=st.integers(1, HOURS),
        cap=_amount,
        revoked=st.sampled_from([False, False, False, True]),
        duties=st.sampled_from([(), (), ("requisition",), ("order",), ("order", "requisition")]),
    )
    .filter(lambda each: each.giver != each.taker)
    .filter(lambda each: each.begins < each.ends)
)


@st.composite
def _cases(draw: Any) -> Case:
    """Mostly people who have delegated are asked, and mostly those try who seem to have a say."""
    lent = draw(st.lists(_lent, min_size=3, max_size=14))
    givers = [each.giver for each in lent if each.giver != REQUESTER]
    more = draw(st.lists(st.integers(1, PEOPLE - 1), min_size=2, max_size=2, unique=True))
    asked = list(dict.fromkeys([*givers[:2], *more]))
    hours = st.integers(0, HOURS)
    tries = [st.tuples(_someone, st.integers(0, len(asked) - 1), hours)]
    tries += [st.tuples(st.just(who), st.just(seat), hours) for seat, who in enumerate(asked)]
    tries += [
        st.tuples(st.just(each.taker), st.just(asked.index(each.giver)), st.just(each.begins))
        for each in lent
        if each.giver in asked
    ]
    return Case(
        lent=tuple(lent),
        limits=tuple(draw(st.lists(_amount, min_size=PEOPLE, max_size=PEOPLE))),
        seats=tuple((who, draw(st.sampled_from([None, None, 900]))) for who in asked),
        gone=frozenset(draw(st.lists(st.integers(1, PEOPLE - 1), max_size=1))),
        attempts=tuple(draw(st.lists(st.one_of(tries), min_size=4, max_size=10))),
    )


class Model:
    """Who has signed so far, and who may sign next: by the rules, not by the code under test."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.signed: dict[int, int] = {}  # seat -> who signed

    def may(self, who: int, seat: int, hour: int) -> bool:
        asked, needed = self.case.seats[seat]
        if self._barred(who, hour) or seat in self.signed or who in self.signed.values():
            return False
        if who in self.case.gone:
            return False
        if who == asked:
            return needed is None or (self.case.limits[who] or 0) >= needed
        seated = who in [each for each, _ in self.case.seats]
        return not seated and any(
            each.giver == asked and each.taker == who and self._suffices(each, needed, hour)
            for each in self.case.lent
        )

    def _barred(self, who: int, hour: int) -> bool:
        return who == REQUESTER or any(
            each.giver == REQUESTER and each.taker == who and each.covers and each.stands(hour)
            for each in self.case.lent
        )

    def _suffices(self, each: Lent, needed: int | None, hour: int) -> bool:
        if not (each.covers and each.stands(hour)) or each.giver in self.case.gone:
            return False
        limit = self.case.limits[each.giver]
        bounds = [bound for bound in (each.cap, limit) if bound is not None]
        within = all(bound >= AMOUNT for bound in bounds)
        return within and (needed is None or min([limit or 0, *bounds]) >= needed)


@dataclass
class Stage:
    """The eight, and one round that asks whom a case says."""

    people: list[User]
    round: ApprovalRequest

    def set(self, case: Case) -> tuple[list[ApprovalStep], list[User]]:
        for place, each in enumerate(self.people):
            limit = case.limits[place]
            User.objects.filter(pk=each.pk).update(
                approval_limit=None if limit is None else Decimal(limit),
                is_active=place not in case.gone,
            )
        people = [User.objects.get(pk=each.pk) for each in self.people]
        Delegation.objects.bulk_create(self._row(each, people) for each in case.lent)
        self.round.steps.all().delete()
        steps = [
            ApprovalStep(
                entity=self.round.entity,
                request=self.round,
                group=place + 1,
                status="active",
                assignee=people[who],
                why="Asked",
                required_limit=needed,
                activated_at=NOW,
                due_at=NOW + timedelta(days=1),
                created_at=NOW,
            )
            for place, (who, needed) in enumerate(case.seats)
        ]
        return ApprovalStep.objects.bulk_create(steps), people

    def _row(self, each: Lent, people: list[User]) -> Delegation:
        return Delegation(
            entity=self.round.entity,
            from_user=people[each.giver],
            to_user=people[each.taker],
            duties=list(each.duties),
            valid_from=_at(each.begins),
            valid_to=_at(each.ends),
            max_amount=None if each.cap is None else Decimal(each.cap),
            reason="Away",
            status="revoked" if each.revoked else "standing",
            created_by=people[each.giver],
            created_at=NOW,
        )


def _at(hour: int) -> datetime:
    return NOW + timedelta(hours=hour)


@pytest.fixture
def stage(org: Organisation, submitted: Submit) -> Stage:
    roles = [Role.REQUESTER, Role.APPROVER]
    people = [person(f"p{i}", entity=org.entity, roles=roles) for i in range(PEOPLE)]
    requisition = submitted(AMOUNT, requester=people[REQUESTER])
    return Stage(people, round_of(requisition))


class Undone(Exception):
    """Takes a case back."""


def test_nobody_decides_who_must_not(stage: Stage) -> None:
    seen = {"done": 0, "for another": 0, "refused": 0}

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=_cases())
    def hold(case: Case) -> None:
        try:
            with transaction.atomic():
                _play(stage, case, seen)
                raise Undone
        except Undone:
            pass

    hold()
    assert min(seen.values()) > EXAMPLES / 10, seen


def _play(stage: Stage, case: Case, seen: dict[str, int]) -> None:
    steps, people = stage.set(case)
    model = Model(case)
    for who, seat, hour in case.attempts:
        may, at = model.may(who, seat, hour), _at(hour)
        _lists_agree(model, steps, people, who, hour)
        try:
            with transaction.atomic():
                done = services.decide(
                    step=steps[seat], decision="approve", actor=people[who], at=at
                )
        except DomainError:
            assert not may, f"{who} may sign on seat {seat} at {hour}"
            seen["refused"] += 1
            continue
        assert may, f"{who} signed on seat {seat} at {hour}"
        model.signed[seat] = who
        seen["done"] += 1
        seen["for another"] += done.delegation_id is not None
    _invariants(stage, case)


def _lists_agree(
    model: Model, steps: list[ApprovalStep], people: list[User], who: int, hour: int
) -> None:
    """Others' steps are offered to exactly who may sign for them."""
    offered = {each.pk for each in queries.inbox(people[who], _at(hour))}
    for seat, step in enumerate(steps):
        if model.case.seats[seat][0] != who:
            assert (step.pk in offered) is model.may(who, seat, hour)


def _invariants(stage: Stage, case: Case) -> None:
    """What holds of every signature, read back from the database."""
    signed = list(
        ApprovalStep.objects.filter(request=stage.round, decided_by__isnull=False).select_related(
            "delegation__from_user"
        )
    )
    hands = [step.decided_by_id for step in signed]
    assert len(set(hands)) == len(hands)
    assert stage.round.requester_id not in hands
    for step in signed:
        assert step.decided_at is not None
        if step.delegation is None:
            assert step.decided_by_id == step.assignee_id
            continue
        under = step.delegation
        assert (under.from_user_id, under.to_user_id) == (step.assignee_id, step.decided_by_id)
        assert under.valid_from <= step.decided_at < under.valid_to
        assert under.max_amount is None or under.max_amount >= AMOUNT
        assert under.from_user.approval_limit is None or under.from_user.approval_limit >= AMOUNT
    state = Requisition.objects.get(pk=stage.round.subject_id).status
    assert (state == "approved") is (len(signed) == len(case.seats))
