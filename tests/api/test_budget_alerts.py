"""`budget-alerts`: read by those who see the budget, acknowledged by those who answer for it."""

import pytest

from budgets import alerts
from budgets.models import BudgetAlert
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
