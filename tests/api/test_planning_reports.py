"""Variance, forecast, burn-down, aging and scheduled reports over the API."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from budgets.models import CostCenter, LedgerEntry
from purchase_orders.models import PurchaseOrderLine
from reports.models import RunningExport, ScheduledReport
from tests.api.conftest import Client
from tests.api.lives import V1, billed, get, issued, post, received
from tests.api.test_problems import problem

pytestmark = pytest.mark.django_db
SCHEDULED = {"name": "Mine", "report": "forecast", "filters": {"cost_center": "CC100"}}


def content(answer: Any) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def test_the_variance_of_a_budget(org: Any, api: Client) -> None:
    issued(org)
    report = get(api(org.cora), "reports/budget-variance/?cost_center=CC100&gl_account=6600")
    [row] = report["rows"]
    assert (row["budget"], row["encumbered"], row["on_order"]) == (
        "100000.00",
        "1000.00",
        "1000.00",
    )
    assert (row["forecast"], row["variance"], row["variance_percent"]) == (
        "1000.00",
        "99000.00",
        "99",
    )
    assert (row["method"], report["ties"]) == ("commitments_only", True)
    kinds = get(api(org.cora), "reports/budget-variance/?group_by=kind")["rows"]
    assert [(each["kind"], each["cost_center"]) for each in kinds] == [
        ("capex", None),
        ("opex", None),
    ]
    for kind, held in (("capex", "0.00"), ("opex", "1000.00")):
        of_kind = f"?kind={kind}&cost_center=CC100"
        assert get(api(org.cora), f"reports/commitments/{of_kind}")["totals"]["encumbered"] == held
        last = get(api(org.cora), f"reports/commitment-burn-down/{of_kind}")["rows"][-1]
        assert last["encumbered"] == held


def test_the_forecast_follows_an_order_that_slips(org: Any, api: Client) -> None:
    issued(org)
    lines = PurchaseOrderLine.objects
    lines.update(need_by="2026-05-20")
    report = get(api(org.cora), "reports/forecast/?cost_center=CC100")
    on_order = {each["month"]: each["on_order"] for each in report["months"]}
    assert len(on_order) == 12
    assert on_order["2026-05"] == "1000.00"
    assert [year["fiscal_year"] for year in report["years"]] == [2026, 2027, 2028]
    lines.update(need_by="2027-01-15")
    report = get(api(org.cora), "reports/forecast/?cost_center=CC100")
    assert [year["on_order"] for year in report["years"]] == ["0.00", "1000.00", "0.00"]
    assert report["ties"]


def test_the_burn_down_of_an_order_and_of_a_cost_centre(org: Any, api: Client) -> None:
    order = issued(org)
    received(org, order, "4")
    billed(org, order, "4")
    cora = api(org.cora)
    for name in (order["number"], order["id"]):
        report = get(cora, f"reports/commitment-burn-down/?order={name}")
        assert report["order"]["number"] == order["number"]
        assert [(row["spent"], row["left"]) for row in report["rows"]] == [("400.00", "600.00")]
        assert (report["ties"], report["difference"]) == (True, "0.00")
    report = get(cora, "reports/commitment-burn-down/?cost_center=CC100")
    assert report["rows"][-1]["encumbered"] == "600.00"
    assert (report["ties"], report["difference"]) == (True, "0.00")
    problem(cora.get(f"{V1}/reports/commitment-burn-down/?order=PO-1"), 404, "not-found")
    nils = api(org.nils)
    problem(
        nils.get(f"{V1}/reports/commitment-burn-down/?order={order['number']}"), 404, "not-found"
    )


def test_c12_an_invoice_says_what_it_costs_beside_its_order(org: Any, api: Client) -> None:
    order = issued(org)
    received(org, order, "10")
    made = billed(org, order, "10", "99.00")
    finn = api(org.finn)
    assert made["status"] == "cleared"
    difference = {
        "line_number": 1,
        "ordered": "1000.00",
        "spent": "990.00",
        "price": "-10.00",
        "exchange_rate": "0.00",
    }
    assert get(finn, f"invoices/{made['id']}/")["variances"] == [difference]
    other = issued(org)
    received(org, other, "10")
    same = billed(org, other, "10", number="R-2")
    shown = {each["id"]: each["variances"] for each in get(finn, "invoices/")["results"]}
    assert shown == {made["id"]: [difference], same["id"]: []}


def test_open_orders_by_age(org: Any, api: Client) -> None:
    order = issued(org)
    report = get(api(org.cora), "reports/open-orders-aging/")
    assert [(row["order_number"], row["held"]) for row in report["rows"]] == [
        (order["number"], "1000.00")
    ]
    assert (report["ties"], report["difference"], report["median_age"]) == (True, "0.00", "0")


def test_accruals_tie_to_the_stored_sums(org: Any, api: Client) -> None:
    received(org, issued(org), "6")
    report = get(api(org.cora), "reports/accruals/")
    assert (report["total"], report["ties"], report["difference"]) == ("600.00", True, "0.00")
    known = get(api(org.cora), "reports/accruals/?recorded_at=2026-03-01")
    assert (known["total"], known["ties"], known["difference"]) == ("0.00", None, None)


def test_the_entries_of_a_figure_can_be_asked_for(org: Any, api: Client) -> None:
    """Whoever sees a figure gets the entries that it is the sum of, by the same words."""
    order = issued(org)
    issued(org)
    received(org, order, "4")
    billed(org, order, "4")
    first, last = LedgerEntry.objects.earliest("id"), LedgerEntry.objects.latest("posting_date")
    for person in (org.cora, org.sven):  # sven owns another cost centre, and sees all budgets
        client = api(person)
        days = f"as_of={last.posting_date}"
        for query in ("", "&kind=opex", "&kind=capex", "&project=none", "&project=ATLAS"):
            totals = get(client, f"reports/commitments/?cost_center=CC100&{days}{query}")["totals"]
            asked = f"ledger-entries/?cost_center=CC100&posted_to={last.posting_date}{query}"
            for stage, name in (("ENC", "encumbered"), ("ACT", "spent")):
                found = get(client, f"{asked}&stage={stage}&page_size=100")["results"]
                assert sum(Decimal(each["amount"]) for each in found) == Decimal(totals[name])
    known = f"ledger-entries/?budget={first.cell_id}&recorded_before={first.recorded_at:%Y-%m-%d}"
    assert get(api(org.cora), known)["results"] == []


def test_what_the_books_said_on_a_day(org: Any, api: Client) -> None:
    issued(org)
    [entry] = LedgerEntry.objects.filter(stage="ENC")
    report = get(api(org.cora), "reports/commitments/?recorded_at=2026-03-01&group_by=cost_center")
    assert (report["totals"]["encumbered"], report["ties"]) == ("0.00", True)
    assert report["recorded_at"] == "2026-03-01"
    now = get(api(org.cora), f"reports/commitments/?recorded_at={entry.posting_date}")
    assert now["totals"]["encumbered"] == "1000.00"


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("budget-variance/?kind=nonsense", 400, "invalid-filter"),
        ("budget-variance/?group_by=period", 422, "invalid"),
        ("budget-variance/?fiscal_year=9999", 400, "invalid-filter"),
        ("forecast/?recorded_at=today", 400, "invalid-filter"),
        ("forecast/?as_of=0001-01-01", 400, "invalid-filter"),
        ("accruals/?recorded_at=9999-12-31", 400, "invalid-filter"),
        ("open-orders-aging/?recorded_at=2026-03-01", 400, "unknown-filter"),
        ("accruals/?cost_center=CC100", 400, "unknown-filter"),
    ],
)
def test_a_question_that_cannot_be_answered(
    org: Any, api: Client, path: str, status: int, kind: str
) -> None:
    problem(api(org.cora).get(f"{V1}/reports/{path}"), status, kind)


def test_who_owns_a_cost_centre_sees_the_plans_of_it(org: Any, api: Client) -> None:
    CostCenter.objects.filter(code="CC300").update(owner=org.rob)
    rob = api(org.rob)
    for name in ("budget-variance", "forecast", "commitment-burn-down"):
        assert get(rob, f"reports/{name}/?cost_center=CC300")["report"] == name
        problem(rob.get(f"{V1}/reports/{name}/"), 403, "not-allowed")
        problem(rob.get(f"{V1}/reports/{name}/?cost_center=CC100"), 404, "not-found")
    for name in ("accruals", "open-orders-aging"):
        problem(rob.get(f"{V1}/reports/{name}/"), 403, "not-allowed")


@pytest.mark.parametrize(
    "name", ["budget-variance", "forecast", "commitment-burn-down", "open-orders-aging", "accruals"]
)
def test_every_report_is_a_file_too(org: Any, api: Client, name: str) -> None:
    received(org, issued(org), "6")
    cora = api(org.cora)
    rows = list(
        csv.reader(io.StringIO(content(cora.get(f"{V1}/reports/{name}/?format=csv")).decode()))
    )
    assert len(rows) > 1
    assert len({len(row) for row in rows[:2]}) == 1
    assert content(cora.get(f"{V1}/reports/{name}/?format=xlsx")).startswith(b"PK")


def test_one_file_at_a_time_for_each_person(org: Any, api: Client) -> None:
    now = timezone.now()
    running = RunningExport.objects.create(person=org.cora, until=now + timedelta(seconds=60))
    cora = api(org.cora)
    path = f"{V1}/reports/commitments/?format=csv"
    answer = cora.get(path)
    problem(answer, 429, "too-many-requests")
    assert 0 < int(answer["Retry-After"]) <= 10
    assert get(cora, "reports/commitments/")["ties"]  # what is no file goes on
    assert api(org.olga).get(path).status_code == 200  # and so do others
    RunningExport.objects.filter(pk=running.pk).update(until=now - timedelta(seconds=1))
    assert cora.get(path).status_code == 200  # a claim that its process left behind lapses
    assert not RunningExport.objects.exists()


def test_a_refused_file_gives_its_claim_back(org: Any, api: Client) -> None:
    cora = api(org.cora)
    problem(cora.get(f"{V1}/reports/commitments/?format=csv&group_by=colour"), 422, "invalid")
    assert not RunningExport.objects.exists()


def test_a_scheduled_report_is_added_paused_resumed_and_ended(org: Any, api: Client) -> None:
    cora = api(org.cora)
    made = post(cora, "scheduled-reports/", {**SCHEDULED, "frequency": "daily"}, status=201)
    assert (made["status"], made["next_run_at"]) == ("active", "2026-03-03T06:00:00Z")
    path = f"scheduled-reports/{made['id']}"
    assert post(cora, f"{path}/pause/")["next_run_at"] is None
    problem(cora.post(f"{V1}/{path}/pause/", {}, format="json"), 409, "illegal-transition")
    assert post(cora, f"{path}/resume/")["status"] == "active"
    events = get(cora, f"{path}/history/")["results"]
    assert [each["type"] for each in events] == [
        "scheduled_report.created",
        "scheduled_report.paused",
        "scheduled_report.resumed",
    ]
    assert post(cora, f"{path}/end/")["status"] == "ended"
    assert get(cora, "scheduled-reports/")["results"] == []


def test_what_cannot_be_scheduled_is_named(org: Any, api: Client) -> None:
    cora = api(org.cora)
    answer = cora.post(
        f"{V1}/scheduled-reports/", {**SCHEDULED, "filters": {"vendor": "V"}}, format="json"
    )
    found = problem(answer, 422, "invalid")
    assert [each["pointer"] for each in found["errors"]] == ["/filters"]
    answer = api(org.rita).post(f"{V1}/scheduled-reports/", SCHEDULED, format="json")
    problem(answer, 403, "not-allowed")
    assert not ScheduledReport.objects.exists()


def test_scheduled_reports_of_others_are_not_seen(org: Any, api: Client) -> None:
    made = post(api(org.cora), "scheduled-reports/", SCHEDULED, status=201)
    for person in (org.olga, org.nils):
        assert get(api(person), "scheduled-reports/")["results"] == []
        answer = api(person).post(f"{V1}/scheduled-reports/{made['id']}/end/", {}, format="json")
        problem(answer, 404, "not-found")
