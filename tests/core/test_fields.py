"""Decimals come back as they went in, add up exactly, and refuse what they cannot hold: the same
on SQLite and PostgreSQL."""

from decimal import Decimal
from importlib import import_module

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q, Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets import walls
from budgets.models import BudgetAdjustment, BudgetCell, ExchangeRate
from core import constraints
from core.fields import AmountField, QuantityField, RateField, amount
from core.ids import new_id
from tests.factories import NOW, TODAY

MOST = Decimal("99999999999999.9999")
STORABLE = st.decimals(-MOST, MOST, places=4)
once_per_database = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def track(cell, **balances):
    """Store balances of a cell that may hold anything (control: track)."""
    BudgetCell.objects.filter(pk=cell.pk).update(control="track", **balances)
    return BudgetCell.objects.get(pk=cell.pk)


@pytest.fixture
def cell(org):
    return org.cells["CC100", "6300", None]


@pytest.mark.parametrize(
    "value", ["0", "0.0001", "-0.0001", "1", "12345678901234.5678", str(MOST), str(-MOST)]
)
def test_an_amount_comes_back_as_it_went_in(cell, value):
    stored = track(cell, amount=Decimal(value)).amount
    assert stored == Decimal(value)
    assert isinstance(stored, Decimal)


@once_per_database
@given(STORABLE)
def test_any_amount_comes_back_and_is_found(cell, value):
    assert track(cell, amount=value).amount == value
    assert BudgetCell.objects.filter(pk=cell.pk, amount=value).exists()
    assert not BudgetCell.objects.filter(pk=cell.pk, amount__gt=value).exists()


def test_a_rate_keeps_eight_decimals(db):
    rate = ExchangeRate.objects.create(
        currency="IDR", base="EUR", day=TODAY, rate=Decimal("0.00005683"), source="test"
    )
    rate.refresh_from_db()
    assert rate.rate == Decimal("0.00005683")


def test_ten_thousand_tenths_are_one_thousand(cell):
    BudgetAdjustment.objects.bulk_create(
        BudgetAdjustment(
            cell=cell,
            amount=Decimal("0.1"),
            control="stop",
            reason="tenth",
            effective_on=TODAY,
            recorded_at=NOW,
        )
        for _ in range(10_000)
    )
    tenths = BudgetAdjustment.objects.filter(reason="tenth")
    assert tenths.aggregate(sum=Sum("amount"))["sum"] == 1000


@once_per_database
@given(st.lists(st.decimals(-(10**9), 10**9, places=4), min_size=1, max_size=20))
def test_the_database_adds_up_as_we_do(cell, values):
    reason = str(new_id())
    BudgetAdjustment.objects.bulk_create(
        BudgetAdjustment(
            cell=cell,
            amount=value,
            control="stop",
            reason=reason,
            effective_on=TODAY,
            recorded_at=NOW,
        )
        for value in values
    )
    found = BudgetAdjustment.objects.filter(reason=reason).aggregate(sum=Sum("amount"))
    assert found["sum"] == sum(values)


@once_per_database
@given(
    st.decimals(-(10**12), 10**12, places=4),
    st.decimals(-(10**12), 10**12, places=4),
)
def test_f_expressions_are_exact(cell, start, change):
    track(cell, amount=start)
    BudgetCell.objects.filter(pk=cell.pk).update(amount=F("amount") + amount(change))
    assert BudgetCell.objects.get(pk=cell.pk).amount == start + change
    BudgetCell.objects.filter(pk=cell.pk).update(amount=F("amount") - amount(change))
    assert BudgetCell.objects.get(pk=cell.pk).amount == start


def test_columns_are_compared_with_columns_and_sums_of_columns(cell):
    track(cell, amount=Decimal("0.3"), spent=Decimal("0.1"), encumbered=Decimal("0.2"))
    exactly = Q(amount=F("spent") + F("encumbered"))
    assert BudgetCell.objects.filter(exactly, pk=cell.pk).exists()
    assert not BudgetCell.objects.filter(pk=cell.pk, amount__gt=F("spent") + F("encumbered"))


@pytest.mark.parametrize(
    "value",
    [
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("-Infinity"),
        Decimal("0.00001"),
        Decimal("100000000000000"),
        Decimal("-100000000000000"),
    ],
)
def test_what_the_column_cannot_hold_never_reaches_it(cell, value):
    with pytest.raises((ValueError, ValidationError)):
        track(cell, amount=value)


@pytest.mark.parametrize("value", ["'NaN'", "'Infinity'", "'-Infinity'", "1e14", "'abc'"])
def test_nor_by_sql_that_nobody_checked(cell, value):
    """`numeric` takes NaN, and NaN passes every CHECK (a >= 0); SQLite would take any word."""
    scaled = value if connection.vendor == "postgresql" else value.replace("1e14", "1e18")
    statement = f"UPDATE budgets_budgetcell SET control = 'track', amount = {scaled}"
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert BudgetCell.objects.get(pk=cell.pk).amount == cell.amount


@pytest.mark.postgres
def test_a_column_that_would_take_nan_is_closed_and_until_then_named(db):
    """One made before columns refused it by themselves."""
    table = "budgets_ledgerentry"
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_amount_check")
    assert constraints.open_to_nan() == [(table, "amount")]
    assert "amount would take NaN" in " ".join(walls.constrained().faults)
    with connection.schema_editor() as editor:
        import_module("core.migrations.0002_no_column_takes_nan").close(None, editor)
        assert constraints.open_to_nan() == [(table, "amount")]
        import_module("core.migrations.0003_no_column_holds_nan").prove(None, editor)
    assert constraints.open_to_nan() == constraints.unproven() == []
    assert walls.constrained().faults == []


@pytest.mark.parametrize("value", [0.1, "abc", "1,5", ""])
def test_floats_and_words_are_refused(cell, value):
    with pytest.raises(ValidationError):
        track(cell, amount=value)


def test_minus_zero_becomes_zero(cell):
    assert str(track(cell, amount=Decimal("-0.0000")).amount.normalize()) == "0"


def test_each_kind_has_its_own_scale():
    assert [field.scale for field in (AmountField, QuantityField, RateField)] == [4, 6, 8]


def test_a_null_stays_null(org):
    assert org.rita.approval_limit is None
