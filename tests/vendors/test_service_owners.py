"""Who answers for a kind of service: proposed by one, approved by another, asked by policy."""

from typing import Any

import pytest
from django.urls import reverse

import administration.services
import approvals.services
import vendors.services
from administration.models import ChangeRequest
from approvals.models import ApprovalStep
from core.errors import Conflict, Invalid, NotAllowed
from core.models import TrailEvent
from tests.api.conftest import api  # noqa: F401
from tests.factories import NOW, policy, step, submitted
from tests.pages import signed_in, text_of
from vendors.models import ServiceOwner
from vendors.queries import service_owners

PAGE = "administration:services"


def propose(org, after, actor=None):
    return administration.services.propose(
        entity=org.entity,
        kind="service_owners",
        after=after,
        reason="New team",
        actor=actor or org.ada,
        at=NOW,
    )


def approve(change):
    waiting = ApprovalStep.objects.get(request__subject_id=change.pk, status="active")
    approvals.services.decide(
        step=waiting, decision="approve", actor=waiting.assignee, at=NOW, comment="Seen"
    )
    change.refresh_from_db()


def owners():
    return dict(ServiceOwner.objects.values_list("service_type", "owner__email"))


@pytest.mark.parametrize("persona", ["rita", "axel", "vera", "cora", "olga", "nils"])
def test_only_administrators_propose(org, persona):
    with pytest.raises(NotAllowed):
        propose(org, {"saas": str(org.sven.pk)}, org.people[persona])
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize(
    ("after", "pointer"),
    [
        ({"saas": "nobody"}, "/saas"),
        ({"parking": None}, "/after/parking"),
    ],
)
def test_refused_at_its_kind(org, after, pointer):
    with pytest.raises(Invalid) as caught:
        propose(org, after)
    assert [error.pointer for error in caught.value.errors] == [pointer]


def test_nobody_of_another_entity_and_nobody_who_left(org):
    org.bea.is_active = False
    org.bea.save()
    for person in (org.nils, org.bea):
        with pytest.raises(Invalid):
            propose(org, {"saas": str(person.pk)})


def test_one_person_alone_sets_none(org):
    with pytest.raises(NotAllowed):
        vendors.services.set_service_owners(
            entity=org.entity,
            owners={"saas": org.sven},
            actor=org.ada,
            proposed_by=org.ada,
            at=NOW,
        )
    assert owners() == {}


def test_nothing_holds_before_somebody_else_agrees(org):
    change = propose(org, {"saas": str(org.sven.pk), "iaas": str(org.dora.pk)})
    assert owners() == {}
    approve(change)
    assert owners() == {"saas": org.sven.email, "iaas": org.dora.email}
    event = TrailEvent.objects.get(type="entity.service_owners_set")
    assert {"field": "service owner, saas", "old": None, "new": "Sven Aydin"} in event.changes


def test_kinds_that_are_not_named_stay_and_one_can_be_taken_away(org):
    approve(propose(org, {"saas": str(org.sven.pk), "iaas": str(org.dora.pk)}))
    approve(propose(org, {"saas": None}))
    assert owners() == {"iaas": org.dora.email}
    assert service_owners(org.entity, "saas") == [""]


def test_of_two_proposals_one_waits_for_the_other(org):
    propose(org, {"saas": str(org.sven.pk)})
    with pytest.raises(Conflict):
        propose(org, {"iaas": str(org.sven.pk)})


def test_policy_asks_the_owner_and_without_one_the_fallback(org):
    policy(org.entity, "Services", [("All", {"all": []}, [step("service_owner")])], priority=1)
    first = submitted(org, service_type="saas")
    approve(propose(org, {"saas": str(org.sven.pk)}))
    second = submitted(org, service_type="saas")
    asked = [
        ApprovalStep.objects.get(request__subject_id=each.pk).assignee for each in (first, second)
    ]
    assert asked == [org.cora, org.sven]


def test_it_is_proposed_in_the_browser(org):
    client = signed_in(org.ada)
    said = {"saas": str(org.sven.pk), "reason": "New team"}
    assert client.post(reverse(PAGE), said).status_code == 302
    change = ChangeRequest.objects.get()
    approve(change)
    assert owners() == {"saas": org.sven.email}
    assert "nobody Sven Aydin" in text_of(
        client.get(reverse("administration:change", args=[change.pk]))
    )
    assert "selected>Sven Aydin" in client.get(reverse(PAGE)).content.decode()


def test_it_is_proposed_over_the_api(org: Any, api: Any) -> None:  # noqa: F811
    body = {"kind": "service_owners", "after": {"saas": str(org.sven.pk)}, "reason": "New team"}
    answer = api(org.ada).post("/api/v1/setting-changes/", body, format="json")
    assert answer.status_code == 201, answer.content
    assert answer.json()["changes"] == [
        {"field": "Software as a service", "old": "nobody", "new": "Sven Aydin"}
    ]
