"""Requisitions and their approval over the API."""

from typing import Any

import pytest

from core.models import TrailEvent
from requisitions.models import Requisition
from tests.api.conftest import Client
from tests.api.test_problems import problem
from tests.requisitions.asking import demand

pytestmark = pytest.mark.django_db
URL = "/api/v1/requisitions/"


def said(**more: Any) -> dict[str, Any]:
    return {
        "title": "Notebooks for the new team",
        "vendor": "V-1000",
        "need_by": "2026-04-01",
        "lines": [
            {
                "description": "Notebook",
                "quantity": "2",
                "unit_price": "1000.00",
                "tax_code": "DE19",
                "distributions": [
                    {"cost_center": "CC100", "gl_account": "6600", "percent": "33.3"},
                    {"cost_center": "CC100", "gl_account": "0650", "percent": "66.7"},
                ],
            }
        ],
        **more,
    }


def create(client: Any, **more: Any) -> dict[str, Any]:
    answer = client.post(URL, said(**more), format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_draft_carries_what_was_said(org: Any, api: Client) -> None:
    client = api(org.rita)
    answer = client.post(URL, said(), format="json")
    body = answer.json()
    assert answer.status_code == 201
    assert answer["Location"].endswith(f"{URL}{body['id']}/")
    assert answer["ETag"] == f'"{body["version"]}"'
    assert (body["status"], body["number"], body["total"]) == ("draft", None, "2000.00")
    assert body["vendor"] == str(org.vendor.pk)
    line = body["lines"][0]
    assert (line["quantity"], line["unit_price"], line["net"]) == ("2", "1000.00", "2000.00")
    assert [part["amount"] for part in line["distributions"]] == ["666.00", "1334.00"]
    assert body["available_actions"] == ["cancel", "copy", "edit", "submit"]
    assert body["holder"]["name"] == org.rita.name


def test_the_trail_says_that_it_came_through_the_api(org: Any, api: Client) -> None:
    client = api(org.rita)
    made = create(client)
    event = TrailEvent.objects.get(document_id=made["id"])
    assert (event.channel, event.address) == ("api", "127.0.0.1")
    assert len(event.request_id) == 32
    line = client.get(f"{URL}{made['id']}/history/").json()["results"][0]
    assert (line["action"], line["channel"]) == ("created", "api")
    assert line["actor"]["name"] == org.rita.name


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("status", "approved"),
        ("number", "REQ-1"),
        ("entity", "UK01"),
        ("requester", "x"),
        ("total", "1.00"),
        ("created_at", "2020-01-01T00:00:00Z"),
        ("approved_at", "2020-01-01T00:00:00Z"),
        ("version", 7),
    ],
)
def test_what_the_portal_decides_cannot_be_sent(
    org: Any, api: Client, member: str, value: Any
) -> None:
    client = api(org.rita)
    body = problem(client.post(URL, said(**{member: value}), format="json"), 422, "invalid")
    assert body["errors"] == [
        {
            "pointer": f"/{member}",
            "code": "unknown_field",
            "detail": "This member is not known here.",
        }
    ]
    made = create(client)
    changed = client.patch(f"{URL}{made['id']}/", {member: value}, format="json")
    problem(changed, 422, "invalid")
    assert client.get(f"{URL}{made['id']}/").json() == made


def test_every_broken_field_is_named_by_its_pointer(org: Any, api: Client) -> None:
    body = said(title="")
    body["lines"][0] |= {"quantity": "-1", "unit": "NOPE"}
    body["lines"][0]["distributions"][0]["cost_center"] = str(org.uk_cost_center.pk)
    first = problem(api(org.rita).post(URL, body, format="json"), 422, "invalid")
    assert [each["pointer"] for each in first["errors"]] == ["/lines/0/distributions/0/cost_center"]
    body["lines"][0]["distributions"][0]["cost_center"] = "CC100"
    second = problem(api(org.rita).post(URL, body, format="json"), 422, "invalid")
    assert {"/title", "/lines/0/quantity", "/lines/0/unit"} <= {
        each["pointer"] for each in second["errors"]
    }
    assert not Requisition.objects.exists()


