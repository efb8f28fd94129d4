"""Rules, runs and statements over the API: who may, what is refused, what is answered."""

import csv
import io
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chargeback.models import Allocation, AllocationRule, Consumption, Statement
from core import outbox
from tests.api.conftest import clock, signed_in  # noqa: F401
from tests.api.lives import get, post
from tests.chargeback.sharing import AT, consumption_input, make_rule, room, rule_input, run, spend

V1 = "/api/v1"
RULE: dict[str, Any] = {
    "name": "Cloud",
    "kind": "chargeback",
    "basis": "fixed",
    "cost_center": "CC100",
    "gl_account": "6300",
    "service_owner": "axel@demo.example",
    "valid_from": "2026-01-01",
    "shares": [
        {"cost_center": "CC200", "percent": "60"},
        {"cost_center": "CC300", "percent": "40"},
    ],
}


def refused(answer: Any, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer.json()["type"] == slug
    return answer.json()


def send(client: Any, path: str, body: Any) -> Any:
    return client.post(f"{V1}/{path}", body, format="json")


@pytest.mark.parametrize("who", ["rita", "dora", "axel", "olga", "ada"])
def test_only_controllers_make_rules(org, who):
    answer = send(signed_in(org.people[who]), "allocation-rules/", RULE)
    refused(answer, 403, "not-allowed")
    assert not AllocationRule.objects.exists()


def test_a_token_needs_the_scope(org):
    answer = send(signed_in(org.cora, "read"), "allocation-rules/", RULE)
    assert answer.status_code == 403


def test_a_split_that_does_not_add_up_is_refused_at_its_field(org):
    body = {**RULE, "shares": [{"cost_center": "CC200", "percent": "99"}]}
    said = refused(send(signed_in(org.cora), "allocation-rules/", body), 422, "invalid")
    assert [error["pointer"] for error in said["errors"]] == ["/shares"]


def test_a_rule_is_made_changed_and_found(org):
    cora = signed_in(org.cora)
    made = post(cora, "allocation-rules/", RULE, status=201)
    body = {**RULE, "kind": "showback", "reason": "Only show it"}
    del body["name"]
    address = f"{V1}/allocation-rules/{made['id']}/"
    stale = cora.patch(address, body, format="json", HTTP_IF_MATCH='"7"')
    assert stale.status_code == 412
    changed = cora.patch(address, body, format="json", HTTP_IF_MATCH='"1"').json()
    assert [each["kind"] for each in changed["revisions"]] == ["chargeback", "showback"]
    assert changed["version"] == 2
    assert get(signed_in(org.olga), "allocation-rules/")["results"][0]["available_actions"] == []
    assert get(signed_in(org.axel), "allocation-rules/")["results"][0]["available_actions"] == [
        "consumption",
        "import",
    ]
    assert get(signed_in(org.dora), "allocation-rules/")["results"] == []
    assert signed_in(org.nils).get(address).status_code == 404


@pytest.fixture
def metered(org):
    room(org, "CC200", "CC300")
    spend(org.cell("CC100", "6300"), "100.00")
    return make_rule(org, consumption_input(org))


def test_consumption_comes_any_number_of_times(org, metered):
    axel = signed_in(org.axel)
    rows = [{"month": "2026-02", "cost_center": "CC200", "units": "3"}]
    path = f"allocation-rules/{metered.pk}/consumption/"
    assert post(axel, path, {"rows": rows}) == {"created": 1, "changed": 0, "unchanged": 0}
    assert post(axel, path, {"rows": rows}) == {"created": 0, "changed": 0, "unchanged": 1}
    refused(send(signed_in(org.dora), path, {"rows": rows}), 404, "not-found")
    wrong = [{"month": "2026-13", "cost_center": "CC200", "units": "3"}]
    said = refused(send(axel, path, {"rows": wrong}), 422, "invalid")
    assert said["errors"][0]["pointer"] == "/rows/0/month"


def upload(client: Any, rule: AllocationRule, text: str) -> Any:
    file = SimpleUploadedFile("units.csv", text.encode(), content_type="text/csv")
    return client.post(
        f"{V1}/allocation-rules/{rule.pk}/import/", {"file": file}, format="multipart"
    )


def test_consumption_comes_as_a_file(org, metered):
    axel = signed_in(org.axel)
    text = "month;cost_center;units\n2026-02;CC200;1.5\n2026-02;CC300;0.5\n"
    assert upload(axel, metered, text).json() == {"created": 2, "changed": 0, "unchanged": 0}
    assert upload(axel, metered, text).json() == {"created": 0, "changed": 0, "unchanged": 2}


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("month,cost_center,units\n2026-02,CC200,1\nMay,CC300,2\n", "/rows/1/month"),
        ("month,cost_center,units\n2026-02,CC999,1\n", "/rows/0/cost_center"),
        ("month,cost_center,units\n2026-02,CC200,1e3\n", "/rows/0/units"),
        ("month,cost_center,units\n2026-02,CC200\n", "/rows/0/units"),
        ("month,cost_center,units\n", "/rows"),
        ("month,units\n2026-02,1\n", ""),
    ],
)
def test_a_file_with_a_wrong_row_is_refused_whole(org, metered, text, pointer):
    said = refused(upload(signed_in(org.axel), metered, text), 422, "invalid")
    assert [each["pointer"] for each in said.get("errors", [])] == ([pointer] if pointer else [])
    assert not Consumption.objects.exists()


