"""The demo's mail page, and that nothing but mail comes out of it."""

from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client

from notifications import mailbox
from tests.factories import Organisation

PAGES = ("", "{name}/", "{name}/html/", "{name}/files/0/")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.EMAIL_BACKEND = "notifications.backends.FolderBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    return tmp_path / "mail"


@pytest.fixture
def name(org: Organisation, folder: Path) -> str:
    """The newest of two mails; it has a file."""
    for person, subject in ((org.rita, "Older"), (org.axel, "Newer")):
        mail = EmailMultiAlternatives(subject=subject, body="Plain words", to=[person.email])
        mail.attach_alternative(
            '<html><head></head><body><a href="/a/x/">Go</a><script>1</script></body></html>',
            "text/html",
        )
        mail.attach("PO-2026-000001.pdf", b"%PDF-1.7 bytes", "application/pdf")
        mail.send()
    return max(path.stem for path in folder.glob("*.eml"))


@pytest.fixture
def client(org: Organisation) -> Client:
    client = Client()
    client.force_login(org.axel)
    return client


@pytest.mark.parametrize("page", PAGES)
def test_it_asks_for_sign_in(name: str, page: str) -> None:
    answer = Client().get(f"/mail/{page.format(name=name)}")
    assert (answer.status_code, "/accounts/login/" in answer["Location"]) == (302, True)


@pytest.mark.parametrize("page", PAGES)
def test_it_does_not_exist_outside_the_demo(
    name: str, client: Client, settings: Any, page: str
) -> None:
    settings.PORTAL_DEMO = False
    assert client.get(f"/mail/{page.format(name=name)}").status_code == 404


@pytest.mark.parametrize(
    "bad", ["settings", "..", "%2e%2e", "..%2f..%2fportal", "20260101T000000000000-00000000", "x"]
)
def test_a_name_never_becomes_a_path(client: Client, folder: Path, bad: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder.parent / "portal.eml").write_text("Subject: secret\n\nsecret")
    for page in ("", "html/", "files/0/"):
        assert client.get(f"/mail/{bad}/{page}").status_code == 404
    assert mailbox.read("../portal") is None


def test_a_missing_file_is_not_found(client: Client, name: str) -> None:
    assert client.get(f"/mail/{name}/files/7/").status_code == 404


def test_an_empty_folder_says_so(client: Client) -> None:
    assert "No mail yet" in client.get("/mail/").content.decode()


def test_newest_first_and_by_recipient(client: Client, name: str, org: Organisation) -> None:
    shown = client.get("/mail/").content.decode()
    assert shown.index("Newer") < shown.index("Older")
    only = client.get("/mail/", {"to": org.rita.email}).content.decode()
    assert "Newer" not in only
    assert [mail.subject for mail in mailbox.newest(limit=1)] == ["Newer"]


def test_one_mail_is_shown_in_a_closed_frame(client: Client, name: str) -> None:
    shown = client.get(f"/mail/{name}/").content.decode()
    assert 'sandbox="allow-top-navigation-by-user-activation"' in shown
    assert "Plain words" in shown
    answer = client.get(f"/mail/{name}/html/")
    rules = answer["Content-Security-Policy"]
    assert "default-src 'none'" in rules
    assert "script-src 'none'" in rules
    assert "frame-ancestors 'self'" in rules
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert '<head><base target="_top">' in answer.content.decode()


def test_attachments_are_downloads(client: Client, name: str) -> None:
    answer = client.get(f"/mail/{name}/files/0/")
    assert answer.content == b"%PDF-1.7 bytes"
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == 'attachment; filename="PO-2026-000001.pdf"'
