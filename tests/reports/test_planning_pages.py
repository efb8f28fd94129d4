"""Variance, forecast, accruals, aging, burn-down and reports by mail in the browser."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lxml import html

from budgets.models import FiscalYear
from reports.models import RunningExport, ScheduledReport
from tests.budgets.postings import D, Desk
from tests.factories import TODAY, Organisation
from tests.pages import signed_in, statements, text_of
from tests.reports.test_accruals import Order
from tests.reports.test_forecast import spend

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]

PAGES = ("variance", "forecast", "expected", "burn_down", "accruals", "aging")
FILED = ("commitments", "variance", "forecast", "burn_down", "accruals", "aging")
SUMS = {
    "commitments": "encumbered",
    "variance": "forecast",
    "accruals": "base_amount",
    "aging": "held",
}


def at(name: str, query: str = "") -> str:
    return f"{reverse(f'reports:{name}')}{query}"


@pytest.fixture
def page(org: Organisation) -> Client:
    return signed_in(org.cora)


@pytest.fixture
def busy(org: Organisation) -> Organisation:
    """Orders needed now and in May, a delivery, an approved request, spending in two months."""
    spend(org, date(2026, 1, 9), "60")
    spend(org, date(2026, 2, 9), "30")
    Order(org, "10", "12.34").receive("4")
    Order(org, "2", "50", line={"need_by": date(2026, 5, 20)})
    Desk(org, org.cells["CC100", "6600", None]).reserve(D(70))
    return org


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_empty_and_full(org: Organisation, page: Client, name: str):
    assert page.get(at(name)).status_code == 200
    Order(org, "10", "12.34").receive("4")
    assert page.get(at(name)).status_code == 200


@pytest.mark.parametrize("name", PAGES)
def test_others_are_refused(org: Organisation, name: str):
    assert signed_in(org.rita).get(at(name)).status_code == 403
    assert Client().get(at(name))["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("name", PAGES)
def test_pages_take_as_many_statements_with_more_rows(busy: Organisation, page: Client, name: str):
    before = statements(page, at(name))
    for month in (3, 4, 5):
        Order(busy, "3", "2", line={"need_by": date(2026, month, 3)}).receive("1")
    assert statements(page, at(name)) == before


@pytest.mark.parametrize("name", FILED)
def test_a_day_that_is_being_typed_breaks_nothing(busy: Organisation, page: Client, name: str):
    """A browser sends `0002-03-01` while somebody still types the year."""
    for day in ("0001-01-01", "0002-03-01", "9999-12-31", "2026-02-30"):
        for asked in (f"as_of={day}", f"recorded_at={day}", f"as_of={day}&format=csv"):
            assert page.get(at(name, f"?{asked}")).status_code == 200


@pytest.mark.parametrize("name", FILED)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_every_report_is_a_file(busy: Organisation, page: Client, name: str, kind: str):
    answer = page.get(at(name, f"?format={kind}"))
    assert answer.status_code == 200
    assert answer["Content-Disposition"].endswith(f'.{kind}"')
    if kind == "csv":
        rows = list(csv.reader(io.StringIO(answer.content.decode())))
        assert len(rows) > 1
        if name in SUMS:  # what is a sum is the sum of what stands above it
            column = rows[0].index(SUMS[name])
            place = [row[0] for row in rows].index("Total")
            assert D(rows[place][column]) == sum(D(row[column]) for row in rows[1:place]) != 0
        if name == "forecast":  # a year is all that was spent in it and what is to come
            [year] = [row for row in rows if row[0] == "Fiscal year 2026"]
            assert D(year[-1]) == sum(map(D, year[1:-1])) == D("743.40")


def test_one_file_at_a_time(busy: Organisation, page: Client):
    until = timezone.now() + timedelta(seconds=60)
    RunningExport.objects.create(person=busy.cora, until=until)
    answer = page.get(at("variance", "?format=csv"))
    assert (answer.status_code, answer["Retry-After"]) == (429, "5")
    assert "still being written" in text_of(answer)
    assert page.get(at("variance")).status_code == 200


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("variance", "?group_by=kind"),
        ("variance", "?cost_center=CC100&recorded_at=2026-04-12"),
        ("forecast", "?cost_center=CC100&recorded_at=2026-04-12"),
        ("burn_down", "?kind=opex&recorded_at=2026-04-12"),
    ],
)
def test_every_figure_opens_what_adds_up_to_it(
    busy: Organisation, page: Client, name: str, query: str
):
    """Whoever follows a figure finds its sum again, at the same day and of the same months."""
    every_figure_opens(page, at(name, query))


def test_a_fiscal_year_may_begin_in_any_month(org: Organisation, page: Client):
    """Months are counted, named and opened from the first one of the entity's own year."""
    org.entity.fiscal_year_starts_month = 3
    org.entity.save()
    years = FiscalYear.objects.filter(entity=org.entity)
    years.filter(year=2026).update(starts_on=date(2026, 3, 1), ends_on=date(2027, 2, 28))
    spend(org, TODAY, "60")
    spend(org, date(2026, 4, 9), "30")
    Order(org, "2", "50", line={"need_by": date(2027, 2, 20)})
    rows = page.get(at("commitments", "?group_by=period&cost_center=CC100")).context["rows"]
    spent = [(row.period, name, row.figures.spent) for name, row, _ in rows]
    assert spent == [(1, "March", 60), (2, "April", 30)]
    every_figure_opens(page, at("commitments", "?group_by=period&as_of=2026-04-09"))
    assert [point.day for point, _ in page.get(at("burn_down")).context["points"]] == [TODAY]
    for name in ("variance", "burn_down"):
        every_figure_opens(page, at(name, "?cost_center=CC100&as_of=2026-04-09"))
    coming = page.get(at("variance", "?cost_center=CC100")).context["report"]
    assert coming.totals.ahead.on_order == 60  # February is the last month of the year


