"""A cell exists once, on either database, although its period or project may be empty."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from budgets.models import BudgetCell, FiscalYear
from budgets.services import set_budget
from tests.factories import NOW


def test_setting_a_budget_twice_changes_the_one_cell(org, cora):
    for amount in (1000, 2000):
        set_budget(
            entity=org.entity,
            fiscal_year=2026,
            cost_center=org.cost_centers["CC600"],
            gl_account=org.gl_accounts["6400"],
            amount=Decimal(amount),
            control="stop",
            actor=cora,
            at=NOW,
            reason="Board",
        )
    cell = BudgetCell.objects.get(
        cost_center=org.cost_centers["CC600"], gl_account=org.gl_accounts["6400"]
    )
    assert cell.amount == 2000
    assert [each.amount for each in cell.adjustments.order_by("id")] == [1000, 1000]


def test_the_database_refuses_a_twin_without_period_and_project(org):
    with pytest.raises(IntegrityError), transaction.atomic():
        BudgetCell.objects.create(
            entity=org.entity,
            fiscal_year=FiscalYear.objects.get(entity=org.entity, year=2026),
            cost_center=org.cost_centers["CC100"],
            gl_account=org.gl_accounts["6300"],
        )
