"""Numbers are gapless per stream, kind and year, also when a hundred people issue at once."""

import pytest
from django.db import transaction

from core import numbering
from core.models import NumberSequence
from core.transactions import atomic
from tests.racing import race


def take(kind="PO", year=2026, stream="entity"):
    return numbering.take(stream=stream, kind=kind, fiscal_year=year)


def test_numbers_follow_each_other(db):
    with transaction.atomic():
        assert [take() for _ in range(3)] == [f"PO-2026-00000{last}" for last in (1, 2, 3)]


def test_each_entity_kind_and_year_counts_for_itself(db):
    with transaction.atomic():
        assert take() == "PO-2026-000001"
        assert take(kind="REQ") == "REQ-2026-000001"
        assert take(year=2027) == "PO-2027-000001"
        assert take(stream="another") == "PO-2026-000001"
        assert take() == "PO-2026-000002"


def test_a_rolled_back_number_is_given_again(db):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        take()
        raise ZeroDivisionError
    with transaction.atomic():
        assert take() == "PO-2026-000001"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_hundred_at_once_get_a_hundred_numbers_without_gap():
    @atomic
    def issue():
        return take()

    @atomic
    def change_of_mind():
        take()
        raise InterruptedError

    results = race([issue if job % 5 else change_of_mind for job in range(125)])
    numbers = sorted(number for number in results if isinstance(number, str))
    assert numbers == [f"PO-2026-{last:06d}" for last in range(1, 101)]
    assert sum(isinstance(result, InterruptedError) for result in results) == 25
    assert NumberSequence.objects.get().last == 100
