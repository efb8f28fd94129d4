"""Who left long ago is forgotten everywhere, and no chain breaks; a hold beats it (T8)."""

from datetime import datetime, timedelta

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

import accounts.services
import approvals.services
from accounts import forgetting
from accounts.forgetting import StillKept
from accounts.models import Role, User
from accounts.tasks import forget_people
from administration import services as administration
from approvals.models import ApprovalStep
from core import anchors, trail
from core.models import TrailEvent
from notifications.models import OutgoingMail
from tests.approvals.test_delegation import granted
from tests.factories import NOW, Organisation, submitted
from tests.invariants.fixtures import assert_books_hold
from tests.invoicing.billing import drain

pytestmark = pytest.mark.django_db
NAME, ADDRESS, TITLE = "Quirin Zypern", "q.zypern@demo.example", "Verwalter"
TEN_YEARS = timedelta(days=366 * 10)


def decided(org: Organisation, **given: object) -> None:
    """Proposed by ada, and agreed to by whoever is asked."""
    change = administration.propose(
        entity=org.entity, actor=org.ada, at=NOW, reason="Asked for by the team", **given
    )
    for step in ApprovalStep.objects.filter(request__subject_id=change.pk, status="active"):
        approvals.services.decide(
            step=step, decision="approve", actor=step.assignee, at=NOW, comment="Seen"
        )


@pytest.fixture
def quirin(org: Organisation) -> User:
    """Joined, was given roles and limits, stood above somebody, decided, delegated, and left."""
    person = accounts.services.add_person(
        entity=org.entity, email=ADDRESS, name=NAME, job_title=TITLE, actor=org.ada, at=NOW,
        manager=org.dora,
    )  # fmt: skip
    decided(org, kind="roles", person=person, after={"roles": [Role.APPROVER]})
    decided(org, kind="limits", person=person, after={"approval_limit": "5000"})
    decided(org, kind="manager", person=org.rita, after={"manager": str(person.pk)})
    decided(org, kind="manager", person=person, after={"manager": str(org.cora.pk)})
    decided(org, kind="entity", after={"on_call_approver": str(person.pk)})
    org.rita.refresh_from_db()
    step = ApprovalStep.objects.get(request__subject_id=submitted(org).pk, status="active")
    drain()
    if step.assignee != person:
        step = approvals.services.forward(step=step, to=person, actor=step.assignee, at=NOW)
    person = User.objects.get(pk=person.pk)
    granted(person, org.axel)
    approvals.services.decide(step=step, decision="approve", actor=person, at=NOW)
    decided(org, kind="entity", after={"on_call_approver": str(org.dora.pk)})
    decided(org, kind="manager", person=org.rita, after={"manager": str(org.axel.pk)})
    drain()
    OutgoingMail.objects.create(
        key="letter", recipient=ADDRESS, subject="For you", message_id="<1@x>", created_at=NOW
    )
    accounts.services.deactivate(person=person, actor=org.ada, at=NOW, reason="Left")
    drain()
    return User.objects.get(pk=person.pk)


def whole_database() -> str:
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            names = [column[0] for column in cursor.description]
            found += [
                f"{model._meta.db_table}: {dict(zip(names, row, strict=True))}"
                for row in cursor.fetchall()
            ]
    return "\n".join(found)


def traces(*words: str) -> list[str]:
    return [
        row for row in whole_database().splitlines() if any(w.lower() in row.lower() for w in words)
    ]


def test_t8_nothing_in_the_database_says_who_it_was_and_every_chain_holds(
    quirin: User, org: Organisation
) -> None:
    assert len(traces(NAME, ADDRESS)) > 5
    anchors.anchor(at=NOW)
    before = list(TrailEvent.objects.order_by("stream", "sequence").values())
    forget_people(at=NOW + TEN_YEARS)
    assert "\n".join(traces(NAME, "Quirin", "Zypern", ADDRESS, TITLE)) == ""
    person = User.objects.get(pk=quirin.pk)
    assert (person.name, person.is_active) == ("Former colleague", False)
    assert list(TrailEvent.objects.order_by("stream", "sequence").values())[: len(before)] == before
    assert TrailEvent.objects.get(type="person.forgotten").document_id == quirin.pk
    assert ApprovalStep.objects.filter(decided_by=person).exists(), "what was done stays"
    assert list(trail.verify_all()) == [] and list(anchors.verify()) == []
    assert_books_hold()
    forget_people(at=NOW + TEN_YEARS)
    assert TrailEvent.objects.filter(type="person.forgotten").count() == 1


def test_t8_a_hold_beats_it_and_each_entity_says_how_long(quirin: User, org: Organisation) -> None:
    def set_to(**values: object) -> None:
        accounts.services.set_settings(entity=org.entity, values=values, actor=None, at=NOW)

    def kept_at(at: datetime) -> bool:
        return forgetting.due(at=at) == []

    late = NOW + TEN_YEARS
    assert kept_at(late - timedelta(seconds=1)) and not kept_at(late)
    set_to(people_kept_years=12)
    assert kept_at(late) and not kept_at(late + timedelta(days=2 * 366))
    set_to(people_kept_years=7)
    assert not kept_at(NOW + timedelta(days=7 * 366))
    set_to(legal_hold=True)
    forget_people(at=late)
    with pytest.raises(StillKept):
        forgetting.forget(person=quirin, at=late)
    assert User.objects.get(pk=quirin.pk).name == NAME
    set_to(legal_hold=False)
    with pytest.raises(StillKept):
        forgetting.forget(person=quirin, at=NOW + timedelta(days=7 * 366 - 1))
    with pytest.raises(StillKept):
        forgetting.forget(person=org.dora, at=late)
    with pytest.raises(IntegrityError, match="people_kept_seven_years"), transaction.atomic():
        set_to(people_kept_years=6)
