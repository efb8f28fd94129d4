"""Web and workers run as a role that can add to the books and the trail, and never alter them."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from core import app_role, append_only
from tests.factories import Organisation, approved
from tests.invariants.fixtures import assert_books_hold

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]
ROLE = "portal_app_of_tests"


@pytest.fixture
def as_the_portal(org: Organisation, settings: Any) -> Iterator[None]:
    settings.APP_DATABASE_ROLE, settings.APP_DATABASE_PASSWORD = ROLE, "a word of tests"
    app_role.prepare(apps.get_app_config("core"), using="default")
    app_role.prepare(apps.get_app_config("core"), using="default")  # again, as each migrate does
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {ROLE}")
        yield
        cursor.execute("RESET ROLE")


def refused(statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match=r"permission denied|must be (owner|superuser)"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.usefixtures("as_the_portal")
def test_a_purchase_is_approved_and_booked_as_that_role(org: Organisation) -> None:
    approved(org)
    assert_books_hold()


@pytest.mark.usefixtures("as_the_portal")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {0} SET id = id",
        "DELETE FROM {0}",
        "TRUNCATE {0} CASCADE",
        "ALTER TABLE {0} DISABLE TRIGGER ALL",
        "DROP TRIGGER {0}_rows ON {0}",
        "DROP TABLE {0} CASCADE",
        "ALTER TABLE {0} OWNER TO CURRENT_USER",
        "SET session_replication_role = replica",  # which no trigger is asked under
    ],
)
def test_what_only_grows_is_out_of_its_reach(statement: str) -> None:
    assert append_only.tables()
    for table in append_only.tables():
        refused(statement.format(table))


@pytest.mark.usefixtures("as_the_portal")
def test_it_gives_itself_no_rights() -> None:
    refused(f"ALTER ROLE {ROLE} SUPERUSER")
    refused("CREATE ROLE another_of_tests")
    table = append_only.tables()[0]
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT UPDATE ON {table} TO {ROLE}")  # a warning: nothing is granted
    refused(f"UPDATE {table} SET id = id")
