"""What vendors are sent: the frozen order, and invoices that come back."""

from pathlib import Path
from typing import Any

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

import invoicing.services
from core import files, outbox
from core.models import OutboxItem, TrailEvent
from notifications import tasks
from notifications.models import OutgoingMail
from purchase_orders import services as orders
from purchase_orders.models import Dispatch, OrderRevision
from tests.factories import NOW, Organisation
from tests.invoicing.billing import Biller
from tests.notifications.test_letters import folder, mails, text_of, worked  # noqa: F401
from tests.purchase_orders.making import Maker


@pytest.fixture
def order(org: Organisation) -> Any:
    return Maker(org).issued(("2", "100"))


def to_vendor(place: Path, org: Organisation) -> list[Any]:
    return [mail for mail in mails(place) if mail["To"] == org.vendor.order_email]


@pytest.fixture
def box(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue("folder")


def test_an_issued_order_goes_to_its_vendor_with_the_frozen_document(
    org: Organisation, order: Any, box: Path
) -> None:
    worked()
    (mail,) = to_vendor(box, org)
    revision = OrderRevision.objects.get(order=order)
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == f"{order.number}.pdf"
    assert attached.get_content() == files.read(revision.pdf)
    assert order.number in mail["Subject"]
    assert mail["Reply-To"] == org.entity.purchasing_email
    dispatch = Dispatch.objects.get()
    assert (dispatch.status, mail["Message-ID"]) == ("sent", dispatch.message_id)
    assert dispatch.sent_at is not None
    assert TrailEvent.objects.filter(type="order.sent", document_id=order.pk).count() == 1
    assert "/a/" not in text_of(mail)


def test_running_it_again_sends_nothing(org: Organisation, order: Any, box: Path) -> None:
    worked()
    event = TrailEvent.objects.get(type="order.document_rendered")
    for _ in range(3):
        tasks.dispatch_order(event_id=str(event.pk), document_id=str(order.pk))
    assert len(to_vendor(box, org)) == 1
    assert TrailEvent.objects.filter(type="order.sent").count() == 1


def test_a_second_sending_is_a_mail_of_its_own(org: Organisation, order: Any, box: Path) -> None:
    worked()
    orders.send(order=order, actor=org.bea, at=NOW, recipient="other@vendors.example")
    worked()
    assert [mail["To"] for mail in mails(box)[-1:]] == ["other@vendors.example"]
    assert len({mail["Message-ID"] for mail in mails(box)}) == len(mails(box))


def test_a_failed_sending_is_visible_once_and_made_good(
    org: Organisation, order: Any, box: Path, settings: Any
) -> None:
    settings.EMAIL_FILE_PATH = "/dev/null/nowhere"
    for _ in range(3):
        OutboxItem.objects.update(run_at=timezone.now())
        outbox.drain()
    dispatch = Dispatch.objects.get()
    assert dispatch.status == "failed"
    assert "nowhere" in dispatch.error
    assert TrailEvent.objects.filter(type="order.send_failed").count() == 1
    settings.EMAIL_FILE_PATH = box
    worked()
    dispatch.refresh_from_db()
    assert (dispatch.status, dispatch.error) == ("sent", "")
    assert len(to_vendor(box, org)) == 1


class Overtaken(BaseEmailBackend):
    """Fails, after another worker sent the same mail."""

    def send_messages(self, email_messages: Any) -> int:
        OutgoingMail.objects.update(status=OutgoingMail.Status.SENT, sent_at=NOW)
        raise OSError("the line broke")


def test_what_another_worker_sent_stays_sent_though_this_one_fails(
    order: Any, settings: Any
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Overtaken"
    outbox.drain()
    mails = OutgoingMail.objects.all()
    assert mails and {mail.status for mail in mails} == {OutgoingMail.Status.SENT}


def test_a_vendor_hears_why_an_invoice_comes_back(org: Organisation, order: Any, box: Path) -> None:
    worked()
    invoice = Biller(org).captured(order, ("2", "150"))
    invoicing.services.return_to_vendor(
        invoice=invoice, code="PRI", reason="We ordered at 100.00", actor=org.finn, at=NOW
    )
    worked()
    mail = to_vendor(box, org)[-1]
    assert mail["Subject"] == f"Invoice {invoice.number} returned by {org.entity.name}"
    for words in ("Price", "We ordered at 100.00", order.number, "357.00"):
        assert words in text_of(mail)


def test_without_an_address_nobody_is_told_and_nothing_fails(
    org: Organisation, order: Any, box: Path
) -> None:
    worked()
    org.vendor.order_email = ""
    org.vendor.save()
    before = OutgoingMail.objects.count()
    invoice = Biller(org).captured(order, ("2", "100"))
    invoicing.services.return_to_vendor(
        invoice=invoice, code="OTH", reason="No", actor=org.finn, at=NOW
    )
    worked()
    assert OutgoingMail.objects.count() == before


def test_of_an_order_cancelled_before_its_mail_went_the_vendor_hears_nothing(
    org: Organisation, order: Any, box: Path
) -> None:
    orders.render(revision=order.revisions.get(), at=NOW)
    orders.cancel(order=order, actor=org.bea, at=NOW, reason="Wrong vendor")
    worked()
    assert to_vendor(box, org) == []
    dispatch = Dispatch.objects.get()
    assert (dispatch.status, dispatch.error) == ("failed", tasks.CANCELLED)
    assert TrailEvent.objects.filter(type="order.send_failed").count() == 1
    assert not OutboxItem.objects.filter(done_at=None).exists()
