"""Files of documents: judged by their bytes, read through the document's own visibility."""

import hashlib
import io
import os
import zipfile
from pathlib import Path
from threading import get_ident
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core.models import Attachment, StoredFile, TrailEvent
from tests.api.conftest import Client
from tests.api.test_problems import problem
from tests.api.test_requisitions import create

pytestmark = pytest.mark.django_db
URL = "/api/v1/attachments/"
PDF = b"%PDF-1.7\nhello\n%%EOF"


def upload(client: Any, document: str, name: str, data: bytes, **more: Any) -> Any:
    body = {
        "document_type": "requisition",
        "document_id": document,
        "file": SimpleUploadedFile(name, data),
        **more,
    }
    return client.post(URL, body, format="multipart")


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as found:
        for name in names:
            found.writestr(name, "x")
    return out.getvalue()


def test_a_file_comes_back_byte_by_byte_to_be_saved(org: Any, api: Client) -> None:
    client = api(org.rita)
    document = create(client)["id"]
    answer = upload(client, document, "offer.pdf", PDF)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["name"], body["content_type"], body["size"]) == (
        "offer.pdf",
        "application/pdf",
        len(PDF),
    )
    assert body["document"] == {"type": "requisition", "id": document}
    got = client.get(body["url"])
    assert b"".join(got.streaming_content) == PDF
    assert got["Content-Disposition"] == 'attachment; filename="offer.pdf"'
    assert got["X-Content-Type-Options"] == "nosniff"
    assert got["Content-Type"] == "application/octet-stream"
    listed = client.get(f"{URL}?document_type=requisition&document_id={document}").json()
    assert [each["id"] for each in listed["results"]] == [body["id"]]
    assert TrailEvent.objects.filter(type="requisition.file_attached").count() == 1


def test_f22_a_full_disk_changes_nothing_and_leaves_nothing_behind(
    org: Any, api: Client, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    client = api(org.rita)
    document = create(client)["id"]
    kept = upload(client, document, "offer.pdf", PDF).json()
    other = PDF + b"other"
    name = hashlib.sha256(other).hexdigest()
    part = tmp_path / name[:2] / f"{name[2:]}.{os.getpid()}-{get_ident()}.part"
    part.parent.mkdir(exist_ok=True)
    part.symlink_to("/dev/full")  # takes a file's name, and says that there is no space left
    before = TrailEvent.objects.count()
    problem(upload(client, document, "other.pdf", other), 503, "storage-unavailable")
    assert (Attachment.objects.count(), TrailEvent.objects.count()) == (1, before)
    assert not StoredFile.objects.filter(sha256=name).exists()
    assert [each for each in part.parent.iterdir() if name[2:] in each.name] == []
    assert b"".join(client.get(kept["url"]).streaming_content) == PDF
    assert upload(client, document, "other.pdf", other).status_code == 201


def test_who_does_not_see_the_document_sees_no_file(org: Any, api: Client) -> None:
    rita = api(org.rita)
    document = create(rita)["id"]
    body = upload(rita, document, "offer.pdf", PDF).json()
    for person in (org.bea, org.nils):
        other = api(person)
        problem(other.get(f"{URL}{body['id']}/"), 404, "not-found")
        problem(other.get(f"{URL}{body['id']}/content/"), 404, "not-found")
        found = other.get(f"{URL}?document_type=requisition&document_id={document}")
        problem(found, 404, "not-found")
        problem(upload(other, document, "mine.pdf", PDF), 404, "not-found")
    assert Attachment.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("a.html", b"<html></html>", 415),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415),
        ("a.xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415),
        ("a.xml", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', 415),
        ("a.txt", b"  <!DOCTYPE html><script>alert(1)</script>", 415),
        ("a.php", b"<?php", 415),
        ("a.pdf.exe", b"MZ", 415),
        ("a.pdf", b"<html>%PDF-", 415),
        ("a.png", PDF, 415),
        ("a.zip", archive("a"), 415),
        ("a.docx", archive("../../etc/passwd"), 415),
        ("a.docx", archive("word/document.xml", "word/vbaProject.bin"), 415),
        ("noending", PDF, 415),
        ("a.pdf", b"", 422),
        ("a.pdf", PDF + b"/Encrypt 5 0 R", 422),
        ("a.txt", b"a\x00b", 415),
        ("a.txt", b"\xff\xfe", 415),
    ],
)
def test_what_is_not_what_it_says_is_refused(
    org: Any, api: Client, name: str, data: bytes, status: int
) -> None:
    client = api(org.rita)
    document = create(client)["id"]
    answer = upload(client, document, name, data)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.docx", archive("word/document.xml")),
        ("a.xlsx", archive("xl/workbook.xml")),
        ("a.xml", b"<Invoice/>"),
        ("Größe.csv", "a;ü\n1;2\n".encode()),
        ("a.JPG", b"\xff\xd8\xff\xe0"),
    ],
)
def test_papers_of_an_office_are_accepted(org: Any, api: Client, name: str, data: bytes) -> None:
    client = api(org.rita)
    answer = upload(client, create(client)["id"], name, data)
    assert answer.status_code == 201, answer.content
    assert answer.json()["name"] == name


def test_a_file_above_the_limit_is_413(org: Any, api: Client) -> None:
    client = api(org.rita)
    document = create(client)["id"]
    answer = upload(client, document, "a.pdf", PDF + b"x" * (20 * 1024 * 1024))
    problem(answer, 413, "too-large")
    answer = upload(client, document, "a.pdf", PDF + b"x" * (22 * 1024 * 1024))
    problem(answer, 413, "too-large")
    assert not Attachment.objects.exists()


def test_an_upload_needs_the_scope_of_its_document(org: Any, api: Client) -> None:
    document = create(api(org.rita))["id"]
    client = api(org.rita, "read", "orders:write")
    problem(upload(client, document, "a.pdf", PDF), 403, "missing-scope")


def test_one_key_keeps_one_file(org: Any, api: Client) -> None:
    client = api(org.rita)
    document = create(client)["id"]
    answers = [
        client.post(
            URL,
            {
                "document_type": "requisition",
                "document_id": document,
                "file": SimpleUploadedFile("a.pdf", PDF),
            },
            format="multipart",
            headers={"Idempotency-Key": "k"},
        )
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert Attachment.objects.count() == 1
