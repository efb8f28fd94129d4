"""Sending mail: once per key, with words that both people and programs can read."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import css_inline
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts import forgetting
from accounts.models import User
from core.transactions import atomic
from notifications import bounces
from notifications.models import OutgoingMail

logger = logging.getLogger(__name__)

MOST_SUBJECT = 200
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)


@forgetting.also
def forget(person: User, was: User, at: datetime) -> None:
    """The log of mails stays, without an address or name of theirs."""
    OutgoingMail.objects.filter(recipient__iexact=was.email).update(recipient=person.email)
    for mail in OutgoingMail.objects.filter(subject__contains=was.name):
        mail.subject = mail.subject.replace(was.name, person.name)
        mail.save(update_fields=["subject"])
    bounces.forget(was.email)


@dataclass(frozen=True)
class Attached:
    """A file that goes with a mail."""

    name: str
    data: bytes
    content_type: str


@dataclass(frozen=True)
class Letter:
    """A mail before it is written: `template` names templates/emails/<template>.txt and .html."""

    subject: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    attachments: Sequence[Attached] = ()
    reply_to: str = ""
    message_id: str = ""


def was_sent(key: str) -> bool:
    return OutgoingMail.objects.filter(key=key, status=OutgoingMail.Status.SENT).exists()


def send(
    *,
    key: str,
    recipient: str,
    letter: Letter,
    at: datetime,
    document_type: str = "",
    document_id: UUID | None = None,
) -> OutgoingMail:
    """Send a letter once per key and return its row; a key that was sent sends nothing.

    The Message-ID follows from the key, so a duplicate after a crash is recognised as one. A
    failure is kept on the row and raised again: the outbox tries later and parks in the end. Where
    the mail server refuses the address for good nothing is raised: another try would change
    nothing, the row says `refused` and the address is listed as bouncing.
    """
    subject = one_line(letter.subject)
    mail, _ = OutgoingMail.objects.get_or_create(
        key=key,
        defaults={
            "recipient": recipient,
            "subject": subject,
            "document_type": document_type,
            "document_id": document_id,
            "message_id": letter.message_id or message_id(key),
            "created_at": at,
        },
    )
    if mail.status == OutgoingMail.Status.SENT:
        return mail
    try:
        _message(mail, letter).send()
    except Exception as error:
        mail = _keep_failure(mail, error, at)
        logger.warning("mail was not sent", extra={"mail": str(mail.pk)})
        if mail.status == OutgoingMail.Status.FAILED:
            raise
        return mail
    mail.status, mail.sent_at, mail.error = OutgoingMail.Status.SENT, at, ""
    mail.save()
    bounces.forget(recipient)
    return mail


@atomic
def _keep_failure(mail: OutgoingMail, error: Exception, at: datetime) -> OutgoingMail:
    """Another worker may have sent it while this one failed: sent stays sent."""
    mail = OutgoingMail.objects.select_for_update(no_key=True).get(pk=mail.pk)
    if mail.status == OutgoingMail.Status.SENT:
        return mail
    refused = bounces.refused_for_good(error)
    mail.status = OutgoingMail.Status.REFUSED if refused else OutgoingMail.Status.FAILED
    mail.error = refused or f"{type(error).__name__}: {error}"[:2000]
    mail.save()
    if refused:
        bounces.note(mail.recipient, refused, at)
    return mail


def message_id(key: str) -> str:
    """The Message-ID of a key: the same in every attempt."""
    host = urlsplit(settings.PORTAL_URL).hostname or "po-portal"
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{host}>"


def one_line(text: str) -> str:
    """Text for a header: no line breaks or control characters to smuggle further headers in."""
    shown = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(shown.split())[:MOST_SUBJECT]


def _message(mail: OutgoingMail, letter: Letter) -> EmailMultiAlternatives:
    context = {"portal_url": settings.PORTAL_URL, "subject": mail.subject, **letter.context}
    message = EmailMultiAlternatives(
        subject=mail.subject,
        body=render_to_string(f"emails/{letter.template}.txt", context),
        to=[mail.recipient],
        reply_to=[letter.reply_to] if letter.reply_to else None,
        headers={"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated"},
    )
    html = render_to_string(f"emails/{letter.template}.html", context)
    message.attach_alternative(_INLINER.inline(html), "text/html")
    for each in letter.attachments:
        message.attach(one_line(each.name), each.data, each.content_type)
    return message
