"""Budgets over the API: moved by what others approve, set from files, spent by outside journals."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from approvals.models import ApprovalStep
from budgeting.models import BudgetChange, FileImport, Journal
from budgets.models import LedgerEntry
from tests.api.conftest import Client, signed_in
from tests.api.lives import get, post
from tests.api.test_problems import problem
from tests.budgeting.files import csv_of, xlsx_of
from tests.budgeting.scene import TIGHT, A, B, asked, books
from tests.budgets.postings import Desk

pytestmark = pytest.mark.django_db
HEAD = ["fiscal_year", "cost_center", "gl_account", "amount"]
PAY = {
    "external_id": "PAY-1",
    "posting_date": "2026-02-27",
    "description": "Payroll",
    "lines": [
        {"cost_center": "CC100", "gl_account": "6300", "amount": "120.00"},
        {"cost_center": "CC400", "gl_account": "6600", "amount": "-7.50", "project": None},
    ],
}


def transfer(client: Any, org: Any, amount: str = "30.00", **more: Any) -> Any:
    body = {"to": str(org.cells[B].pk), "amount": amount, "reason": "More hardware", **more}
    return client.post(f"/api/v1/budgets/{org.cells[A].pk}/transfer/", body, format="json")


def upload(client: Any, resource: str, data: bytes, query: str = "", **more: Any) -> Any:
    body = {"file": SimpleUploadedFile("plan.csv", data), **more}
    return client.post(f"/api/v1/{resource}/import/{query}", body, format="multipart")


def decide(change_id: str, word: str = "approve") -> Any:
    step = ApprovalStep.objects.get(request__subject_id=change_id, status="active")
    body = {"comment": "Seen"}
    return post(signed_in(step.assignee), f"approvals/{step.pk}/{word}/", body)


def test_a_transfer_waits_for_somebody_else_and_then_holds(org: Any, api: Client) -> None:
    answer = transfer(api(org.dora), org)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert answer["Location"].endswith(f"/api/v1/budget-changes/{body['id']}/")
    assert (body["status"], body["kind"], body["total"]) == ("in_approval", "transfer", "30.00")
    assert [each["amount"] for each in body["lines"]] == ["-30.00", "30.00"]
    assert body["available_actions"] == ["withdraw"]
    decide(body["id"])
    found = get(api(org.cora), f"budget-changes/{body['id']}/")
    assert (found["status"], found["decided_by"]["name"]) == ("approved", "Cora Neumann")
    assert all(each["is_applied"] for each in found["lines"])
    assert get(api(org.cora), f"budgets/{org.cells[B].pk}/")["amount"] == "100030.00"
    told = get(api(org.cora), f"budget-changes/{body['id']}/history/")["results"]
    assert [each["action"] for each in told] == ["created", "submitted", "approved"]


def test_the_same_key_transfers_once(org: Any, api: Client) -> None:
    dora = api(org.dora)
    first, again = (
        dora.post(
            f"/api/v1/budgets/{org.cells[A].pk}/transfer/",
            {"to": str(org.cells[B].pk), "amount": "5", "reason": "Once"},
            format="json",
            HTTP_IDEMPOTENCY_KEY="t-1",
        )
        for _ in range(2)
    )
    assert first.json() == again.json()
    assert BudgetChange.objects.count() == 1


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"to": "999999"}, "/to"),
        ({"to": 7}, "/to"),
        ({"amount": "0"}, "/amount"),
        ({"amount": "x"}, "/amount"),
        ({"reason": ""}, "/reason"),
        ({"from": "1"}, "/from"),
    ],
)
def test_what_a_transfer_lacks_is_named(
    org: Any, api: Client, more: dict[str, Any], pointer: str
) -> None:
    answer = transfer(api(org.dora), org, **more)
    assert pointer in [each["pointer"] for each in problem(answer, 422, "invalid")["errors"]]
    assert not BudgetChange.objects.exists()


def test_who_may_not_and_what_is_not_there(org: Any, api: Client) -> None:
    problem(transfer(api(org.bea), org), 403, "not-allowed")
    problem(transfer(api(org.rita), org), 404, "not-found")
    problem(transfer(api(org.nils), org), 404, "not-found")
    problem(transfer(api(org.dora, "read"), org), 403, "missing-scope")
    abroad = transfer(api(org.dora), org, to=str(org.uk_cell.pk))
    problem(abroad, 422, "invalid")


def test_what_is_in_use_is_not_given_away(org: Any, api: Client) -> None:
    Desk(org, org.cells[TIGHT]).order("1", "450")
    body = {"to": str(org.cells[A].pk), "amount": "51", "reason": "Too much"}
    answer = api(org.dora).post(f"/api/v1/budgets/{org.cells[TIGHT].pk}/transfer/", body)
    problem(answer, 422, "budget-below-use")
    assert not BudgetChange.objects.exists()


def test_a_draft_of_several_lines_is_changed_submitted_and_withdrawn(org: Any, api: Client) -> None:
    dora = api(org.dora)
    lines = [
        {"budget": str(org.cells[A].pk), "amount": "-30"},
        {"budget": str(org.cells[B].pk), "amount": "10"},
        {"budget": str(org.cells[TIGHT].pk), "amount": "20"},
    ]
    body = {"kind": "transfer", "reason": "Shift", "lines": lines}
    draft = post(dora, "budget-changes/", body, status=201)
    assert (draft["status"], draft["number"]) == ("draft", None)
    changed = dora.patch(
        f"/api/v1/budget-changes/{draft['id']}/",
        {"reason": "Shift more"},
        format="json",
        HTTP_IF_MATCH=f'"{draft["version"]}"',
    )
    assert changed.json()["reason"] == "Shift more"
    assert len(changed.json()["lines"]) == 3
    stale = dora.patch(
        f"/api/v1/budget-changes/{draft['id']}/",
        {"reason": "Stale"},
        format="json",
        HTTP_IF_MATCH=f'"{draft["version"]}"',
    )
    problem(stale, 412, "stale-version")
    waiting = post(dora, f"budget-changes/{draft['id']}/submit/", {})
    assert waiting["number"] == "BC-2026-000001"
    gone = post(dora, f"budget-changes/{draft['id']}/withdraw/", {"reason": "Later"})
    assert gone["status"] == "withdrawn"
    again = dora.post(f"/api/v1/budget-changes/{draft['id']}/withdraw/", {}, format="json")
    problem(again, 409, "illegal-transition")


def test_approved_it_is_undone_by_its_opposite(org: Any, api: Client) -> None:
    made = transfer(api(org.dora), org).json()
    decide(made["id"])
    undone = post(
        api(org.dora),
        f"budget-changes/{made['id']}/reverse/",
        {"reason": "Not needed"},
        status=201,
    )
    assert (undone["reverses"], undone["status"]) == (made["id"], "in_approval")
    decide(undone["id"])
    assert org.cell(*A).amount == 100_000


def test_a_list_costs_the_same_however_long(
    org: Any, api: Client, django_assert_max_num_queries: Any
) -> None:
    cora = api(org.cora)
    for _ in range(6):
        asked(org, (A, -10), (B, 10))
    with django_assert_max_num_queries(9):
        found = get(cora, "budget-changes/?status=in_approval")["results"]
    assert len(found) == 6
    assert not get(api(org.nils), "budget-changes/")["results"]


def test_a_dry_run_changes_nothing_and_the_import_does(org: Any, api: Client) -> None:
    before, cora = books(org), api(org.cora)
    data = csv_of(HEAD, [2026, "CC400", "6600", "700"], [2026, "CC600", "6310", "1.200,50"])
    seen = upload(cora, "budgets", data, "?dry_run=true").json()
    assert (seen["is_applied"], seen["created"], seen["updated"], seen["bad"]) == (False, 1, 1, 0)
    assert seen["taken"][0]["old"] == "500.00 EUR, stop"
    assert books(org) == before
    done = upload(cora, "budgets", data, reason="Plan").json()
    assert (done["is_applied"], done["created"], done["updated"]) == (True, 1, 1)
    assert org.cell(*TIGHT).amount == 700
    again = upload(cora, "budgets", data).json()
    assert again["unchanged"] == 2


def test_bad_rows_keep_a_file_out_unless_the_rest_is_asked_for(org: Any, api: Client) -> None:
    cora = api(org.cora)
    data = xlsx_of(HEAD, [2026, "CC400", 6600, 700], [2026, "CC999", 6310, "=1+1"])
    body = problem(upload(cora, "budgets", data), 422, "rows-refused")
    assert [each["pointer"] for each in body["errors"]] == [
        "/rows/3/cost_center",
        "/rows/3/amount",
    ]
    assert org.cell(*TIGHT).amount == 500
    assert not FileImport.objects.exists()
    done = upload(cora, "budgets", data, partial="true").json()
    assert (done["updated"], done["bad"]) == (1, 1)
    assert [each["row"] for each in done["bad_rows"]] == [3]


@pytest.mark.parametrize("resource", ["budgets", "journals"])
def test_files_that_are_none_and_people_who_may_not(org: Any, api: Client, resource: str) -> None:
    for data in (b"", b"\xff\xfe\x00", b"PK\x03\x04", b"code\n1\n"):
        answer = upload(api(org.cora), resource, data)
        assert answer.status_code in (415, 422), answer.content
    problem(upload(api(org.cora), resource, b"x" * (6 * 1024 * 1024)), 413, "too-large")
    problem(upload(api(org.bea), resource, b"code\n1\n"), 403, "not-allowed")
    problem(upload(api(org.cora), resource, b"x", "?dry_run=maybe"), 400, "invalid-filter")


def test_a_journal_is_posted_once(org: Any, api: Client) -> None:
    cora = api(org.cora)
    made = post(cora, "journals/", PAY, status=201)
    assert (made["number"], made["total"], made["currency"]) == ("JV-2026-000001", "112.50", "EUR")
    assert [each["line_number"] for each in made["lines"]] == [1, 2]
    again = cora.post("/api/v1/journals/", PAY, format="json")
    assert (again.status_code, again.json()["id"]) == (200, made["id"])
    other = {**PAY, "description": "Payroll, corrected"}
    problem(cora.post("/api/v1/journals/", other, format="json"), 409, "journal-differs")
    assert Journal.objects.count() == 1
    entries = get(cora, f"ledger-entries/?document_id={made['id']}")["results"]
    assert {(each["stage"], each["document"]["type"]) for each in entries} == {("ACT", "journal")}
    assert get(cora, "journals/?external_id=PAY-1")["results"][0]["id"] == made["id"]


def test_a_journal_is_reversed_by_its_mirror(org: Any, api: Client) -> None:
    cora = api(org.cora)
    made = post(cora, "journals/", PAY, status=201)
    assert made["available_actions"] == ["reverse"]
    problem(
        api(org.fay).post(f"/api/v1/journals/{made['id']}/reverse/", {"reason": "x"}),
        403,
        "not-allowed",
    )
    gone = post(cora, f"journals/{made['id']}/reverse/", {"reason": "Twice in the books"})
    assert (gone["status"], gone["reversed_on"]) == ("reversed", "2026-02-27")
    assert org.cell(*A).spent == 0
    told = get(cora, f"journals/{made['id']}/history/")["results"]
    assert [each["action"] for each in told] == ["posted", "reversed"]


def test_a_wrong_journal_is_named_field_by_field(org: Any, api: Client) -> None:
    cora = api(org.cora)
    wrong = {**PAY, "currency": "EUX", "lines": []}
    body = problem(cora.post("/api/v1/journals/", wrong, format="json"), 422, "invalid")
    assert {each["pointer"] for each in body["errors"]} == {"/currency", "/lines"}
    lines = [{"cost_center": "CC999", "gl_account": "6300", "amount": "1"}]
    body = problem(
        cora.post("/api/v1/journals/", {**PAY, "lines": lines}, format="json"), 422, "invalid"
    )
    assert {each["pointer"] for each in body["errors"]} == {"/lines/0/cost_center"}
    problem(api(org.fay).post("/api/v1/journals/", PAY, format="json"), 403, "not-allowed")
    assert not LedgerEntry.objects.exists()


def test_journals_come_from_a_file(org: Any, api: Client) -> None:
    head = ["external_id", "posting_date", "description", "cost_center", "gl_account", "amount"]
    data = csv_of(head, ["RENT-1", "2026-02-01", "Rent", "CC400", "6600", "33"], delimiter=";")
    cora = api(org.cora)
    assert upload(cora, "journals", data, "?dry_run=true").json()["created"] == 1
    assert not Journal.objects.exists()
    upload(cora, "journals", data)
    assert org.cell(*TIGHT).spent == 33
