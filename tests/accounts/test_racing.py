"""Administrators who dismiss each other at the same moment: one of them remains."""

import pytest

from accounts import services
from accounts.models import Role, User
from tests import factories
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def org(transactional_db):
    return factories.organisation()


def who(org, verb, administrator):
    """Roles are taken by two: one administrator proposed it."""
    if verb == "deactivate":
        return {"actor": administrator}
    return {"actor": org.cora, "proposed_by": administrator}


@pytest.mark.parametrize("verb", ["deactivate", "set_roles"])
def test_two_administrators_never_dismiss_each_other(org, verb):
    more = {"at": factories.NOW}
    if verb == "set_roles":
        more["roles"] = [Role.REQUESTER]
    for number in range(15):
        mia = factories.person(f"mia{number}", entity=org.entity, roles=[Role.ADMINISTRATOR])
        pair = [(org.ada, mia), (mia, org.ada)]
        assert all(actor.roles for actor, _ in pair)
        results = race(
            [
                lambda a=a, p=p: getattr(services, verb)(person=p, **who(org, verb, a), **more)
                for a, p in pair
            ]
        )
        kinds = sorted(type(each).__name__ for each in results)
        assert kinds == ["LastAdministrator", "User"]
        for person in (org.ada, mia):
            services.set_roles(
                person=person, roles=[Role.ADMINISTRATOR], actor=None, at=factories.NOW
            )
        User.objects.filter(pk=org.ada.pk).update(is_active=True)
        User.objects.filter(pk=mia.pk).update(is_active=False)


def test_two_people_are_never_put_above_each_other(org):
    for number in range(10):
        one, two = (
            factories.person(f"{name}{number}", entity=org.entity, roles=[Role.APPROVER])
            for name in ("kai", "lea")
        )
        results = race(
            [
                lambda p=p, m=m: services.set_manager(
                    person=p, manager=m, actor=None, at=factories.NOW
                )
                for p, m in ((one, two), (two, one))
            ]
        )
        assert sorted(type(each).__name__ for each in results) == ["Invalid", "User"]