def test_a_month_is_previewed_run_and_reversed(org, rule):
    spend(org.cell("CC100", "6300"), "1000.01")
    cora = signed_in(org.cora)
    asked = {"rule": "Cloud", "month": "2026-02"}
    seen = post(cora, "allocations/preview/", asked)
    assert [line["amount"] for line in seen["lines"]] == ["600.01", "400.00"]
    assert (seen["total"], seen["refusals"]) == ("1000.01", [])
    assert not Allocation.objects.exists()
    made = post(cora, "allocations/run/", asked, status=201)
    assert made["status"] == "queued"
    refused(send(cora, "allocations/run/", asked), 409, "already-shared")
    outbox.drain()
    posted = get(cora, f"allocations/{made['id']}/")
    assert (posted["number"], posted["total"]) == ("AL-2026-000001", "1000.01")
    assert posted["available_actions"] == ["reverse"]
    assert posted["spends"][0]["amount"] == "1000.01"
    path = f"allocations/{made['id']}/reverse/"
    refused(send(cora, path, {"reason": ""}), 422, "invalid")
    assert post(cora, path, {"reason": "Wrong split"})["status"] == "reversed"
    refused(send(cora, path, {"reason": "Again"}), 409, "illegal-transition")


def test_others_neither_preview_nor_run_nor_reverse(org, posted):
    asked = {"rule": str(posted.rule_id), "month": "2026-02"}
    for who, status in (("axel", 403), ("olga", 403), ("dora", 422)):
        client = signed_in(org.people[who])
        assert send(client, "allocations/run/", asked).status_code in (status, 400)
    assert send(signed_in(org.axel), "allocations/preview/", asked).status_code == 403
    assert post(signed_in(org.olga), "allocations/preview/", asked)["refusals"]
    path = f"allocations/{posted.pk}/reverse/"
    assert send(signed_in(org.axel), path, {"reason": "No"}).status_code == 403
    assert send(signed_in(org.dora), path, {"reason": "No"}).status_code == 404


def seen_by(org, who) -> list[str]:
    found = get(signed_in(org.people[who]), "statements/")["results"]
    return sorted(each["cost_center"] for each in found)


def test_everybody_sees_what_is_theirs(org, posted):
    for who in ("cora", "olga", "axel"):
        assert seen_by(org, who) == ["CC200", "CC300"]
    assert seen_by(org, "dora") == ["CC200"]
    assert seen_by(org, "sven") == ["CC300"]
    assert seen_by(org, "rita") == seen_by(org, "nils") == seen_by(org, "ada") == []


def test_the_owner_of_a_service_sees_only_its_lines(org, posted):
    other = make_rule(
        org, rule_input(org, kind="showback", gl_account=None, service_owner=org.bea), name="Rest"
    )
    spend(org.cell("CC100", "6600"), "10.00")
    run(other)
    assert services_seen(org.axel) == ["Cloud"]
    assert services_seen(org.bea) == ["Rest"]
    assert services_seen(org.dora) == services_seen(org.cora) == ["Cloud", "Rest"]


