"""Addresses that a mail server refuses for good: told apart from bad luck, listed, forgotten."""

import smtplib
from datetime import datetime
from typing import Any

from notifications.models import BouncingAddress

_OF_THE_MAILBOX = (550, 551, 552, 553)  # said only after the text came, but about its address


def refused_for_good(error: Exception) -> str:
    """What the mail server said of the recipient's address if it will never take it, else empty.

    A 4xx answer, a lost connection or a refusal of our own address is bad luck: tried again.
    """
    answers: list[tuple[int, Any]] = []
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers = list(error.recipients.values())
    elif isinstance(error, smtplib.SMTPDataError) and error.smtp_code in _OF_THE_MAILBOX:
        answers = [(error.smtp_code, error.smtp_error)]
    if not answers or any(not 500 <= code < 600 for code, _ in answers):
        return ""
    code, words = answers[0]
    said = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
    return f"{code} {' '.join(said.split())}"[:500]


def note(recipient: str, error: str, at: datetime) -> None:
    """Keep that this address refused a mail. The caller holds the mail's row in a transaction."""
    known, is_new = BouncingAddress.objects.select_for_update(no_key=True).get_or_create(
        email=recipient.lower(), defaults={"since": at, "last_at": at, "error": error}
    )
    if not is_new:
        known.last_at, known.error = at, error
        known.refusals += 1
        known.save()


def forget(recipient: str) -> None:
    """A mail got through: the address works again."""
    BouncingAddress.objects.filter(email=recipient.lower()).delete()
