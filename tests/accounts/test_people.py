"""People and their roles: proposed by one, approved by another, never for oneself, told once."""

from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from accounts import duties, services
from accounts.models import ApiToken, Duty, Role, RoleAssignment, User
from core import called
from core.errors import Conflict, Invalid, NotAllowed
from core.models import TrailEvent
from tests import pages
from tests.api.conftest import clock  # noqa: F401
from tests.factories import NOW

FORBIDDEN = ["rita", "axel", "dora", "bea", "cora", "vera", "olga", "nils"]
AT = {"at": NOW}


def add(org, actor, **fields):
    given = {
        "entity": org.entity,
        "email": "Mia@demo.example",
        "name": "Mia Kern",
        "manager": org.axel,
        **fields,
    }
    return services.add_person(actor=actor, at=NOW, **given)


def changes_of(org, *, by, to=None, approver="cora"):
    """Every way to change what `to` may do, proposed by somebody and approved by another."""
    approver = org.people[approver] if isinstance(approver, str) else approver
    two = {"person": to or org.rob, "proposed_by": by, "actor": approver, "at": NOW}
    return {
        "roles": lambda: services.set_roles(roles=[Role.RECEIVER, Role.AUDITOR], **two),
        "limits": lambda: services.set_limits(limits={"approval_limit": Decimal(1)}, **two),
        "manager": lambda: services.set_manager(manager=org.dora, **two),
        "mitigation": lambda: duties.mitigate(
            first=Duty.ORDER,
            second=Duty.RECEIVE,
            reason="Small office",
            valid_until=NOW.date(),
            **two,
        ),
    }


KINDS = ("roles", "limits", "manager", "mitigation")


def events():
    return TrailEvent.objects.exclude(type="person.kept_apart").count()


def stored(person):
    fresh = User.objects.get(pk=person.pk)
    return (
        fresh.roles,
        fresh.approval_limit,
        fresh.manager_id,
        fresh.version,
        fresh.history.count(),
        fresh.mitigations.count(),
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("persona", FORBIDDEN)
def test_only_an_administrator_of_the_entity_proposes(org, persona, kind):
    before, told = stored(org.rob), events()
    with pytest.raises(NotAllowed):
        changes_of(org, by=org.people[persona])[kind]()
    assert (stored(org.rob), events()) == (before, told)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("who", ["ada, ada", "nobody, ada", "ada, nobody"])
def test_one_person_alone_changes_nothing(org, ada, kind, who):
    before, told = stored(org.rob), events()
    proposed_by, actor = (org.people.get(name) for name in who.split(", "))
    with pytest.raises(NotAllowed):
        changes_of(org, by=proposed_by, approver=actor)[kind]()
    assert (stored(org.rob), events()) == (before, told)


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_changes_or_approves_what_they_themselves_may_do(org, ada, kind):
    for to, by, approver in ((ada, ada, org.cora), (org.cora, ada, org.cora)):
        before, told = stored(to), events()
        with pytest.raises(NotAllowed):
            changes_of(org, by=by, to=to, approver=approver)[kind]()
        assert (stored(to), events()) == (before, told)


@pytest.mark.parametrize("kind", KINDS)
def test_somebody_of_the_other_entity_approves_nothing(org, ada, kind):
    with pytest.raises(NotAllowed):
        changes_of(org, by=ada, approver=org.nils)[kind]()


@pytest.mark.parametrize(
    ("kind", "event", "fields"),
    [
        ("roles", "person.roles_changed", [("roles", "receiver", "auditor, receiver")]),
        ("limits", "person.limits_changed", [("approval_limit", None, "1")]),
        ("manager", "person.manager_changed", [("manager", "Axel Brandt", "Dora Lindqvist")]),
        ("mitigation", "person.mitigated", []),
    ],
)
def test_each_change_is_exactly_one_event(org, ada, kind, event, fields):
    told, version = events(), org.rob.version
    changes_of(org, by=ada)[kind]()
    written = TrailEvent.objects.get(document_id=org.rob.pk)
    assert events() == told + 1
    assert (written.type, written.actor, written.stream) == (event, org.cora, str(org.entity.pk))
    assert "Axel" not in str(written.changes), "people stand there by key"
    (read,) = called.by_name([written])
    assert [(c["field"], c["old"], c["new"]) for c in read.changes] == fields
    assert (written.document_reference, TrailEvent.objects.get(pk=read.pk).document_reference) == (
        org.rob.name,
        "",
    )
    assert written.data["proposed_by"] == str(ada.pk)
    assert written.document_version == User.objects.get(pk=org.rob.pk).version == version + 1


@pytest.mark.parametrize("kind", ["roles", "limits", "manager"])
def test_what_stays_as_it_is_makes_no_event(org, ada, kind):
    changes_of(org, by=ada)[kind]()
    told, before = events(), stored(org.rob)
    changes_of(org, by=ada)[kind]()
    assert (events(), stored(org.rob)) == (told, before)


def test_a_new_person_has_a_manager_no_roles_no_limits_and_no_password(org, ada):
    mia = add(org, ada)
    assert (mia.email, mia.entity, mia.manager) == ("mia@demo.example", org.entity, org.axel)
    assert not mia.roles
    assert (mia.approval_limit, mia.delegated_order_limit) == (None, 0)
    assert not mia.has_usable_password()
    assert mia.history.get().history_user == ada
    told = TrailEvent.objects.get(document_id=mia.pk)
    assert (told.type, told.actor, told.data["manager"]) == ("person.added", ada, str(org.axel.pk))


def test_setting_up_gives_roles_at_once_a_person_does_not(org, ada):
    assert add(org, None, roles=[Role.REQUESTER]).has_role(Role.REQUESTER)
    people = User.objects.count()
    with pytest.raises(NotAllowed):
        add(org, ada, email="noa@demo.example", roles=[Role.REQUESTER])
    assert User.objects.count() == people


@pytest.mark.parametrize("persona", FORBIDDEN)
def test_only_administrators_of_the_entity_add_and_deactivate(org, persona):
    actor, people = org.people[persona], User.objects.count()
    with pytest.raises(NotAllowed):
        add(org, actor)
    with pytest.raises(NotAllowed):
        services.deactivate(person=org.rob, actor=actor, **AT)
    assert User.objects.count() == people
    assert User.objects.get(pk=org.rob.pk).is_active


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"email": "nobody"}, "/email"),
        ({"email": "RITA@demo.example"}, "/email"),
        ({"name": " "}, "/name"),
        ({"name": "Mia\u202eKern"}, "/name"),
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
            services.set_manager(
                person=person, manager=manager, actor=org.cora, proposed_by=ada, **AT
            )


