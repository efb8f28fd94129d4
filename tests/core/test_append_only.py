"""What only grows is protected by the database itself, whichever way somebody tries."""

import pytest
from django.db import DatabaseError, connection, transaction

from budgets.models import BudgetAdjustment, LedgerEntry
from core import append_only
from core.models import TrailEvent
from tests.factories import approved

PROTECTED = (TrailEvent, LedgerEntry, BudgetAdjustment)


@pytest.fixture(autouse=True)
def rows(org):
    approved(org)


def refused(change):
    with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
        change()


@pytest.mark.parametrize("model", PROTECTED, ids=lambda model: model.__name__)
def test_refused_through_the_orm(model):
    row = model.objects.first()
    before = list(model.objects.values_list())
    refused(row.save)
    refused(row.delete)
    refused(lambda: model.objects.update(reason="another"))
    refused(lambda: model.objects.all()._raw_delete(model.objects.db))
    assert list(model.objects.values_list()) == before


@pytest.mark.parametrize("model", PROTECTED, ids=lambda model: model.__name__)
@pytest.mark.parametrize("statement", ["UPDATE {} SET reason = 'x'", "DELETE FROM {}"])
def test_refused_in_sql(model, statement):
    def run():
        with connection.cursor() as cursor:
            cursor.execute(statement.format(model._meta.db_table))

    refused(run)


@pytest.mark.postgres
@pytest.mark.parametrize("model", PROTECTED, ids=lambda model: model.__name__)
def test_refused_to_truncate(model):
    def run():
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else pending keys refuse it first
            cursor.execute(f"TRUNCATE {model._meta.db_table} CASCADE")

    refused(run)


def test_all_of_them_are_protected():
    assert {model._meta.db_table for model in PROTECTED} <= set(append_only.tables())
