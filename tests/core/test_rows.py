"""Rows that are stored by composed statements are those that Django would have stored."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.test.utils import CaptureQueriesContext, isolate_apps

from budgets.models import BudgetCell
from core import rows
from core.errors import Conflict
from core.models import OutboxItem
from core.transactions import atomic
from requisitions.models import Requisition
from tests.factories import Organisation, draft

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 2, 9, 30, 1, 123456, tzinfo=UTC)


def item(key: str, **said: object) -> OutboxItem:
    usual = {"handler": "core.test", "arguments": {"n": [1]}, "run_at": AT, "created_at": AT}
    return OutboxItem(key=key, **{**usual, **said})


def test_a_row_is_read_back_as_it_was_given() -> None:
    given = [item("one"), item("two", arguments="words", error="% and 'quotes'", lease_until=AT)]

    rows.insert(given)

    assert [each.pk for each in given] == list(
        OutboxItem.objects.order_by("pk").values_list("pk", flat=True)
    )
    for each in given:
        assert not each._state.adding
        kept = OutboxItem.objects.get(pk=each.pk)
        assert {**kept.__dict__, "_state": None} == {**each.__dict__, "_state": None}


def test_what_bulk_create_stores_is_stored(org: Organisation) -> None:
    wanted = draft(org)
    line = wanted.lines.first()
    twins = []
    for number, write in ((2, rows.insert), (3, type(line).objects.bulk_create)):
        line.pk, line.line_number = uuid.uuid4(), number
        line._state.adding = True
        write([line])
        twins.append(type(line).objects.filter(pk=line.pk).values().get())

    ours, theirs = (
        {**each, "id": None, "line_number": None, "requisition_id": None} for each in twins
    )
    assert ours == theirs


def test_one_statement_stores_many_and_none_stores_nothing() -> None:
    with CaptureQueriesContext(connection) as sent:
        rows.insert([])
        rows.store([], ["error"])
    assert not sent.captured_queries
    with CaptureQueriesContext(connection) as sent:
        rows.insert([item(str(number)) for number in range(50)])
    assert len(sent) == 1


def test_a_row_whose_key_is_there_is_left_out_only_where_that_is_asked_for() -> None:
    rows.insert([item("one")])

    rows.insert([item("one", handler="another"), item("two")], ignore_conflicts=True)

    assert set(OutboxItem.objects.values_list("key", "handler")) == {
        ("one", "core.test"),
        ("two", "core.test"),
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.insert([item("one")])


def test_more_rows_than_fit_in_one_statement_are_stored_in_several() -> None:
    given = [item(str(number)) for number in range(9_000)]
    rows.insert(given)
    for each in given:
        each.error = "100 %s"
    fields = ["error", "lease_until"]
    most = connection.ops.bulk_batch_size(["id", *fields], given)
    with atomic():
        rows.store([*given, *given, *given][: max(most, len(given)) + 1], fields)
    assert OutboxItem.objects.filter(error="100 %s").count() == 9_000


def test_what_keeps_history_is_saved_and_not_written_past_it(org: Organisation) -> None:
    wanted = draft(org)
    for write in (rows.insert, lambda of: rows.store(of, ["title"])):
        with pytest.raises(TypeError, match="keeps history"):
            write([wanted])


@isolate_apps("core")
def test_a_value_that_is_made_up_while_it_is_saved_is_refused() -> None:
    class Stamped(models.Model):
        moment = models.DateTimeField(auto_now=True)

        class Meta:
            app_label = "core"

    with pytest.raises(TypeError, match="made up"):
        rows.insert([Stamped()])


def test_an_amount_finer_than_its_column_is_refused(org: Organisation) -> None:
    cell = BudgetCell.objects.filter(entity=org.entity).first()
    cell.amount = Decimal("0.00001")
    with pytest.raises(ValueError, match="more than 4 decimals"):
        rows.store([cell], ["amount"])
    assert BudgetCell.objects.get(pk=cell.pk).amount != cell.amount


def test_a_save_writes_only_the_fields_that_it_names(org: Organisation) -> None:
    wanted = draft(org)
    wanted.title, wanted.ship_to = "Another title", "Elsewhere"

    wanted.save(update_fields=["title"])

    kept = Requisition.objects.get(pk=wanted.pk)
    assert (kept.title, kept.version) == ("Another title", wanted.version)
    assert kept.ship_to != "Elsewhere"
    assert kept.history.first().title == "Another title"


def test_a_save_of_what_is_gone_says_so(org: Organisation) -> None:
    wanted = draft(org)
    Requisition.objects.filter(pk=wanted.pk).delete()

    with pytest.raises(DatabaseError, match="did not affect any rows"):
        wanted.save(update_fields=["title"])


def test_what_a_refused_save_would_have_kept_is_kept_by_none(org: Organisation) -> None:
    """Neither the document nor its history; saved again, it is new again."""
    taken, made = draft(org), Requisition.objects.get(pk=draft(org).pk)
    taken.number = "TAKEN"
    taken.save()
    made.pk, made._state.adding = uuid.uuid4(), True
    with atomic():
        with pytest.raises(Conflict), atomic():
            made.save()
            made.save()
            raise Conflict("No.")
        assert made.history.count() == 0
        made.save()
    assert Requisition.objects.filter(pk=made.pk).exists()
    assert made.history.count() == 1

    made.number = taken.number
    with pytest.raises(IntegrityError), transaction.atomic():
        made.save()
    assert made.history.count() == 1
