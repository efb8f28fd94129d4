"""The demo depends on nothing but the moment of its loading, and production refuses it."""

from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.models import User
from invoicing.models import Invoice
from po_portal.management.commands import load_demo
from purchase_orders.models import PurchaseOrder
from requisitions.models import Requisition

pytestmark = pytest.mark.once
NOW = datetime(2026, 6, 17, 15, 0, tzinfo=UTC)


def test_the_same_moment_gives_the_same_past(db):
    first, second = _story_at(NOW), _story_at(NOW)
    assert first == second
    assert len(first) > 50


@pytest.mark.parametrize("day", [(2026, 1, 2), (2028, 2, 29), (2026, 12, 31)])
def test_it_can_be_loaded_on_any_day(db, day):
    """Around New Year, on a leap day: the years it needs are derived from the day."""
    assert len(_story_at(datetime(*day, 9, 0, tzinfo=UTC))) > 50


def test_a_load_that_was_stopped_between_people_and_past_is_known(db):
    assert not load_demo.is_unfinished()
    load_demo.build_organisation(NOW)
    assert load_demo.is_unfinished()


def _story_at(now: datetime) -> list[tuple]:
    """What a load at that moment would tell, without keeping it."""
    with transaction.atomic():
        load_demo.build_organisation(now)
        load_demo.play_history(now, prints=False)
        assert not load_demo.is_unfinished()
        told = [
            *Requisition.objects.order_by("id").values_list("number", "status", "total"),
            *PurchaseOrder.objects.order_by("id").values_list("number", "status", "issued_at"),
            *Invoice.objects.order_by("id").values_list("number", "status", "gross"),
        ]
        transaction.set_rollback(True)
    return told


@pytest.mark.parametrize(("name", "value"), [("PRODUCTION", True), ("PORTAL_DEMO", False)])
def test_production_refuses_it(db, settings, name, value):
    setattr(settings, name, value)
    with pytest.raises(CommandError, match="only a demo portal"):
        call_command("load_demo")
    assert not User.objects.exists()
