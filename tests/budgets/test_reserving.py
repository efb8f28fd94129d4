"""From when on accounts reserve: proposed by one, approved by another, then it holds."""

from typing import Any

import pytest
from django.urls import reverse

import administration.services
import approvals.services
import budgets.services
from administration.models import ChangeRequest
from approvals.models import ApprovalStep
from budgets.models import GLAccount
from core.errors import Invalid, NotAllowed
from core.models import TrailEvent
from tests.api.conftest import api  # noqa: F401
from tests.budgets.postings import D, Desk
from tests.factories import NOW
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db
PAGE = "administration:reserving"


def propose(org, after, actor=None):
    return administration.services.propose(
        entity=org.entity,
        kind="reserving",
        after=after,
        reason="Small purchases",
        actor=actor or org.ada,
        at=NOW,
    )


def approve(change):
    waiting = ApprovalStep.objects.get(request__subject_id=change.pk, status="active")
    approvals.services.decide(
        step=waiting, decision="approve", actor=waiting.assignee, at=NOW, comment="Seen"
    )
    change.refresh_from_db()


def moments(org):
    return dict(GLAccount.objects.filter(entity=org.entity).values_list("code", "reserves_at"))


@pytest.mark.parametrize("persona", ["rita", "axel", "dora", "cora", "olga", "nils"])
def test_only_administrators_propose(org, persona):
    with pytest.raises(NotAllowed):
        propose(org, {"6600": "order"}, org.people[persona])
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize("after", [{"6600": "never"}, {"9999": "order"}])
def test_refused_at_its_account(org, after):
    with pytest.raises(Invalid) as caught:
        propose(org, after)
    assert [error.pointer for error in caught.value.errors] == [f"/{next(iter(after))}"]
    assert not ChangeRequest.objects.exists()


def test_an_account_of_another_entity_is_unknown(org):
    GLAccount.objects.create(entity=org.nils.entity, code="7777", name="Elsewhere")
    with pytest.raises(Invalid):
        propose(org, {"7777": "order"})


def test_one_person_alone_sets_none(org):
    before = moments(org)
    with pytest.raises(NotAllowed):
        budgets.services.set_reserving(
            entity=org.entity,
            wanted={"6600": "order"},
            actor=org.ada,
            proposed_by=org.ada,
            at=NOW,
        )
    assert moments(org) == before


def test_nothing_holds_before_somebody_else_agrees_and_others_stay(org):
    before = moments(org)
    change = propose(org, {"6600": "order"})
    assert moments(org) == before
    approve(change)
    assert moments(org) == {**before, "6600": "order"}
    event = TrailEvent.objects.get(type="entity.reserving_set")
    assert event.changes == [
        {"field": "account 6600 reserves", "old": "requisition", "new": "order"}
    ]


def test_from_then_on_requests_hold_nothing_and_what_was_held_stays(org, desk: Desk):
    held = desk.reserve(D("100"))
    approve(propose(org, {"6600": "order"}))
    desk.reserve(D("50"))
    assert desk.stages == (100, 0, 0)
    desk.order("10", "10", uses=held, takes=D("100"))
    assert desk.stages == (0, 100, 0)


def test_it_is_proposed_in_the_browser(org):
    client = signed_in(org.ada)
    said = {**moments(org), "6600": "invoice", "reason": "Small purchases"}
    assert client.post(reverse(PAGE), said).status_code == 302
    change = ChangeRequest.objects.get()
    approve(change)
    assert moments(org)["6600"] == "invoice"
    shown = text_of(client.get(reverse("administration:change", args=[change.pk])))
    assert "When requested When billed" in shown


def test_the_page_finds_accounts_by_name_and_proposes_only_what_it_shows(org):
    client = signed_in(org.ada)
    name = GLAccount.objects.get(entity=org.entity, code="6600").name
    page = reverse(PAGE, query={"q": name})
    assert 'name="6600"' in client.get(page).content.decode()
    assert 'name="6310"' not in client.get(page).content.decode()
    client.post(page, {"6600": "order", "reason": "Small purchases"})
    assert ChangeRequest.objects.get().after == {**moments(org), "6600": "order"}


def test_it_is_proposed_over_the_api(org: Any, api: Any) -> None:  # noqa: F811
    body = {"kind": "reserving", "after": {"6600": "order"}, "reason": "Small purchases"}
    answer = api(org.ada).post("/api/v1/setting-changes/", body, format="json")
    assert answer.status_code == 201, answer.content
    assert [(each["old"], each["new"]) for each in answer.json()["changes"]] == [
        ("When requested", "When ordered")
    ]
