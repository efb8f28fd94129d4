"""What a change of budgets or a year end moves is looked at at once, as after any posting."""

from datetime import UTC, datetime

import pytest

from budgeting.models import YearEnd
from budgeting.services import year_ends
from budgets.models import BudgetAlert, BudgetCell
from core import outbox
from core.models import OutboxItem
from tests.budgeting.scene import TIGHT, A, asked, decide
from tests.budgets.postings import Desk
from tests.factories import Organisation

pytestmark = pytest.mark.django_db
JANUARY = datetime(2027, 1, 5, 9, 0, tzinfo=UTC)


def told():
    """The budgets and levels of the warnings that deliveries brought."""
    outbox.drain()
    assert not OutboxItem.objects.filter(done_at=None).exists()
    return list(BudgetAlert.objects.order_by("pk").values_list("cell", "level"))


def test_a_budget_that_gives_is_warned_about_once_the_change_is_approved(org: Organisation):
    desk = Desk(org, org.cells[TIGHT])
    desk.order("1", "240")
    change = asked(org, (TIGHT, -100), (A, 100))
    assert told() == []
    decide(change)
    assert told() == [(desk.cell.pk, 50)]


def test_a_refused_change_warns_of_nothing(org: Organisation):
    Desk(org, org.cells[TIGHT]).order("1", "240")
    decide(asked(org, (TIGHT, -100), (A, 100)), "reject")
    assert told() == []


def test_what_a_year_end_takes_over_is_warned_about_in_the_new_year(org: Organisation):
    desk = Desk(org, org.cells[TIGHT])
    desk.order("1", "200")
    year_ends.request(
        entity=org.entity,
        fiscal_year=2026,
        reason="Books of 2026",
        at=JANUARY,
        policy=YearEnd.Policy.WITH_BUDGET,
        actor=org.cora,
    )
    found = told()
    assert YearEnd.objects.get().status == "run"
    cell = BudgetCell.objects.get(fiscal_year__year=2027, gl_account=desk.cell.gl_account,
                                  cost_center=desk.cell.cost_center)  # fmt: skip
    assert found == [(cell.pk, 100)]
