"""A vendor hears, where it was reached before too, that somebody wants it paid elsewhere."""

from pathlib import Path

import pytest

from core.models import TrailEvent
from notifications import tasks
from notifications.models import OutgoingMail
from tests.factories import NOW, Organisation
from tests.notifications.test_letters import folder, mails, text_of, worked  # noqa: F401
from tests.vendors.accounts_of import NEW, known, wanted
from vendors.models import BankAccount
from vendors.services import bank

pytestmark = pytest.mark.django_db


@pytest.fixture
def box(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue("folder")


def asked(org: Organisation) -> BankAccount:
    org.vendor.contacts.create(name="Jana", email="jana@elbe.example")
    bank.request(vendor=org.vendor, data=wanted(), actor=org.vera, at=NOW, reason="Letter")
    return BankAccount.objects.get(vendor=org.vendor, status="pending")


def of_the_vendor(box: Path) -> list:
    return [mail for mail in mails(box) if not mail["To"].startswith("cora")]


def test_it_hears_of_a_request_before_anything_changes(org: Organisation, box: Path) -> None:
    asked(org)
    worked()
    told = of_the_vendor(box)
    assert {mail["To"] for mail in told} == {org.vendor.order_email, "jana@elbe.example"}
    for mail in told:
        words = text_of(mail)
        assert "we were asked to pay you to another bank account" in words
        assert org.entity.purchasing_email in words
        assert NEW not in words
        assert NEW[-4:] not in words


def test_it_hears_from_when_the_other_one_counts(org: Organisation, box: Path) -> None:
    bank.verify(
        account=asked(org), actor=org.cora, proposed_by=org.vera, at=NOW, note="Called Jana"
    )
    worked()
    words = " ".join(text_of(of_the_vendor(box)[-1]).split())
    assert "We pay to it from 5 March 2026, 11:00, not before" in words  # in Berlin


def test_running_it_again_sends_nothing(org: Organisation, box: Path) -> None:
    asked(org)
    worked()
    event = TrailEvent.objects.get(type="vendor.bank_requested")
    before = OutgoingMail.objects.count()
    tasks.vendor_bank(event_id=str(event.pk), document_id=str(org.vendor.pk))
    assert OutgoingMail.objects.count() == before


def test_what_is_taken_over_alarms_nobody(org: Organisation, box: Path) -> None:
    known(org.vendor)
    worked()
    assert not mails(box)
