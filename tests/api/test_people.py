"""People and changes of the set-up over the API."""

from typing import Any

import pytest

from accounts.models import User
from administration.models import ChangeRequest
from approvals.models import ApprovalStep
from tests.api.conftest import Client
from tests.api.lives import get, post
from tests.api.test_problems import problem

pytestmark = pytest.mark.django_db
CHANGE = {
    "kind": "limits",
    "person": "axel@demo.example",
    "after": {"approval_limit": "7500.00"},
    "reason": "Leads the move",
}


def test_people_are_listed_with_roles_and_limits(org: Any, api: Client) -> None:
    (axel,) = get(api(org.olga), "people/?email=axel@demo.example")["results"]
    assert axel["roles"] == ["approver", "requester"]
    assert (axel["approval_limit"], axel["manager"]["name"]) == ("5000.00", "Dora Lindqvist")
    approvers = get(api(org.olga), "people/?role=approver")["results"]
    assert {each["name"].split()[0] for each in approvers} == {"Axel", "Dora", "Sven"}


def test_nobody_is_changed_at_their_own_address(org: Any, api: Client) -> None:
    answer = api(org.ada).patch(
        f"/api/v1/people/{org.axel.pk}/", {"approval_limit": "1"}, format="json"
    )
    problem(answer, 405, "method-not-allowed")


def test_a_change_holds_once_another_person_approves_it(org: Any, api: Client) -> None:
    made = post(api(org.ada), "setting-changes/", CHANGE, status=201)
    assert (made["status"], made["available_actions"]) == ("proposed", ["withdraw"])
    assert made["changes"] == [{"field": "Approves up to", "old": "5,000 EUR", "new": "7,500 EUR"}]
    assert User.objects.get(pk=org.axel.pk).approval_limit == 5000
    step = ApprovalStep.objects.get(request__subject_id=made["id"])
    post(api(org.cora), f"approvals/{step.pk}/approve/", {"comment": "Agreed"})
    assert get(api(org.ada), f"setting-changes/{made['id']}/")["status"] == "applied"
    assert User.objects.get(pk=org.axel.pk).approval_limit == 7500
    history = get(api(org.olga), f"people/{org.axel.pk}/history/")["results"]
    assert [(each["action"], each["actor"]["name"]) for each in history] == [
        ("limits_changed", "Cora Neumann")
    ]


@pytest.mark.parametrize("figure", ["1_000", "１２", "1e3", "NaN", "1e9999999", True, "0.00001"])
def test_a_limit_is_a_plain_figure(org: Any, api: Client, figure: Any) -> None:
    sent = {**CHANGE, "after": {"approval_limit": figure}}
    answer = api(org.ada).post("/api/v1/setting-changes/", sent, format="json")
    assert answer.status_code == 422, answer.content
    assert not ChangeRequest.objects.exists()


def test_the_same_key_proposes_once(org: Any, api: Client) -> None:
    ada = api(org.ada)
    answers = [
        ada.post(
            "/api/v1/setting-changes/", CHANGE, format="json", headers={"Idempotency-Key": "k"}
        )
        for _ in range(2)
    ]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert ChangeRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status", "slug", "pointer"),
    [
        ({"person": "ada@demo.example"}, 403, "not-allowed", ""),
        ({"person": "nils@demo.example"}, 422, "invalid", "/person"),
        ({"person": None}, 422, "invalid", "/person"),
        ({"kind": "power"}, 422, "invalid", "/kind"),
        ({"after": {"power": "1"}}, 422, "invalid", "/after/power"),
        ({"after": {"approval_limit": "-1"}}, 422, "invalid", "/approval_limit"),
        ({"after": []}, 422, "invalid", "/after"),
        ({"reason": "  "}, 422, "invalid", "/reason"),
        ({"status": "applied"}, 422, "invalid", "/status"),
        (
            {"kind": "roles", "after": {"roles": ["buyer", "receiver"]}},
            409,
            "segregation-of-duties",
            "/roles",
        ),
    ],
)
def test_a_refused_change_is_a_problem_at_its_field(
    org: Any, api: Client, body: dict[str, Any], status: int, slug: str, pointer: str
) -> None:
    answer = api(org.ada).post("/api/v1/setting-changes/", {**CHANGE, **body}, format="json")
    said = problem(answer, status, slug)
    if pointer:
        assert pointer in [each["pointer"] for each in said["errors"]]
    assert not ChangeRequest.objects.exists()


def test_only_its_proposer_withdraws_it(org: Any, api: Client) -> None:
    made = post(api(org.ada), "setting-changes/", CHANGE, status=201)
    path = f"/api/v1/setting-changes/{made['id']}/withdraw/"
    problem(api(org.cora).post(path), 403, "not-allowed")
    assert post(api(org.ada), f"setting-changes/{made['id']}/withdraw/")["status"] == "withdrawn"
    problem(api(org.ada).post(path), 409, "illegal-transition")


def test_the_report_says_who_was_refused(org: Any, api: Client) -> None:
    report = get(api(org.olga), "reports/segregation-of-duties/?since=2026-01-01")
    assert (report["unmitigated"], report["violations"]) == (0, [])
    assert {each["kind"] for each in report["near_misses"]} == {"roles"}
    problem(api(org.bea).get("/api/v1/reports/segregation-of-duties/"), 403, "not-allowed")
    answer = api(org.olga).get("/api/v1/reports/segregation-of-duties/?since=yesterday")
    problem(answer, 400, "invalid-filter")
    table = api(org.olga).get("/api/v1/reports/segregation-of-duties/?format=csv")
    assert b"".join(table.streaming_content).startswith(b"kind,person,first,second")
