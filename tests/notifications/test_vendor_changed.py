"""A vendor hears at its old addresses that its data was changed (rule A5)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import vendors.services
from core.models import TrailEvent
from notifications import tasks
from notifications.models import OutgoingMail
from tests.factories import NOW, Organisation
from tests.notifications.test_letters import folder, mails, text_of, worked  # noqa: F401
from vendors import changes
from vendors.inputs import ContactInput

pytestmark = pytest.mark.django_db


@pytest.fixture
def box(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue("folder")


def changed(org: Organisation, **fields: Any) -> None:
    vendors.services.edit(
        vendor=org.vendor,
        data=replace(changes.present(org.vendor), **fields),
        actor=org.cora,
        proposed_by=org.vera,
        at=NOW,
    )


def test_the_old_addresses_are_told_and_the_new_ones_are_not(org: Organisation, box: Path) -> None:
    old = org.vendor.order_email
    org.vendor.contacts.create(name="Jana", email="jana@elbe.example")
    thief = "thief@evil.example"
    changed(org, order_email=thief, tax_id="DE314077252", contacts=[ContactInput("Jana", thief)])
    worked()
    told = mails(box)
    assert [mail["To"] for mail in told] == [old, "jana@elbe.example"]
    for mail in told:
        words = text_of(mail)
        assert "Email address for orders" in words
        assert "Tax id" in words
        assert org.entity.purchasing_email in words
        assert thief not in words
        assert "DE314077252" not in words
        assert mail["Reply-To"] == org.entity.purchasing_email


def test_running_it_again_sends_nothing(org: Organisation, box: Path) -> None:
    changed(org, order_email="new@elbe.example")
    worked()
    event = TrailEvent.objects.get(type="vendor.edited")
    tasks.vendor_changed(event_id=str(event.pk), document_id=str(org.vendor.pk))
    assert OutgoingMail.objects.filter(document_id=org.vendor.pk).count() == 1


def test_terms_alone_alarm_nobody(org: Organisation, box: Path) -> None:
    changed(org, payment_terms_days=14)
    worked()
    assert not mails(box)