def test_what_is_billed_late_to_last_years_budget_is_spent_in_its_last_month(
    busy: Organisation, page: Client
):
    """In January, before the year end was run: figures of the new year are of its own budgets."""
    spend(busy, date(2027, 1, 9), "70")
    place = "?cost_center=CC100&as_of=2027-01-12"
    shown = page.get(at("forecast", f"{place}&fiscal_year=2027")).context["report"]
    january, ahead = shown.outlook.rolling[0]
    assert (january, ahead.spent) == (date(2027, 1, 1), 0)
    for year in (2026, 2027):
        every_figure_opens(page, at("forecast", f"{place}&fiscal_year={year}"))
    every_figure_opens(page, at("commitments", f"{place}&fiscal_year=2026&group_by=period"))
    told = page.get(at("variance", f"{place}&fiscal_year=2026")).context["report"]
    assert told.totals.figures.spent == 160


def every_figure_opens(page: Client, url: str) -> None:
    """Those of the first rows of each table, of its foot, and of the tiles."""
    told: dict[str, set[Decimal]] = {}
    tree = html.fromstring(page.get(url).content)
    shown = "//a[contains(@class, 'figure') or contains(@class, 'tile ')]"
    for link in tree.xpath(f"{shown}[not(ancestor::tr[count(preceding-sibling::tr) > 1])]"):
        [figure] = link.xpath("descendant-or-self::*[contains(@class, 'figure')]/text()") or [
            "".join(link.xpath(".//*[@class='tile-value']//text()")).strip().removesuffix(" EUR")
        ]
        told.setdefault(link.get("href"), set()).add(D(figure.replace(",", "")))
    assert len(told) > 5
    for opened, figures in told.items():
        behind = page.get(opened).context
        made_of = (behind.get(name) for name in ("available", "variance", "total"))
        assert figures == {next(each for each in made_of if each is not None)}, opened
    dead = "//td//span[contains(@class, 'figure') and not(contains(@class, 'muted'))]/text()"
    assert tree.xpath(dead) == []