def test_lines_of_a_change_are_read_as_those_of_a_new_one(org: Any, api: Client) -> None:
    """What a change does not send stays, but a line that is sent is a whole one."""
    client = api(org.rita)
    made = create(client)
    said_now: Any = {"lines": [{"description": "Dock", "quantity": "1", "unit_price": "90"}]}
    answer = client.patch(f"{URL}{made['id']}/", said_now, format="json")
    body = problem(answer, 422, "invalid")
    assert [each["pointer"] for each in body["errors"]] == ["/lines/0/distributions"]
    said_now["lines"][0]["distributions"] = [{"cost_center": "CC100", "gl_account": "6600"}]
    changed = client.patch(f"{URL}{made['id']}/", said_now, format="json").json()
    assert (changed["title"], changed["total"]) == (made["title"], "90.00")
    assert changed["lines"][0]["distributions"][0]["percent"] == "100"


def test_a_draft_is_changed_under_its_version(org: Any, api: Client) -> None:
    client = api(org.rita)
    made = create(client)
    url = f"{URL}{made['id']}/"
    changed = client.patch(
        url, {"title": "Fewer"}, format="json", headers={"If-Match": f'"{made["version"]}"'}
    )
    assert changed.status_code == 200, changed.content
    assert changed.json()["title"] == "Fewer"
    assert changed.json()["lines"][0]["net"] == "2000.00"
    assert changed.json()["version"] > made["version"]
    stale = client.patch(
        url, {"title": "Other"}, format="json", headers={"If-Match": f'"{made["version"]}"'}
    )
    problem(stale, 412, "stale-version")
    assert client.get(url).json()["title"] == "Fewer"


def test_an_action_under_a_stale_version_moves_nothing(org: Any, api: Client) -> None:
    client = api(org.rita)
    made = create(client)
    answer = client.post(f"{URL}{made['id']}/submit/", headers={"If-Match": '"99"'})
    problem(answer, 412, "stale-version")
    assert client.get(f"{URL}{made['id']}/").json()["status"] == "draft"


def test_others_drafts_are_nobody_s_business(org: Any, api: Client) -> None:
    made = create(api(org.rita))
    for person in (org.bea, org.axel, org.nils, org.olga):
        client = api(person)
        problem(client.get(f"{URL}{made['id']}/"), 404, "not-found")
        problem(client.post(f"{URL}{made['id']}/submit/"), 404, "not-found")
        problem(client.get(f"{URL}{made['id']}/history/"), 404, "not-found")
        assert client.get(URL).json()["results"] == []


def test_a_person_without_the_role_requests_nothing(org: Any, api: Client) -> None:
    problem(api(org.finn).post(URL, said(), format="json"), 403, "not-allowed")


def test_submission_beyond_a_stopping_budget_is_409(org: Any, api: Client) -> None:
    client = api(org.rita)
    body = said()
    body["lines"][0] |= {"quantity": "1000"}
    made = client.post(URL, body, format="json").json()
    answer = problem(client.post(f"{URL}{made['id']}/submit/"), 409, "budget-exceeded")
    assert answer["errors"]
    assert client.get(f"{URL}{made['id']}/").json()["number"] is None


def test_a_requisition_goes_through_its_approvers(org: Any, api: Client) -> None:
    rita, axel = api(org.rita), api(org.axel)
    made = create(rita)
    sent = rita.post(f"{URL}{made['id']}/submit/").json()
    assert sent["status"] == "submitted"
    assert sent["number"].startswith("REQ-")
    assert sent["holder"]["name"] == org.axel.name
    assert sent["approval"]["policy"]["name"] == "Standard"
    problem(rita.post(f"{URL}{made['id']}/submit/"), 409, "illegal-transition")

    waiting = axel.get("/api/v1/approvals/?mine=true").json()["results"]
    assert [each["document"]["number"] for each in waiting] == [sent["number"]]
    step = waiting[0]
    assert step["document"]["total"] == "2000.00"
    assert {"approve", "forward", "reject", "return"} <= set(step["available_actions"])
    no_reason = axel.post(f"/api/v1/approvals/{step['id']}/reject/")
    assert problem(no_reason, 422, "invalid")["errors"][0]["pointer"] == "/comment"
    done = axel.post(f"/api/v1/approvals/{step['id']}/approve/", {"comment": "Fine"}, format="json")
    assert done.json()["status"] == "approved"
    assert done.json()["channel"] == "api"
    problem(axel.post(f"/api/v1/approvals/{step['id']}/approve/"), 409, "illegal-transition")
    assert axel.get("/api/v1/approvals/?mine=true").json()["results"] == []

    dora = api(org.dora)
    step = dora.get("/api/v1/approvals/?mine=true").json()["results"][0]
    dora.post(f"/api/v1/approvals/{step['id']}/approve/")
    approved = rita.get(f"{URL}{made['id']}/").json()
    assert approved["status"] == "approved"
    assert approved["approved_at"].endswith("Z")
    cells = dora.get("/api/v1/budgets/?cost_center=CC100&gl_account=0650").json()["results"]
    assert [cell["pre_encumbered"] for cell in cells] == ["1334.00"]


