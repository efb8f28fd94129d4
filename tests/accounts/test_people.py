"""People and their roles: given by administrators, never by oneself, kept in history."""

from decimal import Decimal

import pytest

from accounts import services
from accounts.models import ApiToken, Role, RoleAssignment, User
from core.errors import Invalid, NotAllowed
from tests.factories import NOW

FORBIDDEN = ["rita", "axel", "dora", "bea", "cora", "vera", "olga", "nils"]


def add(org, actor, **fields):
    given = {
        "entity": org.entity,
        "email": "Mia@demo.example",
        "name": "Mia Kern",
        "roles": [Role.REQUESTER],
        "manager": org.axel,
        **fields,
    }
    return services.add_person(actor=actor, at=NOW, **given)


def test_a_new_person_has_roles_a_manager_no_limits_and_no_password(org, ada):
    mia = add(org, ada)
    assert (mia.email, mia.entity, mia.manager) == ("mia@demo.example", org.entity, org.axel)
    assert mia.has_role(Role.REQUESTER)
    assert (mia.approval_limit, mia.delegated_order_limit) == (None, 0)
    assert not mia.has_usable_password()
    assert mia.history.get().history_user == ada


@pytest.mark.parametrize("persona", FORBIDDEN)
def test_only_administrators_of_the_entity_manage_people(org, persona):
    actor = org.people[persona]
    people, roles = User.objects.count(), RoleAssignment.objects.count()
    for attempt in (
        lambda: add(org, actor),
        lambda: services.set_roles(person=org.rob, roles=[Role.BUYER], actor=actor),
        lambda: services.set_limits(
            person=org.rob, limits={"approval_limit": Decimal(1)}, actor=actor
        ),
        lambda: services.set_manager(person=org.rob, manager=org.dora, actor=actor),
        lambda: services.deactivate(person=org.rob, actor=actor),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert (User.objects.count(), RoleAssignment.objects.count()) == (people, roles)
    assert User.objects.get(pk=org.rob.pk).is_active


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"email": "nobody"}, "/email"),
        ({"email": "RITA@demo.example"}, "/email"),
        ({"name": " "}, "/name"),
        ({"name": "Mia\u202eKern"}, "/name"),
        ({"roles": ["emperor"]}, "/roles"),
    ],
)
def test_refused_persons(org, ada, fields, pointer):
    people = User.objects.count()
    with pytest.raises(Invalid) as caught:
        add(org, ada, **fields)
    assert caught.value.errors[0].pointer == pointer
    assert User.objects.count() == people


def test_refused_manager_of_another_entity_or_in_a_circle(org, ada):
    for person, manager in ((org.rita, org.nils), (org.dora, org.rita), (org.axel, org.axel)):
        with pytest.raises(Invalid):
            services.set_manager(person=person, manager=manager, actor=ada)


def test_roles_are_exactly_what_was_given_and_history_keeps_the_rest(org, ada):
    rob = services.set_roles(person=org.rob, roles=[Role.REQUESTER, Role.AUDITOR], actor=ada)
    assert rob.roles == {Role.REQUESTER, Role.AUDITOR}
    gone = RoleAssignment.history.filter(history_type="-").get()
    assert (gone.role, gone.history_user) == (Role.RECEIVER, ada)


def test_nobody_changes_what_they_themselves_may_do(org, ada):
    for attempt in (
        lambda: services.set_roles(person=ada, roles=list(Role), actor=ada),
        lambda: services.set_limits(person=ada, limits={"approval_limit": None}, actor=ada),
        lambda: services.deactivate(person=ada, actor=ada),
    ):
        with pytest.raises(NotAllowed):
            attempt()


def test_limits_are_zero_or_more_and_only_approval_may_be_empty(org, ada):
    axel = services.set_limits(person=org.axel, limits={"approval_limit": Decimal(7500)}, actor=ada)
    assert User.objects.get(pk=axel.pk).approval_limit == 7500
    services.set_limits(person=axel, limits={"approval_limit": None}, actor=ada)
    for limits in (
        {"approval_limit": Decimal(-1)},
        {"approval_limit": Decimal("NaN")},
        {"variance_limit": None},
        {"power": Decimal(1)},
    ):
        with pytest.raises(Invalid):
            services.set_limits(person=axel, limits=limits, actor=ada)


def test_who_left_has_no_token_and_the_last_administrator_stays(org, ada):
    ApiToken.objects.create(user=org.rita, scopes=["read"])
    rita = services.deactivate(person=org.rita, actor=ada)
    assert not rita.is_active
    assert not ApiToken.objects.filter(user=rita).exists()
    with pytest.raises(services.LastAdministrator):
        services.deactivate(person=ada, actor=None)
    with pytest.raises(services.LastAdministrator):
        services.set_roles(person=ada, roles=[Role.AUDITOR], actor=None)
