"""Warnings in the browser: seen by those who see the budget, noted by those who answer for it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from budgets import alerts
from budgets.models import BudgetAlert, BudgetWatch, QuietWindow
from tests.budgets.postings import D, Desk
from tests.factories import NOW, Organisation
from tests.pages import said_by, signed_in, statements, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
PAGE = reverse("budgets:alerts")


@pytest.fixture
def alert(tracked: Desk) -> BudgetAlert:
    tracked.order("1", "500")
    (found,) = alerts.check(cells=[tracked.cell.pk], at=NOW)
    return found


def test_a_warning_is_listed_until_somebody_noted_it(org: Organisation, alert: BudgetAlert):
    page = signed_in(org.cora)
    assert "50 % used" in text_of(page.get(PAGE))
    address = reverse("budgets:acknowledge", args=[alert.pk])
    assert "Noted." in said_by(page.post(address, follow=True))
    assert "No warnings" in text_of(page.get(PAGE))
    assert f"Noted by {org.cora}" in text_of(page.get(f"{PAGE}?show=all"))


def test_who_only_reads_cannot_note_it(org: Organisation, alert: BudgetAlert):
    page = signed_in(org.olga)
    assert "50 % used" in text_of(page.get(PAGE))
    page.post(reverse("budgets:acknowledge", args=[alert.pk]))
    alert.refresh_from_db()
    assert alert.acknowledged_at is None
    assert signed_in(org.rita).get(PAGE).status_code == 403
    foreign = signed_in(org.nils).post(reverse("budgets:acknowledge", args=[alert.pk]))
    assert foreign.status_code == 404


def test_the_owner_sees_it_at_home_and_on_the_budgets(org: Organisation, alert: BudgetAlert):
    owner = alert.cell.cost_center.owner
    for address in (reverse("home"), reverse("budgets:list")):
        assert "Budget warnings" in text_of(signed_in(owner).get(address)), address
    assert "Budget warnings" not in text_of(signed_in(org.rita).get(reverse("home")))


def test_the_levels_of_a_budget_are_set_on_its_page(org: Organisation, tracked: Desk):
    page = signed_in(org.cora)
    shown = page.get(reverse("budgets:detail", args=[tracked.cell.pk]))
    assert 'value="50, 80, 100"' in shown.content.decode()
    address = reverse("budgets:levels", args=[tracked.cell.pk])
    assert "Saved." in said_by(page.post(address, {"levels": "70 %, 90"}, follow=True))
    assert BudgetWatch.objects.get().levels == [70, 90]
    for typed, words in (("most", "Whole percentages"), ("900", "At most 6 percentages")):
        refused = page.post(address, {"levels": typed})
        assert refused.status_code == 422
        assert text_of(refused).count(words) == 1
        assert f'value="{typed}"' in refused.content.decode()
    assert BudgetWatch.objects.get().levels == [70, 90]


def test_a_controller_adds_and_removes_a_quiet_time(org: Organisation):
    page = signed_in(org.cora)
    given = {"starts_at": "2026-12-24T00:00", "ends_at": "2027-01-02T00:00", "reason": "Holidays"}
    assert "Mail waits" in said_by(page.post(reverse("budgets:quiet"), given, follow=True))
    window = QuietWindow.objects.get()
    assert window.starts_at.astimezone(org.entity.zone).hour == 0
    assert "Holidays" in text_of(page.get(PAGE))
    assert (
        signed_in(org.nils).post(reverse("budgets:end_quiet", args=[window.pk])).status_code == 404
    )
    page.post(reverse("budgets:end_quiet", args=[window.pk]))
    assert not QuietWindow.objects.exists()


def test_a_quiet_time_that_ends_before_it_starts_is_shown_again(org: Organisation):
    given = {"starts_at": "2026-12-24T00:00", "ends_at": "2026-12-23T00:00", "reason": "Holidays"}
    refused = signed_in(org.cora).post(reverse("budgets:quiet"), given)
    assert refused.status_code == 422
    assert "It must end after it starts." in text_of(refused)
    assert not QuietWindow.objects.exists()


def test_mail_at_any_hour_is_one_click(org: Organisation):
    page = signed_in(org.cora)
    page.post(reverse("budgets:working_time"), {"only": "no"})
    assert "Mail goes at any hour" in text_of(page.get(PAGE))


def test_a_longer_list_takes_no_more_statements(org: Organisation, alert: BudgetAlert, tight: Desk):
    page = signed_in(org.cora)
    few = statements(page, PAGE)
    for number, desk in enumerate((tight, Desk(org, org.cells["CC200", "6310", None], reason="x"))):
        desk.order("1", str(desk.now.amount * D(1)))
        alerts.check(cells=[desk.cell.pk], at=NOW + timedelta(minutes=number))
    assert statements(page, PAGE) == few