def services_seen(user: Any) -> list[str]:
    (found,) = get(signed_in(user), "statements/?cost_center=CC200")["results"]
    return [line["service"] for line in found["lines"]]


@pytest.fixture
def statement(org, posted) -> dict[str, Any]:
    return get(signed_in(org.dora), "statements/")["results"][0]


def test_a_statement_shows_what_stands_behind_it(org, statement):
    line = statement["lines"][0]
    assert (statement["month"], statement["total"], statement["charged"]) == (
        "2026-02",
        "600.01",
        "600.01",
    )
    assert (line["shared"], line["percent"], line["amount"]) == ("1000.01", "60", "600.01")
    assert [entry["amount"] for entry in line["entries"]] == ["-600.01", "600.01"]
    assert [(d["number"], d["amount"]) for d in line["documents"]] == [("OP-1", "1000.01")]
    assert line["available_actions"] == ["dispute"]


def test_a_line_is_disputed_and_corrected(org, statement):
    path, line = f"statements/{statement['id']}", statement["lines"][0]["id"]
    axel, dora = signed_in(org.axel), signed_in(org.dora)
    asked = {"line": line, "reason": "We left"}
    refused(send(axel, f"{path}/dispute/", asked), 403, "not-allowed")
    refused(send(signed_in(org.rita), f"{path}/dispute/", asked), 404, "not-found")
    said = post(dora, f"{path}/dispute/", asked)
    assert said["lines"][0]["status"] == "disputed"
    assert said["version"] > statement["version"]
    answer = {"line": line, "resolution": "corrected", "comment": "Only January"}
    refused(send(dora, f"{path}/resolve/", {**answer, "amount": "1"}), 403, "not-allowed")
    refused(send(axel, f"{path}/resolve/", answer), 422, "invalid")
    said = post(axel, f"{path}/resolve/", {**answer, "amount": "100.00"})
    assert [(each["status"], each["amount"]) for each in said["lines"]] == [
        ("corrected", "600.01"),
        ("stands", "-600.01"),
        ("stands", "100.00"),
    ]
    assert said["total"] == said["charged"] == "100.00"


def test_a_line_is_kept(org, statement):
    path, line = f"statements/{statement['id']}", statement["lines"][0]["id"]
    post(signed_in(org.dora), f"{path}/dispute/", {"line": line, "reason": "We left"})
    kept = {"line": line, "resolution": "kept", "comment": "You did not"}
    said = post(signed_in(org.axel), f"{path}/resolve/", kept)
    assert said["lines"][0]["resolution"] == "You did not"


def test_a_line_of_another_statement_is_refused(org, posted, statement):
    other = Statement.objects.get(cost_center__code="CC300")
    body = {"line": statement["lines"][0]["id"], "resolution": "kept", "comment": "So"}
    answer = send(signed_in(org.axel), f"statements/{other.pk}/resolve/", body)
    refused(answer, 422, "invalid")


def test_a_statement_is_a_file_too(org, statement):
    dora = signed_in(org.dora)
    address = f"{V1}/statements/{statement['id']}/"
    answer = dora.get(f"{address}?format=csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert (rows[0]["service"], rows[0]["amount"], rows[0]["documents"]) == (
        "Cloud",
        "600.01",
        "OP-1",
    )
    assert rows[1]["line"] == "Total"
    book = b"".join(dora.get(f"{address}?format=xlsx").streaming_content)
    assert zipfile.ZipFile(io.BytesIO(book)).testzip() is None
    printed = b"".join(dora.get(f"{address}?format=pdf").streaming_content)
    assert printed.startswith(b"%PDF-")
    assert dora.get(f"{address}?format=doc").status_code == 400
    assert signed_in(org.sven).get(f"{address}?format=pdf").status_code == 404


def test_lists_cost_the_same_however_long(org, posted):
    def cost() -> int:
        client = signed_in(org.cora)
        with CaptureQueriesContext(connection) as seen:
            for path in ("statements", "allocations", "allocation-rules"):
                get(client, f"{path}/")
        return len(seen)

    first = cost()
    for number in range(4):
        rule = make_rule(org, name=f"Further {number}")
        spend(org.cell("CC100", "6300"), "10.00")
        run(rule, at=AT)
    assert cost() == first