def test_a_step_of_somebody_else_is_404(org: Any, api: Client) -> None:
    rita = api(org.rita)
    made = create(rita)
    sent = rita.post(f"{URL}{made['id']}/submit/").json()
    step = sent["approval"]["steps"][0]["id"]
    for person in (org.rita, org.bea, org.nils):
        problem(api(person).post(f"/api/v1/approvals/{step}/approve/"), 404, "not-found")


def test_deciding_needs_its_scope(org: Any, api: Client) -> None:
    rita = api(org.rita)
    sent = rita.post(f"{URL}{create(rita)['id']}/submit/").json()
    step = sent["approval"]["steps"][0]["id"]
    client = api(org.axel, "read", "requisitions:write")
    problem(client.post(f"/api/v1/approvals/{step}/approve/"), 403, "missing-scope")


def test_a_copy_is_a_new_draft(org: Any, api: Client) -> None:
    client = api(org.rita)
    made = create(client)
    copied = client.post(f"{URL}{made['id']}/copy/")
    assert copied.status_code == 201
    assert copied.json()["id"] != made["id"]
    assert copied.json()["lines"][0]["net"] == "2000.00"


def test_a_withdrawn_one_waits_for_nobody(org: Any, api: Client) -> None:
    rita = api(org.rita)
    made = create(rita)
    rita.post(f"{URL}{made['id']}/submit/")
    answer = rita.post(f"{URL}{made['id']}/withdraw/", {"reason": "Not now"}, format="json")
    assert answer.json()["status"] == "withdrawn"
    assert api(org.axel).get("/api/v1/approvals/?mine=true").json()["results"] == []


def test_the_list_is_found_by_number_state_and_words(org: Any, api: Client) -> None:
    client = api(org.rita)
    made = create(client)
    sent = client.post(f"{URL}{made['id']}/submit/").json()
    create(client, title="Another thing")
    for query in (
        f"number={sent['number']}",
        "status=submitted",
        "search=notebooks&status=submitted",
    ):
        rows = client.get(f"{URL}?{query}").json()["results"]
        assert [row["id"] for row in rows] == [made["id"]], query


@pytest.mark.parametrize("count", [3, 30])
def test_a_page_of_requisitions_costs_the_same_however_long(
    org: Any, api: Client, count: int, django_assert_max_num_queries: Any
) -> None:
    client = api(org.rita)
    for _ in range(count):
        create(client)
    with django_assert_max_num_queries(13):
        assert len(client.get(f"{URL}?page_size=50").json()["results"]) == count


# --- risk, references, emergencies -------------------------------------------------------------

RISK = {
    "personal_data": True,
    "data_residency": "DE",
    "regulated": False,
    "third_party_access": True,
}
NO_REFERENCES = dict.fromkeys(
    ("business_case", "dpia", "change_ticket", "incident", "project", "risk_register", "sow"), ""
)


def test_risk_and_references_come_back_as_they_were_sent(org: Any, api: Client) -> None:
    client = api(org.rita)
    plain = create(client)
    assert (plain["emergency"], plain["emergency_reason"]) == (False, "")
    assert plain["references"] == NO_REFERENCES
    assert plain["risk"] == {**dict.fromkeys(RISK, False), "data_residency": ""}
    made = create(client, risk=RISK, references={"dpia": "DPIA-7", "sow": ""})
    assert made["risk"] == RISK
    assert made["references"] == {**NO_REFERENCES, "dpia": "DPIA-7"}


