"""How a document was approved, for whoever looks back: page and API tell the same."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

import requisitions.services
from accounts.models import Role
from approvals import histories, services
from approvals.models import ApprovalRequest, Delegation
from tests import factories, pages
from tests.approvals.conftest import input_of, round_of, step_of
from tests.factories import NOW, Organisation, step

Submit = Callable[..., Any]
LATER = NOW + timedelta(hours=2)


@pytest.fixture
def story(org: Organisation, submitted: Submit) -> Any:
    """Dora signs for Axel; Sven asks and returns it; Rita changes the lines and asks again."""
    org.entity.save()
    rule = ("Two", {"all": []}, [step("manager"), step(("person", org.sven.email))])
    factories.policy(org.entity, "Board", [rule], priority=1)
    made = submitted("900")
    Delegation.objects.create(
        entity=org.entity, from_user=org.axel, to_user=org.dora, reason="Leave",
        valid_from=NOW, valid_to=LATER, created_by=org.axel, created_at=NOW,
    )  # fmt: skip
    services.decide(
        step=step_of(made, org.axel), decision="approve", actor=org.dora, at=NOW, channel="email"
    )
    services.ask(
        step=step_of(made, org.sven), of=org.rita, question="Why so many?", actor=org.sven, at=NOW
    )
    services.decide(
        step=step_of(made, org.sven), decision="return", actor=org.sven, at=NOW, comment="Fewer."
    )
    requisitions.services.edit(
        requisition=made, data=input_of(org, "800"), actor=org.rita, at=LATER
    )
    requisitions.services.submit(requisition=made, actor=org.rita, at=LATER)
    return made


def address(made: Any) -> str:
    return f"/approvals/history/{made.pk}/"


@pytest.mark.parametrize("persona", ["rob", "vera"])
def test_who_may_not_see_the_document_sees_no_history(
    org: Organisation, story: Any, persona: str
) -> None:
    client = pages.signed_in(org.people[persona])
    assert client.get(address(story)).status_code == 404
    api = f"/api/v1/approval-rounds/?document={story.pk}"
    assert client.get(api).json()["results"] == []
    assert client.get(f"/api/v1/approval-rounds/{round_of(story).pk}/").status_code == 404
    assert client.get(f"/api/v1/approval-rounds/{round_of(story).pk}/replay/").status_code == 404


def test_another_entity_sees_nothing(org: Organisation, story: Any) -> None:
    abroad = pages.signed_in(factories.person("nia", entity=org.uk, roles=[Role.AUDITOR]))
    assert abroad.get(address(story)).status_code == 404
    assert abroad.get("/api/v1/approval-rounds/").json()["results"] == []


def test_what_was_never_sent_has_none(org: Organisation) -> None:
    draft = factories.draft(org)
    assert pages.signed_in(org.rita).get(address(draft)).status_code == 404
    unknown = f"/approvals/history/{uuid4()}/"
    assert pages.signed_in(org.olga).get(unknown).status_code == 404


@pytest.mark.parametrize("persona", ["olga", "rita", "sven", "dora"])
def test_the_page_tells_every_round(org: Organisation, story: Any, persona: str) -> None:
    answer = pages.signed_in(org.people[persona]).get(address(story))
    assert answer.status_code == 200
    said = answer.content.decode()
    for words in (
        "Round 1", "Round 2", "Board v1", "Dora Lindqvist for Axel Brandt", "Email link",
        "“Fewer.”", "“Why so many?”", "Replayed: the same people.", "900.00", "800.00",
        "Cost centres", "CC100",
    ):  # fmt: skip
        assert words in said, words
    assert "not the same" not in said


def test_only_oversight_gets_the_way_to_the_policy(org: Organisation, story: Any) -> None:
    link = f"/approvals/policies/{round_of(story).policy_id}/"
    assert link in pages.signed_in(org.olga).get(address(story)).content.decode()
    assert link not in pages.signed_in(org.rita).get(address(story)).content.decode()


def test_the_page_says_when_it_does_not_replay(org: Organisation, story: Any) -> None:
    round_ = round_of(story)
    ApprovalRequest.objects.filter(pk=round_.pk).update(rule_name="Nobody")
    said = pages.signed_in(org.olga).get(address(story)).content.decode()
    assert "Replayed: not the same." in said
    assert "“Nobody” decided then; the stored facts lead to “Two”." in said


def test_people_among_the_facts_have_names(org: Organisation, story: Any) -> None:
    (round_, *_) = ApprovalRequest.objects.filter(subject_id=story.pk)
    (told, *_) = histories.tell([round_])
    facts = dict(told.facts)
    assert facts["Budget owners"] == "Dora Lindqvist"
    assert (facts["Emergency"], facts["Amount"]) == ("no", "900.00 EUR")
    assert "Centers by owner" not in facts


def test_more_rounds_take_two_statements_each(org: Organisation, story: Any) -> None:
    client = pages.signed_in(org.olga)
    before = pages.statements(client, address(story))
    services.decide(
        step=step_of(story, org.axel), decision="return", actor=org.axel, at=LATER, comment="No."
    )
    requisitions.services.submit(requisition=story, actor=org.rita, at=LATER)
    assert pages.statements(client, address(story)) - before == 2


def test_the_document_leads_there(org: Organisation, story: Any) -> None:
    said = pages.signed_in(org.rita).get(f"/requisitions/{story.pk}/").content.decode()
    assert address(story) in said


def test_the_api_tells_facts_decisions_and_channels(org: Organisation, story: Any) -> None:
    client = pages.signed_in(org.olga)
    newest, first = client.get(f"/api/v1/approval-rounds/?document={story.pk}").json()["results"]
    assert first["document"] == {
        "type": "requisition", "id": str(story.pk), "title": story.title
    }  # fmt: skip
    assert first["policy"] == {"name": "Board", "version": 1, "rule": "Two"}
    assert (first["status"], newest["status"]) == ("returned", "pending")
    assert first["facts"]["cost_centers"] == ["CC100"]
    axel, sven = first["steps"]
    assert (axel["decided_by"]["name"], axel["acting_for"]["name"], axel["channel"]) == (
        "Dora Lindqvist", "Axel Brandt", "email",
    )  # fmt: skip
    assert (sven["status"], sven["comment"]) == ("returned", "Fewer.")
    assert sven["questions"][0]["question"] == "Why so many?"
    one = client.get(f"/api/v1/approval-rounds/{first['id']}/").json()
    assert one == first


def test_the_api_replays(org: Organisation, story: Any) -> None:
    answer = pages.signed_in(org.olga).get(f"/api/v1/approval-rounds/{round_of(story).pk}/replay/")
    assert answer.json() == {
        "agrees": True,
        "rule": "Two",
        "then": ["Axel Brandt", "Sven Aydin"],
        "again": ["Axel Brandt", "Sven Aydin"],
        "differences": [],
    }


def test_a_filter_that_cannot_be_read_is_said(org: Organisation, story: Any) -> None:
    answer = pages.signed_in(org.olga).get("/api/v1/approval-rounds/?document=PR-1")
    assert (answer.status_code, answer.json()["type"]) == (400, "invalid-filter")