def test_what_is_expected_names_documents_and_what_is_usual(busy: Organisation, page: Client):
    listed = page.get(at("expected", "?what=on_order&from=2026-05&until=2026-05"))
    part, _, url = listed.context["rows"][-1]
    assert part.document.number in text_of(listed)
    assert page.get(url).status_code == 200
    usual = page.get(at("expected", "?what=run_rate&from=2026-06&until=2026-06&cost_center=CC100"))
    [row] = usual.context["usual"]
    assert (row.told, row.usual, row.run_rate) == ("mean of 2 months, Jan 2026 – Feb 2026", 45, 45)
    assert [page.get(row.entries).context["total"]] == [D(90)]
    for first, spent in (("2026-01", 90), ("2026-03", 0), ("2026-02", 0)):  # not of a past month
        shown = page.get(at("expected", f"?from={first}&until=2026-12")).context
        assert page.get(shown["spent_url"]).context["total"] == shown["spent"] == spent
    # unreadable months are the next twelve
    for months in ("?from=2026-13", "?until=26-01&from=x", ""):
        assert page.get(at("expected", months)).context["total"] == D("743.40")


def test_used_figures_of_the_variance_open_their_entries(busy: Organisation, page: Client):
    shown = page.get(at("variance", "?group_by=kind")).context
    figures = {
        "BUD": "budget",
        "PRE": "pre_encumbered",
        "ENC": "encumbered",
        "ACT": "spent",
    }
    for row, _, entries, *_ in shown["rows"]:
        for stage, name in figures.items():
            assert page.get(entries[stage]).context["total"] == getattr(row.figures, name)


def test_the_page_says_how_it_is_reckoned_and_that_it_ties(busy: Organisation, page: Client):
    for name in ("variance", "forecast"):
        words = text_of(page.get(at(name)))
        assert "Ties to the ledger: difference 0.00" in words
        assert "same month of past years" in words
        assert "Run rate" in words or "run rate" in words


def test_what_the_books_said_is_asked_for_by_a_day(busy: Organisation, page: Client):
    now = page.get(at("commitments", "?cost_center=CC100")).context["report"]
    then = page.get(at("commitments", "?cost_center=CC100&recorded_at=2026-03-01"))
    assert now.totals.encumbered > then.context["report"].totals.encumbered == 0
    assert "as the books said on" in text_of(then)
    url = then.context["total_links"]["ENC"]
    assert "recorded_at=2026-03-01" in url
    assert page.get(url).context["total"] == 0


def test_an_order_is_followed_to_its_entries(busy: Organisation, page: Client):
    order = Order(busy, "10", "10")
    order.bill("4", on=date(2026, 3, 20))
    shown = page.get(at("burn_down", f"?order={order.order.number}"))
    report = shown.context["report"]
    assert (report.left, report.ties) == (D(60), True)
    assert [each.left for each in report.days] == [D(100), D(60)]
    assert len(shown.context["rows"]) == 6
    assert "Ties to the ledger" in text_of(shown)
    assert page.get(at("burn_down", "?order=PO-9")).status_code == 404
    there = signed_in(busy.nils).get(at("burn_down", f"?order={order.order.number}"))
    assert there.status_code == 404


def test_every_figure_of_an_order_opens_its_entries(busy: Organisation, page: Client):
    order = Order(busy, "10", "10")
    order.bill("4", on=date(2026, 3, 20))
    shown = page.get(at("burn_down", f"?order={order.order.number}"))
    for each, entries, then in shown.context["days"]:
        url, _, name = entries.partition("#")
        behind = page.get(at("burn_down", url))
        (row,) = html.fromstring(behind.content).xpath(f"//tr[@id='{name}']")
        assert row is not None
        booked = [entry for entry, _ in behind.context["rows"]]
        of_day = [entry for entry in booked if entry.posting_date == each.day]
        assert sum(entry.amount for entry in of_day if entry.stage == "ENC") == each.committed
        assert sum(entry.amount for entry in of_day if entry.stage == "ACT") == each.spent
        assert sum(entry.amount for entry in booked if entry.stage == "ENC") == each.left
        assert then.startswith(url)
    figures = html.fromstring(shown.content).xpath("//td[@data-label='Left']/*/@href")
    assert figures == [then for _, _, then in shown.context["days"]]


