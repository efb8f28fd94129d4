"""Whatever the rules and whoever the people: nobody twice, never the requester, nothing lost."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import combinations
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Entity, Role, User
from approvals import chain, seating, steps
from approvals.chain import NoApprover
from approvals.conditions import Conditions
from approvals.directory import FIELDS, Directory, Standing
from approvals.models import ApprovalStep
from approvals.policy import Rule
from approvals.seating import Group, Seat
from approvals.services import rounds

MOMENT = datetime(2026, 3, 2, tzinfo=UTC)
PROVE = settings(max_examples=400, deadline=None, derandomize=True)
PEOPLE = [User(pk=UUID(int=number + 1), name=f"P{number}") for number in range(7)]


def groups_of_people() -> st.SearchStrategy[Group]:
    """All, any or so many of some people, some of them named twice."""

    @st.composite
    def make(draw: Any) -> Group:
        chosen = draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=5))
        mode = draw(st.sampled_from(steps.MODES))
        count = len({person.pk for person in chosen})
        quorum = draw(st.integers(1, count)) if mode == steps.QUORUM else 0
        seats = tuple(
            Seat(
                person,
                "because",
                draw(st.sampled_from([None, Decimal(5), Decimal(9)])),
                scope=draw(st.sampled_from([(), ("lines",), ("risk", "vendor")])),
            )
            for person in chosen
        )
        return Group(mode, seats, draw(st.integers(1, 3)), quorum)

    return make()


def met(group: Group, agreed: frozenset[UUID]) -> bool:
    distinct = group.people
    needs = len(distinct) if group.mode == steps.ALL else group.needs
    return len(distinct & agreed) >= needs


@PROVE
@given(st.lists(groups_of_people(), min_size=1, max_size=5))
def test_who_agrees_to_what_comes_out_has_agreed_to_what_went_in(given_groups: list[Group]) -> None:
    given_groups.sort(key=lambda each: each.stage)
    made = seating.once_each(given_groups)
    people = [seat.person.pk for group in made for seat in group.seats]
    assert made and len(people) == len(set(people)), "one person once"
    assert all(1 <= group.needs <= len(group.seats) for group in made), "can be met, is never empty"
    assert [group.stage for group in made] == sorted(group.stage for group in made)
    for group in given_groups:
        if group.mode == steps.ALL:
            assert group.people <= set(people), "who must sign is asked"
    for choice in choices(made):
        for group in given_groups:
            assert met(group, choice)
    for group in made:
        for seat in group.seats:
            same = [s for g in given_groups for s in g.seats if s.person.pk == seat.person.pk]
            limits = [each.required_limit for each in same if each.required_limit is not None]
            assert seat.required_limit == max(limits, default=None), "the strictest limit"
            assert (seat.scope == ()) == any(each.scope == () for each in same), "the widest scope"


def choices(groups: list[Group]) -> list[frozenset[UUID]]:
    """The smallest sets of people who may settle all groups; some of them where they are many."""
    found: list[frozenset[UUID]] = [frozenset()]
    for group in groups:
        options = [frozenset(each) for each in combinations(sorted(group.people), group.needs)]
        found = [before | option for before in found for option in options][:300]
    return found


ROLES = [Role.SECURITY, Role.LEGAL, Role.CONTROLLER]


def row(person: dict[str, Any], number: int, entity: Entity) -> tuple[Any, ...]:
    said = {
        "id": UUID(int=number + 1), "name": f"P{number}", "email": f"p{number}@demo.example",
        "entity_id": entity.pk if person["here"] else UUID(int=999), "is_active": person["active"],
        "manager_id": None if person["manager"] is None else UUID(int=person["manager"] + 1),
        "approval_limit": person["limit"],
    }  # fmt: skip
    return tuple(said.get(field) for field in FIELDS)


@st.composite
def worlds(draw: Any) -> tuple[Directory, User, str]:
    """Eight people with managers (circles too), roles, limits, delegations; some gone."""
    entity = Entity(pk=UUID(int=500), code="E", name="E", currency="EUR")
    number = st.integers(0, 7)
    people = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "manager": st.none() | number,
                    "limit": st.sampled_from([None, Decimal(100), Decimal(10_000)]),
                    "active": st.sampled_from([True, True, True, False]),
                    "here": st.sampled_from([True, True, True, False]),
                }
            ),
            min_size=8,
            max_size=8,
        )
    )
    people[0] |= {"here": True}
    if draw(st.booleans()):
        entity.fallback_approver_id = UUID(int=draw(number) + 1)
    if draw(st.booleans()):
        entity.on_call_approver_id = UUID(int=draw(number) + 1)
    roles = draw(st.lists(st.tuples(number, st.sampled_from(ROLES)), max_size=10, unique=True))
    given_away = draw(st.lists(st.tuples(number, number), max_size=4))
    duties = draw(st.sampled_from([(), ("requisition",), ("change_order",)]))
    directory = Directory(
        entity,
        [row(person, place, entity) for place, person in enumerate(people)],
        [(UUID(int=person + 1), role) for person, role in roles],
        [
            Standing(UUID(int=giver + 1), UUID(int=taker + 1), duties)
            for giver, taker in given_away
            if giver != taker
        ],
    )
    requester = directory.person(UUID(int=1))
    assert requester is not None
    return directory, requester, draw(st.sampled_from(["50", "5000", "50000"]))


@st.composite
def rules(draw: Any) -> tuple[steps.Step, ...]:
    """Up to four steps of every kind."""
    approver = st.one_of(
        st.builds(steps.Approver, st.just(steps.ROLE), st.sampled_from(ROLES)),
        st.builds(
            steps.Approver,
            st.just(steps.PERSON),
            st.integers(0, 7).map(lambda n: f"p{n}@demo.example"),
        ),
        st.sampled_from([steps.Approver(kind) for kind in steps.KINDS if kind not in (
            steps.ROLE, steps.PERSON)]),
    )  # fmt: skip
    made = []
    for _ in range(draw(st.integers(1, 4))):
        mode = draw(st.sampled_from(steps.MODES))
        asked = tuple(draw(st.lists(approver, min_size=1, max_size=3)))
        quorum = draw(st.integers(1, 3)) if mode == steps.QUORUM else 0
        made.append(steps.Step(mode, asked, quorum, draw(st.booleans())))
    return tuple(made)


@PROVE
@given(worlds(), rules(), st.lists(st.integers(0, 8), max_size=2))
def test_a_chain_is_complete_and_asks_nobody_who_may_not(
    world: tuple[Directory, User, str], asked: tuple[steps.Step, ...], owners: list[int]
) -> None:
    directory, requester, amount = world
    facts = {"amount": amount, "budget_owners": [str(UUID(int=each + 1)) for each in owners]}
    try:
        groups = chain.build(
            rule=Rule("r", 1, Conditions(), asked), requester=requester, facts=facts,
            directory=directory, applies_to="requisition",
        )  # fmt: skip
    except NoApprover:
        return  # refused with the whole request: nothing passed
    people = [seat.person for group in groups for seat in group.seats]
    ids = [person.pk for person in people]
    assert groups and len(ids) == len(set(ids))
    assert all(1 <= group.needs <= len(group.seats) for group in groups)
    assert requester.pk not in ids
    assert not directory.delegates_of(requester.pk, "requisition") & set(ids)
    assert all(directory.is_active(each) for each in ids)
    excluded = {requester.pk, *directory.delegates_of(requester.pk, "requisition")}
    for step in asked:
        if step.mode == steps.ALL:
            for approver in step.approvers:
                for person in named(directory, approver):
                    if directory.is_active(person.pk) and person.pk not in excluded:
                        assert person.pk in ids, "who must sign is asked"
    limited = [seat for group in groups for seat in group.seats if seat.required_limit is not None]
    if any(each.kind == steps.MANAGER_CHAIN for step in asked if step.mode == steps.ALL
           for each in step.approvers):  # fmt: skip
        assert [seat.required_limit for seat in limited] == [Decimal(amount)]


def named(directory: Directory, approver: steps.Approver) -> list[User]:
    if approver.kind == steps.ROLE:
        return directory.of_role(approver.value)
    if approver.kind == steps.PERSON:
        person = directory.addressed(approver.value)
        return [person] if person else []
    return []


@PROVE
@given(st.lists(groups_of_people(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_a_group_of_steps_is_done_exactly_when_enough_agreed(
    given_groups: list[Group], dice: Any
) -> None:
    for group in seating.once_each(given_groups):
        members = [
            ApprovalStep(mode=group.mode, quorum=group.quorum, status="active") for _ in group.seats
        ]
        for agreed, member in enumerate(dice.sample(members, len(members)), 1):
            assert not rounds.group_done(members)
            member.__dict__["status"] = "approved"
            if agreed == group.needs:
                break
        assert rounds.group_done(members)
