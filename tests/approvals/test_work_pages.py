"""Pages around deciding: many at once, questions, delegations, emergencies looked at afterwards."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from approvals import services
from approvals.models import ApprovalRequest, ApprovalStep, Delegation, Ratification, StepQuestion
from tests import factories
from tests.approvals.conftest import step_of
from tests.approvals.test_decide import Submit
from tests.factories import NOW, Organisation, step

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def ticked(*steps: ApprovalStep, **said: Any) -> dict[str, Any]:
    digests = {f"digest.{each.pk}": each.request.digest for each in steps}
    return {"step": [str(each.pk) for each in steps], **digests, **said}


def test_what_is_ticked_is_decided_and_nothing_else(org: Organisation, submitted: Submit) -> None:
    steps = [step_of(submitted("90", title=f"Request {n}"), org.axel) for n in range(3)]
    posted = ticked(*steps[:2], decision="return", comment="Please bundle these.")
    signed_in(org.axel).post(reverse("approvals:decide_many"), posted)
    assert [s.status for s in ApprovalStep.objects.filter(pk__in=[s.pk for s in steps[:2]])] == [
        "returned",
        "returned",
    ]
    steps[2].refresh_from_db()
    assert steps[2].status == "active"


@pytest.mark.parametrize(
    "said",
    [
        {"decision": "approve", "step": []},
        {"decision": ""},
        {"decision": "reject", "comment": " "},
        {"decision": "explode"},
        {"decision": "approve", "step": ["not-an-id"]},
    ],
    ids=["nothing ticked", "no decision", "no reason", "unknown", "no id"],
)
def test_without_a_clear_word_nothing_is_decided(
    org: Organisation, submitted: Submit, said: dict[str, Any]
) -> None:
    mine = step_of(submitted("90"), org.axel)
    posted = {**ticked(mine), "comment": "Too dear", **said}
    answer = signed_in(org.axel).post(reverse("approvals:decide_many"), posted)
    mine.refresh_from_db()
    assert mine.status == "active"
    page = answer.content.decode()
    assert (answer.status_code, page.count('id="comment-error"')) == (422, 1)
    assert (" checked" in page) is (str(mine.pk) in posted["step"])
    assert f'value="{posted["comment"]}"' in page


def test_one_that_is_stale_leaves_the_others_and_says_what_became_of_it(
    org: Organisation, submitted: Submit
) -> None:
    """Decided elsewhere, changed, or posted without what was seen: none needs a password first."""
    org.entity.email_decision_limit = 1000
    org.entity.save()
    fresh, blind, gone = (
        step_of(submitted(price, title=title), org.axel)
        for price, title in (("90", "Cables"), ("80", "Labels"), ("4820", "Laptops"))
    )
    services.decide(step=gone, decision="approve", actor=org.axel, at=NOW)
    posted = ticked(fresh, blind, gone, decision="approve")
    del posted[f"digest.{blind.pk}"]
    page = signed_in(org.axel).post(reverse("approvals:decide_many"), posted, follow=True)
    said = [str(each) for each in page.context["messages"]]
    assert said[0] == "1 approved."
    assert "Labels was changed after it was shown to you" in said[1]
    assert said[2].startswith("Laptops: ") and "proof" not in said[2]
    fresh.refresh_from_db()
    assert fresh.status == "approved"


def test_others_steps_are_not_decided_and_not_named(org: Organisation, submitted: Submit) -> None:
    theirs = step_of(submitted("90", title="Secret plans"), org.axel)
    response = signed_in(org.dora).post(
        reverse("approvals:decide_many"), ticked(theirs, decision="approve"), follow=True
    )
    theirs.refresh_from_db()
    assert theirs.status == "active"
    assert "Secret plans" not in response.content.decode()


def test_what_needs_a_proof_is_opened_one_by_one(org: Organisation, submitted: Submit) -> None:
    org.entity.email_decision_limit = 1000
    org.entity.save()
    large = step_of(submitted("4820"), org.axel)
    client = signed_in(org.axel)  # without a password a moment ago
    assert "open it to decide" in client.get(reverse("approvals:table")).content.decode()
    client.post(reverse("approvals:decide_many"), ticked(large, decision="approve"))
    large.refresh_from_db()
    assert large.status == "active"


def test_the_table_has_as_many_statements_for_many_as_for_few(
    org: Organisation, submitted: Submit, django_assert_max_num_queries: Any
) -> None:
    client = signed_in(org.axel)
    for number in range(6):
        submitted("90", title=f"Request {number}")
    client.get(reverse("approvals:table"))
    with django_assert_max_num_queries(20):
        assert client.get(reverse("approvals:table")).status_code == 200


def test_a_question_is_asked_and_answered(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("90")
    mine = step_of(requisition, org.axel)
    client = signed_in(org.axel)
    client.post(
        reverse("approvals:ask", args=[mine.pk]),
        {"of": str(org.rita.pk), "question": "For which team?"},
    )
    asked = StepQuestion.objects.get()
    inbox = client.get(reverse("approvals:inbox")).content.decode()
    assert "waits for an answer" in inbox
    rita = signed_in(org.rita)
    address = reverse("approvals:answer", args=[asked.pk])
    shown = rita.get(address).content.decode()
    assert "For which team?" in shown and f"/requisitions/{requisition.pk}/" in shown
    assert address in rita.get(reverse("home")).content.decode()
    assert address in rita.get(f"/requisitions/{requisition.pk}/").content.decode()
    assert rita.post(address, {"answer": ""}).status_code == 422
    rita.post(address, {"answer": "The data team."})
    asked.refresh_from_db()
    assert asked.answer == "The data team."
    assert signed_in(org.dora).get(address).status_code == 404


@pytest.mark.parametrize("said", [{}, {"of": "x", "question": "?"}, {"question": "Why?"}])
def test_a_question_to_nobody_is_refused_in_words(
    org: Organisation, submitted: Submit, said: dict[str, str]
) -> None:
    mine = step_of(submitted("90"), org.axel)
    client = signed_in(org.axel)
    response = client.post(reverse("approvals:ask", args=[mine.pk]), said)
    assert response.status_code == 422
    form = response.context["question_form"]
    assert form.errors and form["question"].value() == said.get("question")
    assert not StepQuestion.objects.exists()


def test_another_pair_of_eyes_is_added(org: Organisation, submitted: Submit) -> None:
    requisition = submitted("90")
    mine = step_of(requisition, org.axel)
    address = reverse("approvals:add", args=[mine.pk])
    assert signed_in(org.dora).post(address, {"person": str(org.sven.pk)}).status_code == 404
    client = signed_in(org.axel)
    wrong = client.post(address, {"person": str(org.rita.pk), "comment": "Her view"})
    assert wrong.status_code == 422
    assert wrong.context["add_form"].errors
    assert "Her view" in wrong.content.decode()
    client.post(address, {"person": str(org.sven.pk)})
    assert step_of(requisition, org.sven).status == "active"


def delegation_of(org: Organisation, **said: Any) -> dict[str, Any]:
    today = NOW.date()
    return {
        "from_user": str(org.axel.pk),
        "to_user": str(org.sven.pk),
        "valid_from": today.isoformat(),
        "valid_to": (today + timedelta(days=5)).isoformat(),
        "reason": "Holiday",
        **said,
    }


def test_a_delegation_is_given_used_and_ended(org: Organisation, submitted: Submit) -> None:
    axel, sven = signed_in(org.axel), signed_in(org.sven)
    response = axel.post(reverse("approvals:delegations"), delegation_of(org))
    assert response.status_code == 302
    given = Delegation.objects.get()
    assert given.valid_to.astimezone(org.entity.zone).hour == 0
    submitted("90", title="While away")
    inbox = sven.get(reverse("approvals:inbox")).content.decode()
    assert "While away" in inbox
    assert "You decide for" in inbox
    address = reverse("approvals:revoke", args=[given.pk])
    assert signed_in(org.rita).post(address).status_code == 404
    axel.post(address, {"reason": "Back early"})
    given.refresh_from_db()
    assert given.status == "revoked"
    assert "While away" not in sven.get(reverse("approvals:inbox")).content.decode()


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"to_user": ""}, "to_user"),
        ({"valid_to": "2026-01-01"}, "valid_to"),
        ({"max_amount": "-1"}, "max_amount"),
        ({"max_amount": "999999999"}, "max_amount"),
        ({"reason": ""}, "reason"),
        ({"duties": ["everything"]}, "duties"),
    ],
)
def test_a_delegation_that_breaks_a_rule_says_so_at_its_field(
    org: Organisation, said: dict[str, Any], field: str
) -> None:
    response = signed_in(org.axel).post(
        reverse("approvals:delegations"), delegation_of(org, **said)
    )
    assert response.status_code == 422
    assert response.context["form"].errors[field]
    assert not Delegation.objects.exists()


def test_nobody_delegates_what_is_not_theirs(org: Organisation) -> None:
    response = signed_in(org.sven).post(
        reverse("approvals:delegations"), delegation_of(org, to_user=str(org.sven.pk))
    )
    assert response.status_code == 422
    assert not Delegation.objects.exists()


@pytest.fixture
def task(org: Organisation, submitted: Submit) -> Ratification:
    only_sven = step(("person", org.sven.email))
    factories.policy(org.entity, "Sven alone", [("all", {}, [only_sven])], priority=1)
    requisition = submitted("90")
    rounds = ApprovalRequest.objects.filter(subject_id=requisition.pk)
    rounds.update(emergency=True)
    services.decide(
        step=step_of(requisition, org.sven), decision="approve", actor=org.sven, at=timezone.now()
    )
    return Ratification.objects.get()


def test_an_emergency_is_looked_at_afterwards(org: Organisation, task: Ratification) -> None:
    axel = signed_in(org.axel)
    assert "For you to look at" in axel.get(reverse("approvals:emergencies")).content.decode()
    assert "Emergencies to look at" in axel.get(reverse("home")).content.decode()
    address = reverse("approvals:settle", args=[task.pk, "object"])
    assert signed_in(org.rita).post(address, {"reason": "x"}).status_code == 404
    axel.post(address, {"reason": ""})
    task.refresh_from_db()
    assert task.status == "due"
    axel.post(address, {"reason": "It could have waited."})
    task.refresh_from_db()
    assert task.status == "objected"
    seen = signed_in(org.olga).get(reverse("approvals:emergencies")).content.decode()
    assert "It could have waited." in seen
    assert signed_in(org.nils).get(reverse("approvals:emergencies")).status_code == 200
    assert axel.post(f"/approvals/emergencies/{task.pk}/bend/").status_code == 404
