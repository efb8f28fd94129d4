"""The commitment report in the browser: every figure opens what it is the sum of."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from html import escape

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse

from budgets import ledger, services
from budgets.models import BudgetCell, CostCenter
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, TODAY, Organisation, approved, budget_cell
from tests.pages import signed_in, statements, text_of
from tests.reports.test_accruals import Order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
REPORT, ENTRIES = reverse("reports:commitments"), reverse("reports:entries")
FIGURES = {
    "BUD": "budget",
    "PRE": "pre_encumbered",
    "ENC": "encumbered",
    "RNI": "received_not_invoiced",
    "ACT": "spent",
    "all": "available",
}


@pytest.fixture
def page(org: Organisation) -> Client:
    return signed_in(org.cora)


@pytest.fixture
def moved(org: Organisation) -> Organisation:
    """Reserved, ordered, billed and received in March and April, and a budget raised in April."""
    desk = Desk(org, org.cells["CC100", "6600", None])
    order = desk.order("7", "11", uses=desk.reserve(D(100)), takes=D(70))
    settlement = ledger.Settlement(
        Paper(desk.cell).line, 1, order.distribution, D(2), D(22), D(0), D(23)
    )
    ledger.liquidate(
        source=Paper(desk.cell, "paper invoice").source,
        settlements=[settlement],
        on=TODAY + timedelta(days=49),
        actor=None,
        at=NOW,
    )
    Order(org, "10", "12.34").receive("4")
    cell = org.cells["CC500", "6400", "ATLAS"]
    services.set_budget(
        entity=org.entity,
        fiscal_year=2026,
        cost_center=cell.cost_center,
        gl_account=cell.gl_account,
        project=cell.project,
        amount=D(60_000),
        control=cell.control,
        actor=org.cora,
        at=NOW + timedelta(days=40),
        reason="More analysts",
    )
    return org


def total_behind(page: Client, url: str, stage: str) -> Decimal:
    shown = page.get(url).context
    return shown["available"] if stage == "all" else shown["total"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "group_by=gl_account",
        "group_by=project",
        "group_by=cost_center,gl_account,project",
        "as_of=2026-03-31",
        "as_of=2026-03-31&cost_center=CC100",
        "project=none",
    ],
)
def test_every_figure_opens_entries_that_sum_to_it(moved: Organisation, page: Client, query: str):
    shown = page.get(f"{REPORT}?{query}&compare=1").context
    assert shown["report"].ties
    rows = [(row.figures, links) for _, row, links in shown["rows"]]
    rows.append((shown["report"].totals, shown["total_links"]))
    for figures, links in rows:
        for stage, name in FIGURES.items():
            assert total_behind(page, links[stage], stage) == getattr(figures, name), (name, links)


def test_the_page_compares_with_the_ledger_once_it_is_there(moved: Organisation, page: Client):
    """Without JavaScript a link asks for it; either way it is the same comparison."""
    query = "group_by=gl_account&as_of=2026-04-30"
    first = page.get(f"{REPORT}?{query}")
    asked = first.context["compare_url"]
    assert "Ties to the ledger" not in text_of(first)
    assert f'hx-get="{escape(asked)}" hx-trigger="load"' in first.content.decode()
    part = page.get(f"{REPORT}{asked}", headers={"HX-Request": "true"})
    assert text_of(part).startswith("Ties to the ledger: difference 0.00")
    whole = page.get(f"{REPORT}{asked}")
    assert text_of(part) in text_of(whole)
    assert "hx-trigger" not in whole.content.decode()
    assert "compare" not in whole.context["links"]["csv"]


def test_a_page_that_does_not_tie_says_so(moved: Organisation, page: Client):
    BudgetCell.objects.filter(cost_center__code="CC100", spent__gt=0).update(spent=D(24))
    part = page.get(f"{REPORT}?compare=1", headers={"HX-Request": "true"})
    assert text_of(part).startswith("Does not tie to the ledger: difference 1.00")


@pytest.mark.parametrize("query", ["group_by=period", "group_by=period&as_of=2026-03-31"])
def test_every_figure_of_a_month_opens_what_moved_in_it(
    moved: Organisation, page: Client, query: str
):
    shown = page.get(f"{REPORT}?{query}")
    for _, row, links in shown.context["rows"]:
        for stage, name in FIGURES.items():
            if stage != "RNI":
                found = total_behind(page, links[stage], stage)
                assert found == getattr(row.figures, name), (row.period, name)
    assert "March" in text_of(shown)
    assert "Month 3" not in text_of(shown)


def test_entries_lead_to_their_documents(org: Organisation, page: Client):
    requisition = approved(org)
    answer = page.get(f"{ENTRIES}?stage=PRE")
    address = reverse("requisitions:detail", args=[requisition.pk])
    assert address in answer.content.decode()
    assert page.get(address).status_code == 200


def test_documents_that_one_may_not_open_are_named_without_a_link(org: Organisation):
    requisition = approved(org)
    page = signed_in(org.sven)
    answer = page.get(f"{ENTRIES}?stage=PRE")
    address = reverse("requisitions:detail", args=[requisition.pk])
    assert page.get(address).status_code == 404
    assert requisition.number in text_of(answer)
    assert address not in answer.content.decode()


def test_deliveries_lead_to_their_orders(moved: Organisation, page: Client):
    answer = page.get(f"{ENTRIES}?stage=RNI")
    assert answer.context["total"] == D("49.36")
    [url] = {url for _, url in answer.context["rows"]}
    assert page.get(url).status_code == 200


def test_one_cost_centre_shows_how_it_burns_down(moved: Organisation, page: Client):
    assert page.get(REPORT).context["burn_down"] is None
    answer = page.get(f"{REPORT}?cost_center=CC100&as_of=2026-04-30")
    assert "CC100 IT operations · as of 30 Apr 2026" in text_of(answer)  # on paper, too
    shown = answer.context
    points = shown["burn_down"]["points"]
    assert [month for month, *_ in points] == ["January", "February", "March", "April"]
    for _, figures, links in points[2:]:
        assert total_behind(page, links["all"], "all") == figures.available
    page_of_its_own = page.get(shown["burn_down_url"]).context
    assert page_of_its_own["points"][-1][0].figures.available == points[-1][1].available
    assert page_of_its_own["chosen"]["cost_center"] == "CC100"
    assert points[-1][1].available == shown["report"].totals.available
    left = shown["burn_down"]["chart"]["series"][0]["values"]
    assert left == [0, 0, float(points[2][1].available), float(points[3][1].available)]
    assert left[2] > left[3] > 0


def test_bars_are_named_by_their_codes(moved: Organisation, page: Client):
    def labels(group: str) -> list[str]:
        return page.get(f"{REPORT}?group_by={group}").context["chart"]["labels"]

    assert labels("project") == ["no project", "ATLAS"]
    every = labels("cost_center,gl_account,project")
    assert {"CC100 · 6600", "CC500 · 6400 · ATLAS"} <= set(every)


def test_the_table_names_the_currency_once_and_mutes_zero(moved: Organisation, page: Client):
    html = page.get(REPORT).content.decode()
    table = html[html.index("<table") : html.rindex("</table>")]
    assert table.count("EUR") == 1
    assert 'class="figure muted"' in table


def test_files_hold_the_figures_of_the_page(moved: Organisation, page: Client):
    answer = page.get(f"{REPORT}?format=csv&cost_center=CC100")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="commitments-DE01-2026.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    shown = page.get(f"{REPORT}?cost_center=CC100").context["report"].totals
    assert Decimal(rows[0]["encumbered"]) == shown.encumbered
    answer = page.get(f"{REPORT}?format=xlsx&cost_center=CC100")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    head = [cell.value for cell in sheet[1]]
    assert Decimal(str(sheet.cell(2, head.index("encumbered") + 1).value)) == shown.encumbered


def test_unreadable_filters_fall_back(moved: Organisation, page: Client):
    query = "fiscal_year=99999&as_of=31.12.2026&group_by=colour&cost_center=%00"
    shown = page.get(f"{REPORT}?{query}".replace("%00", "NOWHERE"))
    assert shown.status_code == 200
    assert shown.context["chosen"]["fiscal_year"] == 2026
    assert shown.context["chosen"]["as_of"] is None
    assert "No budgets here" in text_of(shown)
    assert page.get(f"{ENTRIES}?stage=XXX&period=13&after=one").status_code == 200


@pytest.mark.parametrize("who", ["rita", "axel", "rob", "finn", "vera"])
@pytest.mark.parametrize("path", [REPORT, ENTRIES, f"{REPORT}?format=csv"])
def test_others_are_refused(org: Organisation, who: str, path: str):
    assert signed_in(org.people[who]).get(path).status_code == 403


def test_nobody_sees_it_without_signing_in(org: Organisation):
    assert Client().get(REPORT)["Location"].startswith("/accounts/login/")


def test_another_entity_sees_its_own_figures(moved: Organisation):
    there = signed_in(moved.nils)
    shown = there.get(REPORT).context["report"]
    assert (shown.totals.budget, shown.totals.encumbered) == (D(20_000), D(0))
    assert there.get(f"{ENTRIES}?cost_center=CC100").context["rows"] == []


@pytest.mark.parametrize("query", ["", "?cost_center=CC100&group_by=gl_account"])
def test_the_report_takes_as_many_statements_with_more_rows(
    moved: Organisation, page: Client, query: str
):
    before = statements(page, REPORT + query)
    for number in range(30):
        center = CostCenter.objects.create(entity=moved.entity, code=f"CX{number}", name="More")
        cell = budget_cell(moved.entity, center, moved.gl_accounts["6600"], amount=100)
        Desk(moved, cell).order("1", "5")
        Desk(moved, moved.cells["CC100", "6300", None]).order("1", "5")
    assert statements(page, REPORT + query) == before


@pytest.mark.parametrize("stage", ["", "ENC", "BUD", "RNI"])
def test_a_figure_takes_as_many_statements_with_more_rows(
    moved: Organisation, page: Client, stage: str
):
    path = f"{ENTRIES}?stage={stage}"
    before = statements(page, path)
    for _ in range(5):
        Order(moved, "3", "2").receive("1")
    assert statements(page, path) == before


def test_long_lists_go_on(moved: Organisation, page: Client):
    desk = Desk(moved, moved.cells["CC100", "6300", None])
    for _ in range(60):
        desk.order("1", "5")
    first = page.get(f"{ENTRIES}?stage=ENC&gl_account=6300").context
    rest = page.get(f"{ENTRIES}?stage=ENC&gl_account=6300&after={first['next']}").context
    assert (len(first["rows"]), len(rest["rows"]), rest["next"]) == (50, 10, None)
    assert first["total"] == rest["total"] == D(300)
    assert BudgetCell.objects.get(pk=desk.cell.pk).encumbered == D(300)
