"""Policies over the API: drafted by one, examined and tried, put into force by another."""

from typing import Any

import pytest

from approvals.models import ApprovalPolicy
from tests.api.conftest import Client
from tests.api.test_problems import problem
from tests.factories import Organisation, approved, line_input

pytestmark = pytest.mark.django_db
URL = "/api/v1/approval-policies/"
MANAGER = [{"mode": "all", "approvers": [{"kind": "manager"}]}]


def rule(name: str, amount: Any = None, steps: Any = None) -> dict[str, Any]:
    when = {"all": [{"fact": "amount", "operator": "gte", "value": amount}]} if amount else {}
    return {"name": name, "when": when, "steps": MANAGER if steps is None else steps}


def drafted(client: Any, **said: Any) -> Any:
    given = {"name": "Chairs", "applies_to": "requisition", "rules": [rule("All")], "priority": 5}
    return client.post(URL, {**given, **said}, format="json")


def test_a_draft_carries_what_was_said(org: Organisation, api: Client) -> None:
    made = drafted(
        api(org.ada),
        rules=[rule("From 1 000.50", 1000.5), rule("Small")],
        requirements=[{"reference": "dpia", "when": {}}],
        description="For all that has legs",
    )
    assert made.status_code == 201, made.content
    body = made.json()
    assert made["Location"].endswith(f"{URL}{body['id']}/")
    assert (body["status"], body["version"], body["priority"]) == ("draft", 1, 5)
    first, second = body["rules"]
    assert first["when"]["all"][0]["value"] == "1000.5"
    assert first["steps"][0]["approvers"] == [{"kind": "manager", "value": ""}]
    assert second["name"] == "Small"
    assert body["requirements"][0]["reference"] == "dpia"
    assert [each["name"] for each in body["editors"]] == ["Ada Okafor"]
    assert body["available_actions"] == ["discard", "edit", "findings", "simulate"]


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"rules": [rule("X", "much")]}, "/rules/0/when/all/0/value"),
        (
            {"rules": [{**rule("X"), "when": {"all": [{"fact": "moon", "operator": "eq"}]}}]},
            "/rules/0/when/all/0/fact",
        ),
        ({"rules": [rule("X", steps=[{"mode": "most"}])]}, "/rules/0/steps/0/mode"),
        ({"rules": [{"name": "X"}]}, "/rules/0/steps"),
        ({"rules": [{**rule("X"), "steps": "everybody"}]}, "/rules/0/steps"),
        ({"rules": [{**rule("X"), "when": [1]}]}, "/rules/0/when"),
        ({"requirements": [{"reference": "blessing"}]}, "/requirements/0/reference"),
        ({"applies_to": "dreams"}, "/applies_to"),
        ({"name": " "}, "/name"),
        ({"priority": -1}, "/priority"),
        ({"status": "active"}, "/status"),
    ],
)
def test_a_refused_draft_names_the_member(
    org: Organisation, api: Client, said: dict[str, Any], pointer: str
) -> None:
    before = ApprovalPolicy.objects.count()
    found = problem(drafted(api(org.ada), **said), 422, "invalid")
    assert pointer in [each["pointer"] for each in found["errors"]]
    assert ApprovalPolicy.objects.count() == before


def test_only_a_second_person_puts_it_into_force(org: Organisation, api: Client) -> None:
    ada, cora = api(org.ada), api(org.cora)
    made = drafted(ada).json()
    address = f"{URL}{made['id']}/"
    problem(api(org.rita).post(f"{address}activate/"), 403, "not-allowed")
    assert ada.post(f"{address}activate/").status_code == 403
    assert cora.post(f"{address}activate/").json()["status"] == "active"
    copied = ada.post(f"{address}new-version/")
    assert (copied.status_code, copied.json()["version"]) == (201, 2)
    second = f"{URL}{copied.json()['id']}/"
    changed = ada.patch(second, {"rules": [rule("From 10", "10"), rule("Rest")]}, format="json")
    assert [each["name"] for each in changed.json()["rules"]] == ["From 10", "Rest"]
    assert changed.json()["priority"] == 5
    half = problem(ada.patch(second, {"rules": [{"name": "Half"}]}, format="json"), 422, "invalid")
    assert [each["pointer"] for each in half["errors"]] == ["/rules/0/steps"]
    assert cora.post(f"{second}activate/").json()["available_actions"] == [
        "findings", "retire", "simulate",
    ]  # fmt: skip
    assert ada.get(address).json()["status"] == "retired"


