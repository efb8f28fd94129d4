"""Reads whose SQL is composed once give what the same queryset would give."""

from datetime import date, timedelta
from enum import StrEnum
from threading import Thread
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import Prefetch
from django.db.transaction import TransactionManagementError
from django.db.utils import InterfaceError

from accounts.models import Entity
from budgets.models import BudgetCell, CostCenter, FiscalYear
from core.composed import Composed
from core.ids import new_id


def _centres(entity: UUID, codes: list[str]):
    return CostCenter.objects.filter(entity=entity, code__in=codes).select_related("entity")


@pytest.fixture
def centres(org):
    return list(CostCenter.objects.filter(entity=org.entity).order_by("code"))


@pytest.mark.parametrize("values", [("x%",), (["x%", "y"],)], ids=["a word", "several"])
def test_a_value_that_is_looked_for_otherwise_than_given_is_refused(db, values):
    looked = Composed(
        lambda word: CostCenter.objects.filter(code__icontains=str(word)).order_by("pk")
    )
    with pytest.raises(LookupError, match="not compared with as it was given"):
        looked(*values)


def test_a_value_of_another_kind_is_refused(db):
    with pytest.raises(KeyError):
        Composed(lambda level: CostCenter.objects.filter(pk=level))(1.5)


def test_what_is_composed_cannot_be_refined(org):
    bound = Composed(_centres)._bound((org.entity.pk, ["a"]))
    with pytest.raises(TypeError, match="cannot be refined"):
        bound.filter(code="b")


def test_it_says_when_there_is_no_row(org):
    with pytest.raises(CostCenter.DoesNotExist):
        Composed(lambda pk: CostCenter.objects.filter(pk=pk)).one(new_id())


@pytest.mark.django_db(transaction=True)
def test_rows_are_locked_within_a_transaction_only():
    locked = Composed(lambda pk: Entity.objects.select_for_update().filter(pk=pk))
    with transaction.atomic():
        assert locked(new_id()) == []
    with pytest.raises(TransactionManagementError):
        locked(new_id())


def test_each_call_reads_what_its_own_values_ask_for(org, centres):
    read = Composed(_centres)
    for asked in ([centres[0]], [centres[1]], centres[:2], []):
        found = read(org.entity.pk, {each.code for each in asked})
        assert sorted(found, key=lambda each: each.code) == asked
    assert read(new_id(), [centres[0].code]) == []


def test_long_lists_and_constants_of_the_code_are_values_like_others(org, centres):
    wanted = [*(f"unknown {number}" for number in range(150)), centres[0].code]
    assert Composed(_centres)(org.entity.pk, wanted) == [centres[0]]

    class Code(StrEnum):
        FIRST = centres[0].code

    assert Composed(_centres)(org.entity.pk, [Code.FIRST.value]) == [centres[0]]
    by_code = Composed(lambda code: CostCenter.objects.filter(code=code, entity=org.entity.pk))
    assert by_code(Code.FIRST) == [centres[0]]


def test_no_value_in_a_list_equals_nothing(org, centres):
    others = Composed(lambda pks: CostCenter.objects.exclude(pk__in=pks).filter(entity=org.entity))
    for pks in ([centres[0].pk, None], [None, centres[0].pk]):
        assert set(others(pks)) == set(centres[1:])
    assert set(others([None])) == set(centres)


def test_lists_of_any_length_are_composed_for_few(org, centres):
    asked = []

    def of_codes(codes):
        asked.append(len(codes))
        return CostCenter.objects.filter(code__in=codes, entity=org.entity).order_by("code")

    read = Composed(of_codes)
    codes = [each.code for each in centres]
    for length in range(1, 101):
        wanted = [*codes, *(f"unknown {number}" for number in range(100))][:length]
        assert read(wanted) == centres[:length]
    assert asked == [1, 2, 4, 8, 16, 32, 64, 128]


def test_rows_bring_what_belongs_to_them_and_see_what_changed(
    org, centres, django_assert_num_queries
):
    read = Composed(_centres)
    read(org.entity.pk, [centres[0].code])
    CostCenter.objects.filter(pk=centres[0].pk).update(name="Renamed")
    with django_assert_num_queries(1):
        (found,) = read(org.entity.pk, [centres[0].code])
        assert (found.name, found.entity) == ("Renamed", org.entity)