def test_members_of_risk_and_references_that_are_not_sent_stay(org: Any, api: Client) -> None:
    client = api(org.rita)
    made = create(client, risk=RISK, references={"dpia": "DPIA-7", "project": "ATLAS"})
    said = {"risk": {"regulated": True}, "references": {"project": "", "sow": "SOW-1"}}
    changed = client.patch(f"{URL}{made['id']}/", said, format="json").json()
    assert changed["risk"] == {**RISK, "regulated": True}
    assert changed["references"] == {**NO_REFERENCES, "dpia": "DPIA-7", "sow": "SOW-1"}
    again = client.patch(f"{URL}{made['id']}/", {"title": "Other"}, format="json").json()
    assert (again["risk"], again["references"]) == (changed["risk"], changed["references"])


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"references": {"ticket": "R-1"}}, "/references/ticket", "unknown_field"),
        ({"references": {"dpia": "x" * 65}}, "/references/dpia", "max_length"),
        ({"references": {"dpia": "a\u202eb"}}, "/references/dpia", "bidi"),
        ({"references": {"dpia": None}}, "/references/dpia", "null"),
        ({"risk": {"data_residency": "XX"}}, "/risk/data_residency", "unknown"),
        ({"risk": {"personal_data": "perhaps"}}, "/risk/personal_data", "invalid"),
        ({"risk": {"level": "high"}}, "/risk/level", "unknown_field"),
        ({"emergency": "perhaps"}, "/emergency", "invalid"),
    ],
)
def test_what_is_no_fact_is_refused_at_its_field(
    org: Any, api: Client, body: dict[str, Any], pointer: str, code: str
) -> None:
    client = api(org.rita)
    answer = problem(client.post(URL, said(**body), format="json"), 422, "invalid")
    assert [(each["pointer"], each["code"]) for each in answer["errors"]] == [(pointer, code)]
    assert not Requisition.objects.exists()
    made = create(client)
    problem(client.patch(f"{URL}{made['id']}/", body, format="json"), 422, "invalid")
    assert client.get(f"{URL}{made['id']}/").json() == made


def test_a_reference_that_policy_asks_for_stops_submission(org: Any, api: Client) -> None:
    demand(org.policies["standard"], "dpia", "personal_data", "is_true", True)
    client = api(org.rita)
    made = create(client, risk={"personal_data": True})
    url = f"{URL}{made['id']}/"
    answer = problem(client.post(f"{url}submit/"), 422, "invalid")
    assert [(each["pointer"], each["code"]) for each in answer["errors"]] == [
        ("/references/dpia", "required")
    ]
    assert client.get(url).json() == made
    client.patch(url, {"references": {"dpia": "DPIA-7"}}, format="json")
    assert client.post(f"{url}submit/").json()["status"] == "submitted"


def test_an_emergency_goes_to_who_is_on_call(org: Any, api: Client) -> None:
    client = api(org.rita)
    made = create(client, emergency=True)
    url = f"{URL}{made['id']}/"
    answer = problem(client.post(f"{url}submit/"), 422, "invalid")
    assert {each["pointer"] for each in answer["errors"]} == {
        "/emergency_reason",
        "/references/incident",
    }
    said_now = {"emergency_reason": "It is down", "references": {"incident": "INC-1"}}
    client.patch(url, said_now, format="json")
    sent = client.post(f"{url}submit/").json()
    assert (sent["emergency"], sent["holder"]["name"]) == (True, org.sven.name)
    assert sent["due_at"].endswith("Z")
    create(client)
    rows = client.get(f"{URL}?emergency=true").json()["results"]
    assert [row["id"] for row in rows] == [made["id"]]


def test_what_was_asked_for_lately_ends_self_service(org: Any, api: Client) -> None:
    """Three docks of 149.90 are within Rita's 500, a fourth is not, in however many requests."""
    client = api(org.rita)
    coding = [{"cost_center": "CC100", "gl_account": "6600"}]
    line = {"catalog_item": "DOCK", "quantity": "2", "distributions": coding}
    states = []
    for _ in range(2):
        made = create(client, vendor=None, lines=[line])
        states.append(client.post(f"{URL}{made['id']}/submit/").json()["status"])
    assert states == ["approved", "submitted"]