def test_accruals_and_aging_show_their_tie_out(busy: Organisation, page: Client):
    for name in ("accruals", "aging"):
        shown = page.get(at(name))
        assert shown.context["report"].ties is (name == "accruals") or name == "aging"
        assert "the ledger: difference" in text_of(shown)
    # a stretch of days leads to the first of its orders
    tree = html.fromstring(shown.content)
    for place in tree.xpath("//td/a[starts-with(@href, '#days-')]/@href"):
        assert len(tree.xpath(f"//tr[@id='{place[1:]}']")) == 1
    then = page.get(at("aging", "?as_of=2026-03-31")).context["rows"]
    for row, _, followed in then:  # what an order held is followed up to the same day
        assert "as_of=2026-03-31" in followed
        assert page.get(followed).context["report"].left == row.held > 0
    assert len(then) == 2


def test_a_report_is_put_on_a_schedule(busy: Organisation, page: Client):
    link = page.get(at("variance", "?cost_center=CC100&as_of=2026-03-01")).context["schedule"]
    form = page.get(link)
    assert "CC100" in text_of(form)
    said = {
        "name": "Mine",
        "file_format": "csv",
        "frequency": "monthly",
        "weekday": "1",
        "month_day": "3",
        "hour": "8",
    }
    answer = page.post(link, said)
    assert answer["Location"] == at("scheduled")
    report = ScheduledReport.objects.get()
    assert (report.report, report.filters["cost_center"]) == ("budget-variance", "CC100")
    # it tells of the day on which it is due, and of the fiscal year that runs then
    assert not {"as_of", "fiscal_year"} & report.filters.keys()
    another = page.get(at("variance", "?fiscal_year=2025")).context["schedule"]
    assert page.get(another).context["words"] == ["fiscal year 2025", "by cost centre"]
    shown = text_of(page.get(at("scheduled")))
    assert "on day 3 of every month at 08:00" in shown


def test_a_budget_owner_has_mailed_what_the_page_tells(busy: Organisation):
    owner = signed_in(busy.dora)
    for link in (at("variance"), at("accruals")):
        seen = owner.get(link)
        assert seen.context["schedule"] in seen.content.decode().replace("&amp;", "&")
        assert owner.get(seen.context["schedule"]).status_code == 200


@pytest.mark.parametrize("said", [{}, {"name": "Mine", "month_day": "31"}])
def test_a_schedule_that_cannot_be_is_refused_at_its_field(
    busy: Organisation, page: Client, said: dict
):
    answer = page.post(at("schedule", "?report=forecast"), said)
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert not ScheduledReport.objects.exists()


def test_an_unknown_report_leads_to_the_list(page: Client):
    assert page.get(at("schedule", "?report=salaries"))["Location"] == at("scheduled")


def test_pause_resume_and_delete(busy: Organisation, page: Client):
    page.post(
        at("schedule", "?report=accruals"),
        {
            "name": "Mine",
            "file_format": "csv",
            "frequency": "daily",
            "weekday": "1",
            "month_day": "1",
            "hour": "8",
        },
    )
    report = ScheduledReport.objects.get()
    for verb, status in (("pause", "paused"), ("resume", "active"), ("delete", "ended")):
        url = reverse(f"reports:schedule_{verb}", args=[report.pk])
        assert page.get(url).status_code == 405
        assert signed_in(busy.olga).post(url).status_code == 404
        page.post(url)
        report = ScheduledReport.objects.get()
        assert report.status == status
    assert "Nothing is sent yet" in text_of(page.get(at("scheduled")))