def test_days_prefetches_unions_and_no_value(org, centres):
    year = FiscalYear.objects.filter(entity=org.entity).first()
    covering = Composed(
        lambda day: FiscalYear.objects.filter(starts_on__lte=day, ends_on__gte=day).order_by("pk")
    )
    for day in (year.starts_on, year.ends_on, year.starts_on + timedelta(days=9), date(1999, 1, 1)):
        there = FiscalYear.objects.filter(starts_on__lte=day, ends_on__gte=day).order_by("pk")
        assert covering(day) == list(there)
    with_years = Composed(lambda pk: Entity.objects.filter(pk=pk).prefetch_related("fiscal_years"))
    assert year in with_years.one(org.entity.pk).fiscal_years.all()
    either = Composed(
        lambda one, other: (
            CostCenter.objects.filter(pk=one)
            .values_list("pk", "code")
            .union(CostCenter.objects.filter(pk=other).values_list("pk", "code"))
        )
    )
    assert set(either(centres[0].pk, centres[1].pk)) == {(c.pk, c.code) for c in centres[:2]}
    maybe = Composed(lambda pk: CostCenter.objects.filter(pk=pk) if pk else Entity.objects.all())
    assert maybe(centres[0].pk) == [centres[0]]
    assert org.entity in maybe(None)


@pytest.mark.parametrize(
    "lookup",
    ["fiscal_years", Prefetch("fiscal_years", FiscalYear.objects.select_related("entity"))],
    ids=["by name", "by a queryset"],
)
def test_what_hangs_on_rows_is_read_once_and_is_what_django_would_hang(
    org, lookup, django_assert_num_queries
):
    read = Composed(
        lambda pks: Entity.objects.filter(pk__in=pks).prefetch_related(lookup).order_by("pk")
    )
    keys = sorted(Entity.objects.values_list("pk", flat=True))
    assert len(keys) > 1
    read(keys)
    newest = FiscalYear.objects.filter(entity=org.entity).order_by("-year").first()
    FiscalYear.objects.create(
        entity=org.entity, year=newest.year + 1,
        starts_on=newest.ends_on + timedelta(days=1), ends_on=newest.ends_on + timedelta(days=365),
    )  # fmt: skip
    django = list(
        Entity.objects.filter(pk__in=keys).prefetch_related("fiscal_years").order_by("pk")
    )
    with django_assert_num_queries(2):
        found = read(keys)
        for one, other in zip(found, django, strict=True):
            hung = one.fiscal_years.all()
            assert len(hung) == len(other.fiscal_years.all())
            assert set(hung) == set(other.fiscal_years.all())
            assert all(year.entity.pk == one.pk for year in hung)
            assert (hung.count(), hung.exists()) == (len(list(hung)), bool(list(hung)))
    mine = next(each for each in found if each == org.entity)
    years = sorted(mine.fiscal_years.all(), key=lambda each: each.year)
    assert years[-1].year == newest.year + 1
    assert all(each.entity is mine for each in years) == isinstance(lookup, str)
    with django_assert_num_queries(4):
        assert list(mine.fiscal_years.filter(year=newest.year)) == [newest]
        assert mine.fiscal_years.all().order_by("-year").first() == years[-1]
        assert mine.fiscal_years.all().exclude(year=newest.year).count() == len(years) - 1
        assert mine.fiscal_years.last() in years
    assert read([new_id()]) == []


def test_rows_hang_under_a_name_of_their_own_and_longer_ways_go_on(org, django_assert_num_queries):
    years = FiscalYear.objects.order_by("-year")
    named = Composed(
        lambda pk: Entity.objects.filter(pk=pk).prefetch_related(
            Prefetch("fiscal_years", years, to_attr="newest_first")
        )
    )
    assert named.one(org.entity.pk).newest_first == list(years.filter(entity=org.entity))
    with_cells = Composed(
        lambda pk: Entity.objects.filter(pk=pk).prefetch_related(
            Prefetch("fiscal_years__cells", BudgetCell.objects.order_by("pk")), "fiscal_years"
        )
    )
    with_cells.one(org.entity.pk)
    with django_assert_num_queries(3):
        by_year = {
            year: list(year.cells.all())
            for year in with_cells.one(org.entity.pk).fiscal_years.all()
        }
    assert by_year == {
        year: list(BudgetCell.objects.filter(fiscal_year=year).order_by("pk")) for year in by_year
    }
    assert any(by_year.values())
    centre = CostCenter.objects.filter(entity=org.entity).first()
    far = Composed(
        lambda pk: CostCenter.objects.filter(pk=pk).prefetch_related("entity__fiscal_years")
    )
    for _ in range(2):
        assert set(far.one(centre.pk).entity.fiscal_years.all()) == set(
            years.filter(entity=org.entity)
        )


@pytest.mark.django_db(transaction=True)
def test_each_thread_reads_over_its_own_connection():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite in memory is another database in every thread")
    read = Composed(lambda pk: Entity.objects.filter(pk=pk))
    read(new_id())
    connection.close()
    seen: list[object] = []

    def elsewhere() -> None:
        try:
            seen.extend(read(new_id()))
        except InterfaceError as fault:
            seen.append(fault)
        finally:
            connection.close()

    thread = Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == []
