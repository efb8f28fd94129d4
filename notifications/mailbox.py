"""The demo's outgoing mail, read from its folder."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path

from django.conf import settings

MOST_READ = 1000  # the page is for a demo; older files stay in the folder
NAME = re.compile(r"\d{8}T\d{12}-[0-9a-f]{8}")


@dataclass(frozen=True)
class Enclosure:
    """A file in a mail, by its place."""

    index: int
    name: str
    size: int
    content_type: str


@dataclass(frozen=True)
class Mail:
    """One mail as the page shows it; without its bodies in a list."""

    name: str
    sender: str
    recipient: str
    subject: str
    at: datetime | None
    text: str = ""
    html: str = ""
    enclosures: list[Enclosure] = field(default_factory=list)


def newest(*, limit: int, recipient: str = "") -> list[Mail]:
    """The last mails, newest first; only those to `recipient` when it is given."""
    found: list[Mail] = []
    for path in _files():
        mail = _summary(path)
        if not recipient or mail.recipient == recipient:
            found.append(mail)
        if len(found) == limit:
            break
    return found


def recipients() -> list[str]:
    """Everybody who was written to."""
    return sorted({_summary(path).recipient for path in _files()})


def read(name: str) -> Mail | None:
    """A whole mail, or None for a name that is not there."""
    message = _message(name)
    if message is None:
        return None
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    enclosures = [
        Enclosure(index, part.get_filename() or "file", len(_bytes(part)), part.get_content_type())
        for index, part in enumerate(message.iter_attachments())
    ]
    head = _head(name, message)
    return Mail(
        head.name,
        head.sender,
        head.recipient,
        head.subject,
        head.at,
        text=text.get_content() if text else "",
        html=html.get_content() if html else "",
        enclosures=enclosures,
    )


def enclosure(name: str, index: int) -> tuple[Enclosure, bytes] | None:
    """One file of a mail with its bytes, or None."""
    message = _message(name)
    parts = list(message.iter_attachments()) if message else []
    if index >= len(parts):
        return None
    data = _bytes(parts[index])
    part = parts[index]
    return (
        Enclosure(index, part.get_filename() or "file", len(data), part.get_content_type()),
        data,
    )


def _files() -> list[Path]:
    folder = Path(settings.EMAIL_FILE_PATH)
    newest_first = sorted(folder.glob("*.eml"), key=lambda path: path.name, reverse=True)
    return newest_first[:MOST_READ]


def _message(name: str) -> EmailMessage | None:
    """A name that is not one of ours never becomes a path."""
    if not NAME.fullmatch(name):
        return None
    path = Path(settings.EMAIL_FILE_PATH) / f"{name}.eml"
    if not path.is_file():
        return None
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(path.read_bytes())


def _summary(path: Path) -> Mail:
    with path.open("rb") as file:
        head = BytesParser(EmailMessage, policy=policy.default).parse(file, headersonly=True)
    return _head(path.stem, head)


def _head(name: str, message: EmailMessage) -> Mail:
    date = message["Date"]
    at = parsedate_to_datetime(str(date)) if date else None
    return Mail(
        name=name,
        sender=str(message["From"] or ""),
        recipient=str(message["To"] or ""),
        subject=str(message["Subject"] or "").strip(),
        # "-0000" is UTC of an unknown place and comes without a zone
        at=at.replace(tzinfo=UTC) if at and at.tzinfo is None else at,
    )


def _bytes(part: EmailMessage) -> bytes:
    return part.get_payload(decode=True) or b""
