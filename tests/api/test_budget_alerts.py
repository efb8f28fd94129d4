"""`budget-alerts`: read by those who see the budget, acknowledged by those who answer for it."""

import pytest

from budgets import alerts
from budgets.models import BudgetAlert, BudgetWatch
from tests.api.conftest import signed_in
from tests.api.lives import get
from tests.budgets.postings import Desk
from tests.factories import NOW, Organisation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def alert(org: Organisation) -> BudgetAlert:
    desk = Desk(org, org.cells["CC300", "6400", None])
    desk.order("1", "850")
    (found,) = alerts.check(cells=[desk.cell.pk], at=NOW)
    return found


def test_a_warning_says_what_was_crossed_and_by_how_much(org: Organisation, alert: BudgetAlert):
    (row,) = get(signed_in(org.cora), "budget-alerts/?level=80&kind=level")["results"]
    assert row["id"] == str(alert.pk)
    assert row["budget"] == str(alert.cell_id)
    assert (row["cost_center"], row["gl_account"], row["project"]) == ("CC300", "6400", None)
    assert (row["amount"], row["used"], row["currency"]) == ("1000.00", "850.00", "EUR")
    assert (row["acknowledged_at"], row["ended_at"], row["run_out_on"]) == (None, None, None)


def test_whoever_does_not_see_the_budget_finds_nothing(org: Organisation, alert: BudgetAlert):
    for person in (org.rita, org.nils):
        assert get(signed_in(person), "budget-alerts/")["results"] == []
        answer = signed_in(person).post(f"/api/v1/budget-alerts/{alert.pk}/acknowledge/")
        assert answer.status_code == 404


def test_a_reader_does_not_acknowledge(org: Organisation, alert: BudgetAlert):
    answer = signed_in(org.olga).post(f"/api/v1/budget-alerts/{alert.pk}/acknowledge/")
    assert answer.status_code == 403
    alert.refresh_from_db()
    assert alert.acknowledged_at is None


def test_a_controller_acknowledges(org: Organisation, alert: BudgetAlert):
    answer = signed_in(org.cora).post(f"/api/v1/budget-alerts/{alert.pk}/acknowledge/")
    assert answer.status_code == 200
    assert answer.json()["acknowledged_by"]["name"] == org.cora.name


def set_levels(person, cell, levels):
    address = f"/api/v1/budgets/{cell.pk}/set-levels/"
    return signed_in(person).post(address, {"levels": levels}, format="json")


def test_a_budget_says_when_it_warns(org: Organisation):
    cell = org.cells["CC300", "6400", None]
    assert get(signed_in(org.cora), f"budgets/{cell.pk}/")["warn_levels"] == [50, 80, 100]


def test_whoever_does_not_answer_for_a_budget_sets_no_levels(org: Organisation):
    cell = org.cells["CC300", "6400", None]
    assert set_levels(org.olga, cell, [70]).status_code == 403
    assert set_levels(org.rita, cell, [70]).status_code == 404
    assert not BudgetWatch.objects.exists()


@pytest.mark.parametrize("levels", [[0], [201], [10, 20, 30, 40, 50, 60, 70], ["most"], "70"])
def test_levels_that_make_no_sense_are_refused(org: Organisation, levels):
    answer = set_levels(org.cora, org.cells["CC300", "6400", None], levels)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("/levels")
    assert not BudgetWatch.objects.exists()


def test_a_controller_sets_levels_and_they_count(org: Organisation):
    desk = Desk(org, org.cells["CC300", "6400", None])
    answer = set_levels(org.cora, desk.cell, [90, 70])
    assert (answer.status_code, answer.json()["warn_levels"]) == (200, [70, 90])
    desk.order("1", "750")
    assert [each.level for each in alerts.check(cells=[desk.cell.pk], at=NOW)] == [70]
    assert set_levels(org.cora, desk.cell, []).json()["warn_levels"] == []
