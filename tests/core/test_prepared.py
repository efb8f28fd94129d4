"""Which statements PostgreSQL keeps the plans of."""

from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import Entity
from core.transactions import Busy, atomic
from tests.factories import Organisation

MOST_VALUES = 65_535  # that PostgreSQL's protocol binds to one statement

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]
OFTEN = settings.DATABASES["default"]["OPTIONS"].get("prepare_threshold", 0) + 1


def prepared(words: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE position(%s in statement) > 0",
            [words],
        )
        return cursor.fetchone()[0]


def asked_often(code: str) -> None:
    for _ in range(OFTEN):
        assert not Entity.objects.filter(code=code, name="of this test").exists()


def test_a_unit_of_work_has_what_it_asks_often_prepared() -> None:
    before = prepared("accounts_entity")
    with atomic():
        asked_often("one")
    assert prepared("accounts_entity") == before + 1


def test_a_page_binds_its_values_itself() -> None:
    before = prepared("accounts_entity")
    asked_often("two")
    assert prepared("accounts_entity") == before


@pytest.mark.django_db(transaction=True)
def test_what_was_planned_before_a_migration_is_refused_once_and_planned_anew() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE of_this_test (code varchar(20))")
    try:
        for _ in range(OFTEN):
            asked_of_a_table()
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("ALTER TABLE of_this_test ALTER COLUMN code TYPE varchar(40)")
        other.close()
        with pytest.raises(Busy):
            asked_of_a_table()
        asked_of_a_table()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE of_this_test")


@atomic
def asked_of_a_table() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT code FROM of_this_test WHERE code = %s", ["x"])


def test_more_values_than_can_be_bound_are_sent_all_the_same(org: Organisation) -> None:
    Entity.objects.filter(pk=org.entity.pk).update(name="100 %s")
    wanted = [org.entity.pk, *(uuid4() for _ in range(MOST_VALUES))]
    with atomic():
        assert Entity.objects.filter(pk__in=wanted, name="100 %s").exists()
