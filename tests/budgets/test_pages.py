"""Budgets in the browser: cost centres that open, one budget with what made it."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.budgets.postings import D, Desk
from tests.factories import Organisation, approved, budget_cell
from tests.pages import signed_in, statements, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
LIST = reverse("budgets:list")


@pytest.fixture
def page(org: Organisation) -> Client:
    return signed_in(org.cora)


def page_of(cell) -> str:
    return reverse("budgets:detail", args=[cell.pk])


def test_the_list_sums_each_cost_centre(org: Organisation, page: Client, desk: Desk):
    desk.order("2", "100")
    desk.reserve(D(30))
    groups = {each["center"].code: each for each in page.get(LIST).context["centers"]}
    it = groups["CC100"]
    found = (it["amount"], it["spent"], it["encumbered"], it["pre_encumbered"])
    assert found == (D(300_000), D(0), D(200), D(30))
    assert "299,770.00 EUR left of 300,000.00 EUR" in text_of(page.get(LIST))


def test_cost_centres_are_folded_until_one_is_chosen(org: Organisation, page: Client):
    assert "fold" in page.get(LIST).content.decode()
    assert "<details" in page.get(LIST).content.decode()
    assert not page.get(LIST).context["is_open"]
    chosen = page.get(f"{LIST}?cost_center=CC200")
    assert [each["center"].code for each in chosen.context["centers"]] == ["CC200"]
    assert chosen.context["is_open"]


def test_a_year_without_budgets_says_so(org: Organisation, page: Client):
    assert "No budgets" in text_of(page.get(f"{LIST}?fiscal_year=2031"))
    assert page.get(f"{LIST}?fiscal_year=next").context["year"] == "2026"


def test_entries_of_a_budget_lead_to_their_documents(org: Organisation, page: Client):
    requisition = approved(org)
    cell = requisition.lines.get().distributions.get()
    found = org.cells[cell.cost_center.code, cell.gl_account.code, None]
    shown = page.get(page_of(found))
    address = reverse("requisitions:detail", args=[requisition.pk])
    assert f'href="{address}"' in shown.content.decode()
    assert page.get(address).status_code == 200
    assert requisition.number in text_of(shown)


def test_a_budget_shows_how_it_was_set(org: Organisation, page: Client):
    cell = org.cells["CC100", "6600", None]
    [adjustment] = page.get(page_of(cell)).context["adjustments"]
    assert adjustment.amount == cell.amount == D(100_000)
    assert "+100,000.00" in text_of(page.get(page_of(cell)))


def test_overspent_budgets_say_so_in_words(org: Organisation, page: Client, tracked: Desk):
    tracked.order("1", "1500")
    assert "500.00 EUR over of 1,000.00 EUR" in text_of(page.get(page_of(tracked.cell)))


@pytest.mark.parametrize("who", ["rita", "rob", "finn", "vera"])
def test_others_are_refused(org: Organisation, who: str):
    for path in (LIST, page_of(org.cells["CC100", "6600", None])):
        assert signed_in(org.people[who]).get(path).status_code == 403


def test_budgets_of_another_entity_do_not_exist(org: Organisation, page: Client):
    assert page.get(page_of(org.uk_cell)).status_code == 404
    assert page.get(reverse("budgets:detail", args=[987654])).status_code == 404
    assert [g["center"] for g in signed_in(org.nils).get(LIST).context["centers"]] == [
        org.uk_cost_center
    ]


def test_the_list_takes_as_many_statements_with_more_budgets(org: Organisation, page: Client):
    before = statements(page, LIST)
    for project in org.projects.values():
        for center in org.cost_centers.values():
            for account in org.gl_accounts.values():
                if (center.code, account.code, project.code) not in org.cells:
                    budget_cell(org.entity, center, account, project, amount=100)
    assert statements(page, LIST) == before


def test_a_budget_takes_as_many_statements_with_more_entries(
    org: Organisation, page: Client, desk: Desk
):
    for _ in range(3):
        desk.order("1", "5")
    before = statements(page, page_of(desk.cell))
    for _ in range(60):
        desk.order("1", "5")
    assert statements(page, page_of(desk.cell)) == before
    shown = page.get(page_of(desk.cell)).context
    rest = page.get(f"{page_of(desk.cell)}?after={shown['next']}").context
    assert (len(shown["entries"]), len(rest["entries"])) == (50, 13)
