"""Approval over the API: what waits and for whom, every act, many at once."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals import services
from approvals.models import ApprovalStep
from core.models import TrailEvent
from tests.api.conftest import Client
from tests.api.test_problems import problem
from tests.factories import NOW, Organisation, line_input, submitted

pytestmark = pytest.mark.django_db
URL = "/api/v1/approvals/"


def waiting(client: Any) -> list[dict[str, Any]]:
    return client.get(f"{URL}?mine=true").json()["results"]


def asked(org: Organisation, price: str = "90.00", **more: Any) -> Any:
    return submitted(org, line_input(org, 10, price), **more)


def delegate(client: Any, **said: Any) -> Any:
    given = {
        "to_user": "sven@demo.example",
        "valid_from": NOW.isoformat(),
        "valid_to": (NOW + timedelta(days=7)).isoformat(),
        "reason": "Away",
        **said,
    }
    return client.post("/api/v1/delegations/", given, format="json")


def act(client: Any, step: Any, verb: str, **said: Any) -> Any:
    return client.post(f"{URL}{step['id']}/{verb}/", said, format="json")


# --- what waits ---------------------------------------------------------------------------------


def test_a_step_says_what_it_is_about(org: Organisation, api: Client) -> None:
    requisition = asked(org)
    (step,) = waiting(api(org.axel))
    assert step["document"] == {
        "type": "requisition",
        "id": str(requisition.pk),
        "number": requisition.number,
        "title": step["document"]["title"],
        "total": "900.00",
        "currency": "EUR",
    }
    assert (step["stage"], step["step"], step["mode"], step["quorum"]) == (1, 1, "all", 0)
    assert step["assignee"]["name"] == "Axel Brandt"
    assert step["acting_for"] is None
    assert step["policy"]["name"] == "Standard"
    assert step["policy"]["version"] == 1
    assert step["facts"]["amount"] == "900.00"
    assert step["questions"] == []
    assert step["available_actions"] == [
        "add-approver", "approve", "ask", "forward", "reject", "return",
    ]  # fmt: skip


def test_a_delegate_sees_for_whom(org: Organisation, api: Client) -> None:
    asked(org)
    sven = api(org.sven)
    assert waiting(sven) == []
    assert delegate(api(org.axel)).status_code == 201
    (step,) = waiting(sven)
    assert step["assignee"]["name"] == step["acting_for"]["name"] == "Axel Brandt"
    assert step["available_actions"] == ["add-approver", "approve", "reject", "return"]
    done = act(sven, step, "approve", comment="Fine")
    assert done.status_code == 200
    body = done.json()
    assert (body["status"], body["decided_by"]["name"]) == ("approved", "Sven Aydin")
    assert body["acting_for"]["name"] == "Axel Brandt"
    (event,) = (
        each
        for each in sven.get(f"{URL}{step['id']}/history/").json()["results"]
        if each["action"] == "approved"
    )
    assert event["on_behalf_of"]["name"] == "Axel Brandt"


def test_the_document_says_who_decided_for_whom(org: Organisation, api: Client) -> None:
    requisition = asked(org)
    delegate(api(org.axel))
    sven = api(org.sven)
    act(sven, waiting(sven)[0], "approve")
    shown = api(org.rita).get(f"/api/v1/requisitions/{requisition.pk}/").json()
    (step,) = shown["approval"]["steps"]
    assert step["acting_for"]["name"] == "Axel Brandt"
    assert step["decided_by"]["name"] == "Sven Aydin"


def test_what_the_delegator_decided_stays_in_sight(org: Organisation, api: Client) -> None:
    asked(org)
    delegate(api(org.axel))
    sven = api(org.sven)
    (step,) = waiting(sven)
    act(api(org.axel), step, "approve")
    assert waiting(sven) == []
    assert sven.get(f"{URL}{step['id']}/").json()["decided_by"]["name"] == "Axel Brandt"
    problem(act(sven, step, "approve"), 409, "illegal-transition")


def test_the_list_costs_the_same_with_three_and_with_thirty(org: Organisation, api: Client) -> None:
    delegate(api(org.axel))
    counts = []
    for more in (3, 27):
        for _ in range(more):
            asked(org)
        client = api(org.sven)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(f"{URL}?mine=true&page_size=100").status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]


# --- refused ------------------------------------------------------------------------------------


def test_a_delegate_of_the_requester_is_told_so(org: Organisation, api: Client) -> None:
    requisition = asked(org)
    step = ApprovalStep.objects.get(request__subject_id=requisition.pk)
    ApprovalStep.objects.filter(pk=step.pk).update(assignee=org.dora)
    type(step.request).objects.filter(pk=step.request_id).update(requester=org.axel)
    delegate(api(org.axel), to_user="dora@demo.example")
    dora = api(org.dora)
    (shown,) = waiting(dora)
    assert shown["available_actions"] == []
    problem(act(dora, shown, "approve"), 403, "self-approval")


def test_above_the_cap_nothing_is_seen(org: Organisation, api: Client) -> None:
    requisition = asked(org)
    delegate(api(org.axel), max_amount="899.99")
    step = ApprovalStep.objects.get(request__subject_id=requisition.pk)
    assert waiting(api(org.sven)) == []
    problem(act(api(org.sven), {"id": str(step.pk)}, "approve"), 404, "not-found")


@pytest.mark.parametrize("verb", ["ask", "add-approver", "forward", "approve", "reject", "return"])
def test_nobody_else_acts(org: Organisation, api: Client, verb: str) -> None:
    requisition = asked(org)
    step = {"id": str(ApprovalStep.objects.get(request__subject_id=requisition.pk).pk)}
    for person in (org.rita, org.dora, org.ada, org.nils):
        problem(act(api(person), step, verb), 404, "not-found")
    reader = api(org.axel, "read")
    problem(act(reader, step, verb), 403, "missing-scope")


# --- the other acts -----------------------------------------------------------------------------


def test_a_question_waits_for_its_answer(org: Organisation, api: Client) -> None:
    requisition = asked(org)
    axel, rita = api(org.axel), api(org.rita)
    (step,) = waiting(axel)
    problem(act(axel, step, "ask"), 422, "invalid")
    assert act(axel, step, "ask", question="Why so many?").status_code == 200
    (shown,) = waiting(axel)
    assert "ask" not in shown["available_actions"]
    (question,) = shown["questions"]
    assert question["asked_of"]["name"] == "Rita Sommer"
    assert question["answered_at"] is None
    own = rita.get(f"/api/v1/requisitions/{requisition.pk}/").json()["approval"]["steps"][0]
    assert own["questions"][0]["question"] == "Why so many?"
    problem(act(axel, step, "answer", answer="Because"), 404, "not-found")
    services.remind_unanswered(at=NOW + timedelta(days=30))
    assert "ask" not in waiting(axel)[0]["available_actions"], "its clock goes on, it stays open"
    problem(act(axel, step, "ask", question="And?"), 409, "conflict")
    answered = act(rita, step, "answer", answer="One per desk")
    assert answered.status_code == 200
    assert answered.json()["questions"][0]["answer"] == "One per desk"
    problem(act(rita, step, "answer", answer="Again"), 409, "conflict")
    problem(act(rita, step, "approve"), 404, "not-found")


def test_another_pair_of_eyes(org: Organisation, api: Client) -> None:
    requisition = asked(org)
    axel = api(org.axel)
    (step,) = waiting(axel)
    problem(act(axel, step, "add-approver", person="bea@demo.example"), 422, "invalid")
    problem(act(axel, step, "add-approver", person="rita@demo.example"), 403, "self-approval")
    added = act(axel, step, "add-approver", person="sven@demo.example", comment="Look, please")
    assert added.status_code == 200
    problem(act(axel, step, "add-approver", person="sven@demo.example"), 409, "conflict")
    (theirs,) = waiting(api(org.sven))
    assert (theirs["stage"], theirs["step"], theirs["why"]) == (1, 2, "Added by Axel Brandt")
    act(axel, step, "approve")
    requisition.refresh_from_db()
    assert requisition.status == "submitted"
    act(api(org.sven), theirs, "approve")
    requisition.refresh_from_db()
    assert requisition.status == "approved"


# --- many at once -------------------------------------------------------------------------------


def test_each_of_many_stands_by_itself(org: Organisation, api: Client) -> None:
    for _ in range(3):
        asked(org)
    axel = api(org.axel)
    first, second, third = waiting(axel)
    act(axel, first, "reject", comment="No")
    said = {
        "decision": "approve",
        "steps": [
            *({"id": each["id"], "digest": each["digest"]} for each in (first, second)),
            {"id": third["id"], "digest": "0" * 64},
            {"id": str(uuid4())},
        ],
    }
    answer = axel.post(f"{URL}decide-many/", said, format="json")
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [each["ok"] for each in results] == [False, True, False, False]
    assert [each["type"] for each in results] == [
        "illegal-transition", "", "document-changed", "not-found",
    ]  # fmt: skip
    assert [each["id"] for each in waiting(axel)] == [third["id"]]
    assert TrailEvent.objects.filter(type="approval.approved", channel="api").count() == 1


def test_the_same_key_decides_once(org: Organisation, api: Client) -> None:
    asked(org)
    axel = api(org.axel)
    (step,) = waiting(axel)
    said = {"decision": "approve", "steps": [{"id": step["id"]}]}
    key = {"HTTP_IDEMPOTENCY_KEY": "one"}
    answers = [axel.post(f"{URL}decide-many/", said, format="json", **key) for _ in range(2)]
    assert (
        answers[0].json()
        == answers[1].json()
        == {"results": [{"id": step["id"], "ok": True, "type": "", "detail": ""}]}
    )


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"decision": "approve", "steps": []},
        {"decision": "approve", "steps": [{"id": "x"}]},
        {"decision": "maybe", "steps": [{"id": str(uuid4())}]},
        {"decision": "reject", "steps": [{"id": str(uuid4())}]},
        {"decision": "approve", "steps": [{"id": str(uuid4())}] * 201},
        {"decision": "approve", "steps": [{"id": str(uuid4()), "state": "approved"}]},
    ],
)
def test_a_call_that_makes_no_sense_is_refused(
    org: Organisation, api: Client, said: dict[str, Any]
) -> None:
    answer = api(org.axel).post(f"{URL}decide-many/", said, format="json")
    problem(answer, 422, "invalid")


# --- delegations --------------------------------------------------------------------------------


def test_a_delegation_and_its_end(org: Organisation, api: Client) -> None:
    axel = api(org.axel)
    made = delegate(axel, max_amount="1000", duties=["requisition"])
    body = made.json()
    assert made.status_code == 201
    assert made["Location"].endswith(f"/api/v1/delegations/{body['id']}/")
    assert body["from_user"]["name"] == "Axel Brandt"
    assert (body["max_amount"], body["currency"]) == ("1000.00", "EUR")
    assert (body["duties"], body["is_standing"], body["status"]) == (
        ["requisition"], True, "standing",
    )  # fmt: skip
    assert body["available_actions"] == ["revoke"]
    seen = {
        name: bool(api(who).get("/api/v1/delegations/").json()["results"])
        for name, who in org.people.items()
    }
    assert {name for name, sees in seen.items() if sees} == {
        "axel", "sven", "dora", "cora", "olga", "ada",
    }  # fmt: skip
    address = f"/api/v1/delegations/{body['id']}/revoke/"
    problem(api(org.sven).post(address), 403, "not-allowed")
    problem(api(org.rita).post(address), 404, "not-found")
    done = axel.post(address, {"reason": "Back early"}, format="json").json()
    assert (done["status"], done["is_standing"], done["available_actions"]) == (
        "revoked", False, [],
    )  # fmt: skip
    problem(axel.post(address), 409, "illegal-transition")


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"to_user": "axel@demo.example"}, "/to_user"),
        ({"to_user": "bea@demo.example"}, "/to_user"),
        ({"to_user": "nils@demo.example"}, "/to_user"),
        ({"valid_to": "2026-03-01T00:00:00Z"}, "/valid_to"),
        ({"valid_to": "2026-07-01T00:00:00Z"}, "/valid_to"),
        ({"valid_from": "2026-02-01T00:00:00Z"}, "/valid_from"),
        ({"valid_from": "0001-01-01T00:00:00+14:00"}, "/valid_from"),
        ({"valid_from": "9999-12-31T00:00:00Z", "valid_to": "9999-12-31T23:00:00Z"}, "/valid_from"),
        ({"max_amount": "5000.01"}, "/max_amount"),
        ({"max_amount": 1e300}, "/max_amount"),
        ({"duties": ["sleep"]}, "/duties/0"),
        ({"reason": ""}, "/reason"),
    ],
)
def test_a_refused_delegation_names_the_field(
    org: Organisation, api: Client, said: dict[str, Any], pointer: str
) -> None:
    found = problem(delegate(api(org.axel), **said), 422, "invalid")
    assert [each["pointer"] for each in found["errors"]] == [pointer]


def test_a_manager_delegates_for_their_people_others_not(org: Organisation, api: Client) -> None:
    said = {"from_user": "axel@demo.example"}
    problem(delegate(api(org.cora), **said), 403, "not-allowed")
    assert delegate(api(org.dora), **said).status_code == 201
    problem(delegate(api(org.ada), **said), 409, "conflict")
