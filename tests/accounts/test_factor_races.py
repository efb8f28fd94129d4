"""Codes tried at the same moment: each opens once, and no more wrong ones pass than are allowed."""

import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone

from accounts import second_factor
from core.models import TrailEvent
from tests import factories
from tests.accounts import factors
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
MANY = 12


@pytest.fixture
def axel(transactional_db):
    return factors.enrolled(factories.organisation().axel)


def tried(person, words):
    now = timezone.now()
    return race([lambda: second_factor.check(person=person, code=words, at=now)] * MANY)


def opened(results):
    return [each for each in results if isinstance(each, Authenticator)]


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_a_code_shown_many_times_at_once_opens_once(axel, kind):
    words = factors.code() if kind == "app" else factors.recovery_codes(axel)[0]
    assert len(opened(tried(axel, words))) == 1


def test_of_many_wrong_codes_at_once_five_are_looked_at(axel):
    results = tried(axel, factors.wrong())
    paused = [each for each in results if isinstance(each, second_factor.CodesPaused)]
    assert (results.count(None), len(paused)) == (second_factor.MOST_WRONG, MANY - 5)
    assert TrailEvent.objects.filter(type=second_factor.REFUSED).count() == 5


def test_of_two_who_set_up_at_once_one_does(transactional_db):
    person, now = factories.organisation().axel, timezone.now()
    said = {"person": person, "secret": factors.SECRET, "code": factors.code(), "at": now}
    results = race([lambda: second_factor.enrol(**said)] * 4)
    assert sorted(type(each).__name__ for each in results) == ["Conflict"] * 3 + ["NoneType"]
    assert Authenticator.objects.filter(user=person).count() == 2
