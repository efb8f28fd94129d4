"""Two acts on one document at the same moment come out as one after the other, either way round."""

import os
from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any

import pytest

from core.errors import DomainError
from tests import factories
from tests.invariants.fixtures import assert_books_hold
from tests.journeys.pairs import MEETINGS, Case, Desk, outcome, work_it_off
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROUNDS = int(os.environ.get("RACE_ROUNDS") or 1)

Act = Callable[[Desk, Case], Any]


def name_of(found: Any) -> str:
    return found.__name__


def heard(answer: Any) -> str:
    """What somebody was told: nothing when it went well, else which rule forbade it."""
    assert isinstance(answer, DomainError) or not isinstance(answer, Exception), repr(answer)
    return type(answer).__name__ if isinstance(answer, DomainError) else ""


def one_by_one(desk: Desk, situation: Callable[[Desk], Case], acts: list[Act]) -> Any:
    """What each is told, and what becomes of the documents, when one waits for the other."""
    case, told = situation(desk), {}
    work_it_off()
    for place, act in acts:
        try:
            told[place] = heard(act(desk, case))
        except DomainError as refusal:
            told[place] = heard(refusal)
    work_it_off()
    return [told[place] for place in sorted(told)], outcome(case)


def at_once(desk: Desk, situation: Callable[[Desk], Case], acts: list[Act]) -> Any:
    case = situation(desk)
    work_it_off()
    told = [heard(answer) for answer in race([lambda act=act: act(desk, case) for act in acts])]
    work_it_off()
    return told, outcome(case)


@pytest.mark.parametrize("situation", MEETINGS, ids=name_of)
def test_two_at_once_come_out_as_one_after_the_other(situation, transactional_db):
    desk, astray = Desk(factories.organisation()), []
    for first, second in combinations_with_replacement(MEETINGS[situation], 2):
        pair = [(0, first), (1, second)]
        either = [one_by_one(desk, situation, order) for order in (pair, pair[::-1])]
        for _ in range(ROUNDS):
            found = at_once(desk, situation, [first, second])
            if found not in either:
                astray.append((first.__name__, second.__name__, found, either))
    assert not astray
    assert_books_hold()
