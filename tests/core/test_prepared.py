"""Which statements PostgreSQL keeps the plans of."""

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import Entity
from core.transactions import atomic

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
