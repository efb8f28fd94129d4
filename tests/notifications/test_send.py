"""Sending: once per key, with a failure that can be seen and safe headers."""

from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage

from notifications import services
from notifications.backends import FolderBackend
from notifications.models import OutgoingMail
from notifications.services import Attached, Letter
from tests.factories import NOW

LETTER = Letter(
    subject="Approved: laptops",
    template="approval_decided",
    context={
        "word": "Approved",
        "round": {"status": "approved"},
        "description": {"title": "Laptops <b>&", "total": None, "currency": "EUR"},
        "actor": "Axel",
        "comment": "",
        "url": "http://127.0.0.1/x",
    },
)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.EMAIL_BACKEND = "notifications.backends.FolderBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    return tmp_path / "mail"


def send(**changes: Any) -> OutgoingMail:
    given = {"key": "k", "recipient": "rita@demo.example", "letter": LETTER, "at": NOW}
    return services.send(**{**given, **changes})


def read(folder: Path) -> list[Any]:
    return [
        BytesParser(policy=policy.default).parsebytes(path.read_bytes())
        for path in sorted(folder.glob("*.eml"))
    ]


@pytest.mark.django_db
def test_a_key_is_sent_once(folder: Path) -> None:
    first, second = send(), send()
    assert first.pk == second.pk
    assert OutgoingMail.objects.count() == 1
    assert len(read(folder)) == 1


@pytest.mark.django_db
def test_a_failure_is_kept_raised_and_tried_again_as_the_same_message(
    folder: Path, settings: Any
) -> None:
    settings.EMAIL_FILE_PATH = "/dev/null/nowhere"
    with pytest.raises(OSError, match="nowhere"):
        send()
    failed = OutgoingMail.objects.get()
    assert (failed.status, failed.sent_at) == ("failed", None)
    assert "nowhere" in failed.error
    settings.EMAIL_FILE_PATH = folder
    done = send()
    assert (done.pk, done.status, done.error) == (failed.pk, "sent", "")
    assert [mail["Message-ID"] for mail in read(folder)] == [failed.message_id]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "breaking", ["\r\nBcc: evil@evil.example", "\nX: y", "\x00\x0b", "\u2028z"]
)
def test_a_title_cannot_smuggle_headers_in(folder: Path, breaking: str) -> None:
    letter = Letter(
        subject=f"Approve{breaking} it",
        template=LETTER.template,
        context=LETTER.context,
        attachments=[Attached(f"a{breaking}.pdf", b"%PDF", "application/pdf")],
    )
    send(letter=letter)
    mail = read(folder)[0]
    assert mail["Bcc"] is None
    assert mail["X"] is None
    assert mail["To"] == "rita@demo.example"
    assert len(mail["Subject"].splitlines()) == 1
    assert mail["Subject"].startswith("Approve")
    # nor characters that ring, or that turn round what is read
    assert services.one_line("Approve\x07 1\u202e00 EUR") == "Approve 1 00 EUR"


@pytest.mark.django_db
def test_a_long_subject_is_cut(folder: Path) -> None:
    send(letter=Letter(subject="x" * 5000, template=LETTER.template, context=LETTER.context))
    assert len(read(folder)[0]["Subject"].strip()) == services.MOST_SUBJECT


@pytest.mark.django_db
def test_it_has_text_and_html_with_styles_inline_and_nothing_from_outside(folder: Path) -> None:
    send()
    mail = read(folder)[0]
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    assert "Laptops <b>&" in text
    assert "Laptops &lt;b&gt;&amp;" in html
    assert '<h1 style="' in html
    assert "<link" not in html
    assert "src=" not in html


def test_the_message_id_follows_from_the_key(settings: Any) -> None:
    settings.PORTAL_URL = "https://portal.example"
    assert services.message_id("a") == services.message_id("a")
    assert services.message_id("a") != services.message_id("b")
    assert services.message_id("a").endswith("@portal.example>")


def test_a_file_is_whole_from_the_moment_it_is_there(folder: Path) -> None:
    for number in range(3):
        EmailMessage(subject=str(number), body="x", to=["a@demo.example"]).send()
    names = [path.name for path in folder.iterdir()]
    assert len(names) == 3
    assert all(name.endswith(".eml") for name in names)
    assert FolderBackend().send_messages([]) == 0
