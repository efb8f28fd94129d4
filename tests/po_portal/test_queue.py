"""The operator's view of the queue."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from core.models import OutboxItem

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def parked() -> OutboxItem:
    return OutboxItem.objects.create(
        handler="core.broken",
        arguments={"document_id": "1"},
        key="broken",
        run_at=AT,
        created_at=AT,
        parked_at=AT,
        attempts=8,
        error="ValueError: no such order",
    )


def said(*words: str) -> str:
    out = StringIO()
    call_command("queue", *words, stdout=out)
    return out.getvalue()


def test_a_parked_item_is_shown_with_its_reason(parked: OutboxItem) -> None:
    text = said()
    assert "due 0, parked 1" in text
    assert f"{parked.pk}  core.broken" in text
    assert "no such order" in text


def test_replay_makes_a_parked_item_due_with_fresh_attempts(parked: OutboxItem) -> None:
    assert "due 1, parked 0" in said("--replay", str(parked.pk))
    parked.refresh_from_db()
    assert (parked.attempts, parked.parked_at, parked.error) == (0, None, "")


@pytest.mark.parametrize("words", [["999999"], ["1; drop"], ["all", "1"]])
def test_replay_of_what_is_not_parked_is_refused(parked: OutboxItem, words: list[str]) -> None:
    with pytest.raises(CommandError):
        said("--replay", *words)
    parked.refresh_from_db()
    assert parked.parked_at == AT