def test_two_people_take_it_out_of_force(org: Organisation, api: Client) -> None:
    ada, cora = api(org.ada), api(org.cora)
    address = f"{URL}{org.policies['standard'].pk}/"
    problem(cora.post(f"{address}keep/", {"reason": ""}, format="json"), 409, "conflict")
    asked = cora.post(f"{address}retire/", {"reason": "Over"}, format="json").json()
    assert (asked["status"], asked["retirement_asked_by"]["name"]) == ("active", "Cora Neumann")
    assert asked["available_actions"] == ["findings", "keep", "simulate"]
    problem(cora.post(f"{address}retire/", {"reason": ""}, format="json"), 403, "not-allowed")
    kept = ada.post(f"{address}keep/", {"reason": ""}, format="json").json()
    assert kept["retirement_asked_by"] is None
    cora.post(f"{address}retire/", {"reason": "Over"}, format="json")
    ended = ada.post(f"{address}retire/", {"reason": "Agreed"}, format="json")
    assert ended.json()["status"] == "retired"


def test_a_stale_draft_is_not_overwritten(org: Organisation, api: Client) -> None:
    ada = api(org.ada)
    made = drafted(ada)
    address = f"{URL}{made.json()['id']}/"
    said = {"description": "Changed"}
    first = ada.patch(address, said, format="json", HTTP_IF_MATCH=made["ETag"])
    assert first.status_code == 200
    stale = ada.patch(address, {"description": "Again"}, format="json", HTTP_IF_MATCH=made["ETag"])
    problem(stale, 412, "stale-version")


def test_a_draft_is_thrown_away(org: Organisation, api: Client) -> None:
    ada = api(org.ada)
    address = f"{URL}{drafted(ada).json()['id']}/"
    problem(api(org.cora).post(f"{address}discard/"), 403, "not-allowed")
    assert ada.post(f"{address}discard/").status_code == 204
    assert ada.get(address).status_code == 404


def test_findings_name_what_is_never_reached(org: Organisation, api: Client) -> None:
    ada = api(org.ada)
    made = drafted(ada, rules=[rule("All"), rule("Never", "10")]).json()
    found = ada.get(f"{URL}{made['id']}/findings/")
    assert found.status_code == 200
    assert ("error", "unreachable", 2) in {
        (each["level"], each["code"], each["rule"]) for each in found.json()["results"]
    }
    problem(api(org.rita).get(f"{URL}{made['id']}/findings/"), 403, "not-allowed")


def test_a_draft_is_tried_on_what_was(org: Organisation, api: Client) -> None:
    one, two = approved(org, line_input(org, 10, "90.00")), approved(org)
    ada = api(org.ada)
    made = drafted(ada, rules=[rule("From 500", "500", [*MANAGER, _of("cora")]), rule("Small")])
    address = f"{URL}{made.json()['id']}/simulate/"
    body = ada.post(address, {"from": "2026-03-01", "to": "2026-03-31"}, format="json").json()
    assert (body["rounds"], body["changed"], body["complete"]) == (2, 1, True)
    (row,) = body["rows"]
    assert row["document_id"] == str(one.pk) != str(two.pk)
    assert row["amount"] == "900.00"
    assert row["before"] == ["Axel Brandt"]
    assert row["after"] == ["Axel Brandt", "Cora Neumann"]
    assert (body["alone"], body["alone_amount"], body["newly_alone"]) == (1, "100.00", 0)
    assert ada.post(address, {}, format="json").json()["rounds"] == 2
    for said in (
        {"from": "2026-03-31", "to": "2026-03-01"},
        {"from": "0001-01-01", "to": "2026-03-01"},
        {"from": "9999-12-31", "to": "9999-12-31"},
        {"since": "2026-03-01"},
    ):
        problem(ada.post(address, said, format="json"), 422, "invalid")
    problem(api(org.rita).post(address, {}, format="json"), 403, "not-allowed")


def _of(name: str) -> dict[str, Any]:
    return {"mode": "all", "approvers": [{"kind": "person", "value": f"{name}@demo.example"}]}
