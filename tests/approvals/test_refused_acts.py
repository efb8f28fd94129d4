"""Whoever tries what is not theirs is refused, and the trail remembers it: once, and capped."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from approvals import links, services
from approvals.services import LimitTooLow, SelfApproval
from core import refusals, trail
from core.errors import NotAllowed
from core.models import TrailEvent
from requisitions.models import Requisition
from tests.api.conftest import signed_in as api
from tests.approvals.conftest import round_of, step_of
from tests.approvals.proving import signed_in
from tests.approvals.test_decide import Submit, state
from tests.factories import NOW, Organisation


@pytest.fixture(autouse=True)
def empty_cache(db: None) -> None:
    cache.clear()


def by_service(org: Organisation, requisition: Requisition, who: Any) -> int:
    with pytest.raises(NotAllowed) as refusal:
        services.decide(step=step_of(requisition, org.axel), decision="approve", actor=who, at=NOW)
    return refusal.value.status


def by_inbox(org: Organisation, requisition: Requisition, who: Any) -> int:
    address = reverse("approvals:decide", args=[step_of(requisition, org.axel).pk])
    said = {"decision": "approve", "digest": round_of(requisition).digest}
    return signed_in(who).post(address, said).status_code


def by_forwarding(org: Organisation, requisition: Requisition, who: Any) -> int:
    address = reverse("approvals:forward", args=[step_of(requisition, org.axel).pk])
    return signed_in(who).post(address, {"to": str(who.pk)}).status_code


def by_api(org: Organisation, requisition: Requisition, who: Any) -> int:
    address = f"/api/v1/approvals/{step_of(requisition, org.axel).pk}/approve/"
    return api(who).post(address, {}, format="json").status_code


def by_link(org: Organisation, requisition: Requisition, who: Any) -> int:
    raw = links.issue(step=step_of(requisition, org.axel), at=timezone.now())
    return signed_in(who).get(reverse("approvals:link", args=[raw])).status_code


def by_many(org: Organisation, requisition: Requisition, who: Any) -> int:
    said = {"decision": "approve", "steps": [{"id": str(step_of(requisition, org.axel).pk)}]}
    answer = api(who).post("/api/v1/approvals/decide-many/", said, format="json")
    return 404 if "not-found" in answer.content.decode() else answer.status_code


WAYS: dict[str, tuple[Callable[..., int], int, str]] = {
    # how: (the attempt, what is answered, why according to the trail)
    "service": (by_service, 403, ""),
    "inbox": (by_inbox, 404, "not-found"),
    "forwarding": (by_forwarding, 404, "not-found"),
    "API": (by_api, 404, "not-found"),
    "many at once": (by_many, 404, "not-found"),
    "another's link": (by_link, 403, "somebody-elses"),
}


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("who", ["rita", "cora", "nils"])
def test_each_way_to_anothers_decision_is_refused_and_remembered(
    org: Organisation, submitted: Submit, way: str, who: str
) -> None:
    attempt, status, why = WAYS[way]
    requisition, person = submitted("900"), org.people[who]
    before = state(requisition)
    assert attempt(org, requisition, person) == status
    assert state(requisition) == before
    event = TrailEvent.objects.get(type="approval.refused")
    assert (event.actor, event.stream) == (person, str(org.entity.pk))
    assert event.data["why"] == (why or ("self-approval" if who == "rita" else "not-allowed"))
    assert event.document_id == step_of(requisition, org.axel).pk
    assert list(trail.verify_all()) == []


def test_an_attempt_on_nothing_leaves_nothing(org: Organisation) -> None:
    address = reverse("approvals:decide", args=["00000000-0000-7000-8000-000000000000"])
    assert signed_in(org.rita).post(address, {"decision": "approve"}).status_code == 404
    assert not TrailEvent.objects.filter(type="approval.refused").exists()


def test_looking_is_no_attempt(org: Organisation, submitted: Submit) -> None:
    step = step_of(submitted("900"), org.axel)
    assert api(org.cora).get(f"/api/v1/approvals/{step.pk}/").status_code == 404
    assert signed_in(org.cora).get(f"/approvals/?step={step.pk}").status_code == 404
    assert not TrailEvent.objects.filter(type="approval.refused").exists()


@pytest.mark.parametrize(
    ("who", "error", "why"),
    [("rita", SelfApproval, "self-approval"), ("axel", LimitTooLow, "limit-too-low")],
)
def test_the_trail_says_which_rule_it_was(
    org: Organisation, submitted: Submit, who: str, error: Any, why: str
) -> None:
    requisition = submitted("4820")
    org.axel.approval_limit = 4819
    org.axel.save()
    with pytest.raises(error):
        services.decide(
            step=step_of(requisition, org.axel),
            decision="approve",
            actor=org.people[who],
            at=NOW,
        )
    event = TrailEvent.objects.get(type="approval.refused")
    assert (event.data["why"], event.actor) == (why, org.people[who])
    assert event.reason


def test_knocking_is_capped(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    for _ in range(refusals.MOST_A_MINUTE + 5):
        by_inbox(org, requisition, org.rita)
    found = TrailEvent.objects.filter(type="approval.refused")
    assert found.count() == refusals.MOST_A_MINUTE