def test_roles_are_exactly_what_was_given_and_history_keeps_the_rest(org, ada):
    rob = services.set_roles(
        person=org.rob,
        roles=[Role.REQUESTER, Role.AUDITOR],
        actor=org.cora,
        proposed_by=ada,
        **AT,
    )
    assert rob.roles == {Role.REQUESTER, Role.AUDITOR}
    gone = RoleAssignment.history.filter(history_type="-").get()
    assert (gone.role, gone.history_user) == (Role.RECEIVER, org.cora)


def test_an_unknown_role_is_refused(org):
    with pytest.raises(Invalid) as caught:
        services.set_roles(person=org.rob, roles=["emperor"], actor=None, **AT)
    assert caught.value.errors[0].pointer == "/roles"


def test_limits_are_zero_or_more_and_only_approval_may_be_empty(org):
    given = {"person": org.axel, "actor": None, **AT}
    services.set_limits(limits={"approval_limit": Decimal(7500)}, **given)
    assert User.objects.get(pk=org.axel.pk).approval_limit == 7500
    services.set_limits(limits={"approval_limit": None}, **given)
    for limits in (
        {"approval_limit": Decimal(-1)},
        {"approval_limit": Decimal("NaN")},
        {"approval_limit": Decimal(10) ** 12},
        {"variance_limit": None},
        {"power": Decimal(1)},
    ):
        with pytest.raises(Invalid):
            services.set_limits(limits=limits, **given)


def test_the_last_administrator_stays(org, ada):
    with pytest.raises(services.LastAdministrator):
        services.deactivate(person=ada, actor=None, **AT)
    with pytest.raises(services.LastAdministrator):
        services.set_roles(person=ada, roles=[Role.AUDITOR], actor=None, **AT)


def test_who_left_cannot_leave_again_and_nobody_dismisses_themselves(org, ada):
    services.deactivate(person=org.rob, actor=ada, **AT)
    with pytest.raises(Conflict):
        services.deactivate(person=org.rob, actor=ada, **AT)
    with pytest.raises(NotAllowed):
        services.deactivate(person=ada, actor=ada, **AT)


def test_who_left_is_refused_at_the_next_request_by_session_and_by_token(org, ada):
    """A7: nothing waits for a session or a token to expire."""
    browser = pages.signed_in(org.rita)
    row, token = ApiToken.objects.create(user=org.rita, scopes=["read"])
    api = APIClient(headers={"Authorization": f"Bearer {token}"})
    assert browser.get("/requisitions/").status_code == 200
    assert api.get("/api/v1/me/").status_code == 200
    rita = services.deactivate(person=org.rita, actor=ada, reason="Left", **AT)
    assert not rita.is_active
    assert browser.get("/requisitions/").status_code == 302
    assert api.get("/api/v1/me/").status_code == 401
    assert not ApiToken.objects.filter(pk=row.pk).exists()
    told = TrailEvent.objects.get(document_id=rita.pk)
    assert (told.type, told.reason) == ("person.deactivated", "Left")


def test_a_token_that_outlived_its_person_is_refused_all_the_same(org):
    """Whoever switches the account off in another way cuts its tokens off too."""
    _, token = ApiToken.objects.create(user=org.rita, scopes=["read"])
    User.objects.filter(pk=org.rita.pk).update(is_active=False)
    api = APIClient(headers={"Authorization": f"Bearer {token}"})
    assert api.get("/api/v1/me/").status_code == 401
