"""The inbox: what waits for me, decided in place, one after the other."""

import re
from typing import Any

import pytest
from django.db import connection
from django.template import Context, Template
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals import queries, services
from approvals.models import ApprovalStep
from core import navigation
from tests import factories
from tests.approvals.conftest import names, round_of, step_of
from tests.approvals.test_decide import Submit, state
from tests.factories import NOW, Organisation

INBOX = "/approvals/"


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def said(requisition: Any, **words: str) -> dict[str, str]:
    return {"digest": round_of(requisition).digest, **words}


def decide_at(requisition: Any, person: Any) -> str:
    return reverse("approvals:decide", args=[step_of(requisition, person).pk])


def test_it_asks_for_sign_in(org: Organisation) -> None:
    assert Client().get(INBOX)["Location"].startswith("/accounts/login/")


def test_deciding_is_a_post(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    assert signed_in(org.axel).get(decide_at(requisition, org.axel)).status_code == 405


def test_another_persons_step_is_not_found(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    mine = step_of(requisition, org.axel)
    before = state(requisition)
    for name, person in org.people.items():
        if name == "axel":
            continue
        client = signed_in(person)
        assert client.get(f"{INBOX}?step={mine.pk}").status_code == 404
        answer = client.post(
            decide_at(requisition, org.axel), said(requisition, decision="approve")
        )
        assert answer.status_code == 404
        forwarded = reverse("approvals:forward", args=[mine.pk])
        assert client.post(forwarded, {"to": str(org.sven.pk)}).status_code == 404
    assert state(requisition) == before


def test_a_choice_is_needed_and_what_was_typed_stays(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    before = state(requisition)
    client = signed_in(org.axel)
    answer = client.post(decide_at(requisition, org.axel), said(requisition, comment="My words"))
    assert answer.status_code == 422
    assert "My words" in answer.content.decode()
    answer = client.post(decide_at(requisition, org.axel), said(requisition, decision="reject"))
    assert answer.status_code == 422
    assert "Say why it is rejected" in answer.content.decode()
    assert state(requisition) == before


def test_a_changed_document_is_shown_again_with_the_refusal(
    org: Organisation, submitted: Submit
) -> None:
    requisition = submitted()
    before = state(requisition)
    answer = signed_in(org.axel).post(
        decide_at(requisition, org.axel), {"decision": "approve", "digest": "0" * 64}
    )
    assert answer.status_code == 409
    assert "review it again" in answer.content.decode()
    assert state(requisition) == before


def test_what_was_decided_meanwhile_is_said(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    address = decide_at(requisition, org.axel)
    services.decide(step=step_of(requisition, org.axel), decision="approve", actor=org.axel, at=NOW)
    answer = signed_in(org.axel).post(address, said(requisition, decision="reject", comment="x"))
    assert answer.status_code == 409
    assert "is approved" in answer.content.decode()


def test_the_facts_that_matter_are_shown(org: Organisation, submitted: Submit) -> None:
    submitted(justification="The old ones broke")
    shown = signed_in(org.axel).get(INBOX).content.decode()
    for words in (
        "Contoso laptops", "4,820.00", "Rita Sommer", "Elbe IT", "Approved", "CC100",
        "The old ones broke", "95,180.00",
    ):  # fmt: skip
        assert words in shown, words


def test_a_decision_opens_the_next_item(org: Organisation, submitted: Submit) -> None:
    one, two = submitted(title="One"), submitted(title="Two")
    client = signed_in(org.axel)
    answer = client.post(decide_at(one, org.axel), said(one, decision="approve"))
    assert answer["Location"] == f"{INBOX}?step={step_of(two, org.axel).pk}"
    answer = client.post(decide_at(two, org.axel), said(two, decision="return", comment="Cheaper"))
    assert answer["Location"] == INBOX
    shown = client.get(INBOX).content.decode()
    assert "Nothing waits for you" in shown
    assert "Returned for changes: Two." in shown
    assert step_of(one, org.axel).channel == "web"


def test_forwarding_from_the_inbox(org: Organisation, submitted: Submit) -> None:
    requisition = submitted()
    client = signed_in(org.axel)
    address = reverse("approvals:forward", args=[step_of(requisition, org.axel).pk])
    shown = client.get(INBOX).content.decode()
    offered = re.search(r'<select name="to".*?</select>', shown, re.S)[0]
    assert "Cora" in offered
    assert not any(name in offered for name in ("Rita", "Bea", "Nils", "Axel"))
    assert client.post(address, {"to": str(org.rita.pk)}).status_code == 422
    assert client.post(address, {"to": str(org.cora.pk), "comment": "Yours"}).status_code == 302
    assert names(requisition, "active") == ["cora"]


def test_an_unreadable_step_opens_the_first(org: Organisation, submitted: Submit) -> None:
    submitted()
    assert signed_in(org.axel).get(f"{INBOX}?step=nonsense").status_code == 200


def test_the_list_costs_the_same_with_three_and_with_thirty(
    org: Organisation, submitted: Submit
) -> None:
    client = signed_in(org.axel)
    counts = []
    for more in (3, 27):
        for number in range(more):
            submitted("900", title=f"Request {number}")
        client.get(INBOX)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(INBOX).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_it_is_grouped_by_due_time(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("900")
    mine = step_of(requisition, org.axel)
    for at, title in (
        (NOW, "Later"),
        (mine.due_at.replace(hour=8), "Due today"),
        (mine.due_at.replace(hour=23), "Overdue"),
    ):
        assert [group.title for group in queries.by_due_time([mine], now=at)] == [title]


def test_the_navigation_counts_what_waits(org: Organisation, submitted: Submit) -> None:
    submitted("900")
    links = [
        link
        for section in navigation.sections(user=org.axel, path="/")
        for link in section.links
        if link.url == INBOX
    ]
    assert [link.count for link in links] == [1]


# --- what other pages show ----------------------------------------------------------------------


def test_the_chain_says_who_why_what_when_and_how(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("20000")
    services.decide(
        step=step_of(requisition, org.axel),
        decision="approve",
        actor=org.axel,
        at=NOW,
        comment="Needed",
        channel="email",
    )
    rows = queries.chain_of(requisition.pk)
    assert [(row["decided_by"], row["status"]) for row in rows] == [
        (org.axel, "approved"),
        (None, "active"),
    ]
    shown = Template("{% load approvals %}{% approval_chain pk %}").render(
        Context({"pk": requisition.pk})
    )
    for words in ("Axel Brandt", "Needed", "Email link", "Dora Lindqvist", "From 1 000"):
        assert words in shown
    assert queries.holder_of(requisition.pk) == org.dora
    assert queries.holders_of([requisition.pk]) == {requisition.pk: org.dora}
    assert [step.assignee for step in queries.history_of(requisition.pk)] == [org.axel]


def test_a_document_without_a_round_says_so(org: Organisation) -> None:
    shown = Template("{% load approvals %}{% approval_chain pk %}").render(
        Context({"pk": org.vendor.pk})
    )
    assert "Not submitted yet" in shown
    assert queries.holder_of(org.vendor.pk) is None


@pytest.mark.parametrize(("mode", "words"), [("any", "one of these"), ("all", "Budget owner")])
def test_the_preview_names_people(org: Organisation, mode: str, words: str) -> None:
    steps = [
        services.StepPreview(person, "Budget owner", group=1, stage=1, mode=mode, quorum=0)
        for person in (org.dora, org.sven)
    ]
    shown = Template("{% load approvals %}{% approval_preview steps %}").render(
        Context({"steps": steps})
    )
    assert "Dora Lindqvist" in shown
    assert words in shown
    nobody = Template("{% load approvals %}{% approval_preview steps %}").render(
        Context({"steps": []})
    )
    assert "Approved by policy" in nobody


def test_a_choice_is_one_row_until_it_is_decided(org: Organisation, submitted: Submit) -> None:
    either = factories.step(("role", "budget_owner"), mode="any")
    factories.policy(org.entity, "Test", [("all", {}, [either])], priority=1)
    requisition = submitted()
    assert [row["people"] for row in queries.chain_of(requisition.pk)] == [[org.dora, org.sven]]
    services.decide(step=step_of(requisition, org.sven), decision="approve", actor=org.sven, at=NOW)
    statuses = {row["people"][0]: row["status"] for row in queries.chain_of(requisition.pk)}
    assert statuses == {org.dora: "skipped", org.sven: "approved"}
    assert ApprovalStep.objects.visible_to(org.dora).count() == 1
