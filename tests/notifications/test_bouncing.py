"""Addresses that refuse mail for good: not tried for ever, listed, forgotten when they work."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from core import outbox
from core.models import OutboxItem
from notifications import queries, services
from notifications.models import BouncingAddress, OutgoingMail
from purchase_orders.models import Dispatch
from tests.approvals.proving import signed_in
from tests.approvals.test_decide import Submit
from tests.factories import NOW, Organisation
from tests.notifications.mail_server import MailServer, running
from tests.notifications.test_send import LETTER
from tests.purchase_orders.making import Maker

GONE = "550 5.1.1 No such user here"
LATER = "451 4.7.1 Greylisted, try again"


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with running() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        settings.EMAIL_USE_TLS, settings.EMAIL_HOST_USER = False, ""
        yield box


def worked() -> None:
    OutboxItem.objects.update(run_at=timezone.now())
    outbox.drain()


def send(recipient: str, key: str = "k") -> OutgoingMail:
    return services.send(key=key, recipient=recipient, letter=LETTER, at=NOW)


@pytest.mark.django_db
def test_a_mail_gets_through(server: MailServer) -> None:
    assert send("rita@demo.example").status == "sent"
    assert [to for to, _ in server.taken] == ["rita@demo.example"]
    assert not BouncingAddress.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("when", ["at_recipient", "at_text"])
def test_a_refusal_for_good_is_kept_and_not_tried_again(server: MailServer, when: str) -> None:
    getattr(server, when)["rita@demo.example"] = GONE
    mail = send("rita@demo.example")
    assert (mail.status, mail.error) == ("refused", "550 5.1.1 No such user here")
    row = BouncingAddress.objects.get()
    assert (row.email, row.refusals, row.since) == ("rita@demo.example", 1, NOW)
    again = send("rita@demo.example", key="another")
    assert again.status == "refused"
    assert BouncingAddress.objects.get().refusals == 2


@pytest.mark.django_db
@pytest.mark.parametrize(("when", "answer"), [("at_recipient", LATER), ("at_text", LATER)])
def test_bad_luck_is_tried_again(server: MailServer, when: str, answer: str) -> None:
    getattr(server, when)["rita@demo.example"] = answer
    with pytest.raises(OSError, match="451"):
        send("rita@demo.example")
    assert OutgoingMail.objects.get().status == "failed"
    assert not BouncingAddress.objects.exists()
    getattr(server, when).clear()
    assert send("rita@demo.example").status == "sent"


@pytest.mark.django_db
def test_a_text_that_is_refused_is_not_the_addresss_fault(server: MailServer) -> None:
    server.at_text["rita@demo.example"] = "554 5.7.1 Looks like spam"
    with pytest.raises(OSError, match="554"):
        send("rita@demo.example")
    assert not BouncingAddress.objects.exists()


@pytest.mark.django_db
def test_a_mail_that_gets_through_clears_the_address(server: MailServer) -> None:
    server.at_recipient["rita@demo.example"] = GONE
    send("rita@demo.example")
    server.at_recipient.clear()
    send("rita@demo.example", key="next")
    assert not BouncingAddress.objects.exists()


def test_an_approver_who_cannot_be_reached_is_listed_and_others_are_told(
    org: Organisation, submitted: Submit, server: MailServer
) -> None:
    server.at_recipient[org.axel.email] = GONE
    submitted("900", title="One")
    worked()
    assert not OutboxItem.objects.filter(done_at=None).exists()
    (found,) = queries.bouncing(org.entity)
    assert (found.owner, found.kind, found.refusals) == (org.axel, "person", 1)
    assert "No such user" in found.error
    assert queries.bouncing(org.uk) == []
    assert [mail.recipient for mail in queries.not_sent()] == [org.axel.email]
    page = signed_in(org.ada).get(reverse("administration:start")).content.decode()
    for words in (org.axel.email, "550 5.1.1 No such user here"):
        assert words in page


def test_a_vendor_who_cannot_be_reached_is_listed_and_the_order_says_so(
    org: Organisation, server: MailServer
) -> None:
    org.vendor.order_email = "Orders@elbe.example"
    org.vendor.save()
    server.at_recipient["Orders@elbe.example"] = GONE
    Maker(org).issued(("1", "100"))
    worked()
    dispatch = Dispatch.objects.get()
    assert (dispatch.status, dispatch.error) == ("failed", "550 5.1.1 No such user here")
    (found,) = queries.bouncing(org.entity)
    assert (found.owner, found.kind, found.email) == (org.vendor, "vendor", "orders@elbe.example")


def test_the_list_costs_the_same_however_many_bounce(
    org: Organisation, django_assert_num_queries: Any
) -> None:
    for person in org.people.values():
        BouncingAddress.objects.create(
            email=person.email, since=NOW, last_at=NOW, error="550 Unknown"
        )
    with django_assert_num_queries(3):
        assert len(queries.bouncing(org.entity)) == len(org.people) - 1
