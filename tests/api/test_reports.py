"""Reports over the API: tied, dated, as files that no spreadsheet misreads."""

import csv
import io
from typing import Any

import openpyxl
import pytest

from budgets.models import CostCenter
from tests.api.conftest import Client
from tests.api.lives import billed, get, issued, received
from tests.api.test_problems import problem

pytestmark = pytest.mark.django_db
URL = "/api/v1/reports/commitments/"


def content(answer: Any) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def test_a_past_day_shows_what_was_then(org: Any, api: Client) -> None:
    issued(org)
    cora = api(org.cora)
    now = get(cora, "reports/commitments/?group_by=cost_center&cost_center=CC100")
    before = get(cora, "reports/commitments/?group_by=cost_center&as_of=2026-03-01")
    assert [row["encumbered"] for row in now["rows"]] == ["1000.00"]
    assert before["totals"]["encumbered"] == "0.00"
    assert (now["ties"], before["ties"]) == (True, True)
    assert now["rows"][0]["gl_account"] is None
    assert now["rows"][0]["available"] == "299000.00"


def test_the_csv_says_what_the_json_says(org: Any, api: Client) -> None:
    issued(org)
    cora = api(org.cora)
    report = get(cora, "reports/commitments/?fiscal_year=2026")
    answer = cora.get(f"{URL}?fiscal_year=2026&format=csv")
    assert answer["Content-Type"].startswith("text/csv")
    assert answer["Content-Disposition"] == 'attachment; filename="commitments.csv"'
    rows = list(csv.DictReader(io.StringIO(content(answer).decode())))
    shown = [row for row in rows if row["fiscal_year"] == "2026"]
    assert [row["encumbered"] for row in shown] == [row["encumbered"] for row in report["rows"]]
    assert any(row["fiscal_year"] == "Ties to the ledger" for row in rows)


def test_the_xlsx_holds_figures(org: Any, api: Client) -> None:
    issued(org)
    answer = api(org.cora).get(f"{URL}?fiscal_year=2026&group_by=cost_center&format=xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(content(answer))).active
    header = [cell.value for cell in sheet[1]]
    first = dict(zip(header, [cell.value for cell in sheet[2]], strict=True))
    assert (first["cost_center"], first["encumbered"]) == ("CC100", 1000)


def test_a_name_that_looks_like_a_formula_is_text(org: Any, api: Client) -> None:
    CostCenter.objects.filter(pk=org.cost_centers["CC100"].pk).update(name="=1+1")
    answer = api(org.cora).get(f"{URL}?group_by=cost_center&format=csv")
    assert b",'=1+1," in content(answer)


def test_what_was_received_and_not_billed_is_listed(org: Any, api: Client) -> None:
    order = issued(org)
    received(org, order, "6")
    billed(org, order, "4")
    report = get(api(org.cora), "reports/accruals/")
    assert [(row["order_number"], row["base_amount"]) for row in report["rows"]] == [
        (order["number"], "200.00")
    ]
    assert report["total"] == "200.00"


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("vendor=V-1000", "unknown-filter"),
        ("cost_center__name=x", "unknown-filter"),
        ("as_of=yesterday", "invalid-filter"),
        ("as_of=2026-02-30", "invalid-filter"),
        ("fiscal_year=26", "invalid-filter"),
        ("format=pdf", "invalid-filter"),
        ("cost_center=%00", "malformed"),
    ],
)
def test_a_question_that_cannot_be_read_is_400(
    org: Any, api: Client, query: str, kind: str
) -> None:
    problem(api(org.cora).get(f"{URL}?{query}"), 400, kind)


def test_an_unknown_report_or_group_is_refused(org: Any, api: Client) -> None:
    cora = api(org.cora)
    problem(cora.get("/api/v1/reports/salaries/"), 404, "not-found")
    problem(cora.get(f"{URL}?group_by=vendor"), 422, "invalid")


def test_who_owns_a_cost_centre_sees_it_and_a_budget_owner_the_entity(
    org: Any, api: Client
) -> None:
    CostCenter.objects.filter(code="CC300").update(owner=org.rob)
    rob = api(org.rob)
    rows = get(rob, "reports/commitments/?cost_center=CC300&fiscal_year=2026")["rows"]
    assert {row["cost_center"] for row in rows} == {"CC300"}
    problem(rob.get(f"{URL}?cost_center=CC100"), 404, "not-found")
    problem(rob.get(f"{URL}?cost_center=CC999"), 404, "not-found")
    problem(rob.get(URL), 403, "not-allowed")
    of_all = get(api(org.cora), "reports/commitments/?fiscal_year=2026")
    assert get(api(org.sven), "reports/commitments/?fiscal_year=2026") == of_all
    problem(api(org.rita).get(f"{URL}?cost_center=CC300"), 403, "not-allowed")


def test_the_other_entity_reports_its_own(org: Any, api: Client) -> None:
    issued(org)
    report = get(api(org.nils), "reports/commitments/?fiscal_year=2026")
    assert report["currency"] == "GBP"
    assert [row["budget"] for row in report["rows"]] == ["20000.00"]
    assert report["totals"]["encumbered"] == "0.00"
