"""The printed order: fetches nothing, repeats to the byte, is kept once, and goes to the vendor."""

import os
import signal
import socket
import subprocess
import sys
import threading
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from billiard.pool import soft_timeout_sighandler
from django.test import Client

from core import files, outbox, printing
from core.errors import IllegalTransition, Invalid, NotAllowed
from core.models import OutboxItem, TrailEvent
from purchase_orders import pdf, services, tasks
from purchase_orders.models import Dispatch, OrderRevision, PurchaseOrder
from tests.factories import NOW
from tests.purchase_orders.making import LATER, Maker, events_of, run_worker
from vendors.models import Vendor

HOSTILE = (
    '<img src="file:///etc/hostname"><link rel=attachment href="file:///etc/hostname">'
    '<style>@import url("http://127.0.0.1:{port}/a.css"); '
    '@font-face {{ font-family: x; src: url("http://127.0.0.1:{port}/f") }}</style>'
    '<object data="http://127.0.0.1:{port}/o"></object>'
    '<svg><image xlink:href="http://127.0.0.1:{port}/s"/></svg><script>alert(1)</script>'
)


def text_of(data: bytes, tmp_path: Path, *options: str) -> str:
    file = tmp_path / "order.pdf"
    file.write_bytes(data)
    ran = subprocess.run(
        ["pdftotext", "-layout", *options, file, "-"], check=True, capture_output=True, text=True
    )
    return ran.stdout


def pages_of(data: bytes, tmp_path: Path) -> list[str]:
    return text_of(data, tmp_path).split("\f")[:-1]


def content_of(make: Maker, lines: int = 1) -> dict[str, Any]:
    content = deepcopy(make.issued(("12", "1180")).revisions.get().content)
    line = content["lines"][0]
    content["lines"] = [
        {**line, "line_number": number, "description": f"Thing number {number}"}
        for number in range(1, lines + 1)
    ]
    return content


def hostile(content: dict[str, Any], port: int) -> dict[str, Any]:
    words = HOSTILE.format(port=port)
    content["title"] = content["note"] = content["ship_to"] = words
    content["vendor"]["name"] = content["entity"]["name"] = words
    content["lines"][0]["description"] = words
    return content


def test_hostile_text_is_printed_and_fetches_nothing(make: Maker, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        data = pdf.render_order(hostile(content_of(make), listener.getsockname()[1]))
        with pytest.raises(TimeoutError):
            listener.accept()
    text = text_of(data, tmp_path)
    assert "<script>alert(1)</script>" in text
    assert Path("/etc/hostname").read_text().strip() not in text
    attached = subprocess.run(
        ["pdfdetach", "-list", tmp_path / "order.pdf"], check=True, capture_output=True, text=True
    )
    assert attached.stdout.startswith("0 embedded files")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://127.0.0.1/",
        "https://example.org/",
        "ftp://example.org/",
        "data:text/plain,x",
        "letter:other",
        "LETTER:latin-400",
        "/etc/passwd",
        "",
    ],
)
def test_the_fetcher_refuses_every_url_but_its_fonts(url: str) -> None:
    typesetting = printing.typesetting()
    with pytest.raises(typesetting.RefusedURL):
        typesetting.Fetcher().fetch(url)


def test_the_same_content_gives_the_same_bytes(make: Maker) -> None:
    content = content_of(make, 12)
    first = pdf.render_order(content)
    assert first.startswith(b"%PDF-")
    assert pdf.render_order(deepcopy(content)) == first


def test_it_says_everything_the_vendor_needs(make: Maker, tmp_path: Path) -> None:
    org = make.org
    org.entity.tax_id, org.entity.purchase_terms = "DE811111111", "Our terms of 2026 apply."
    org.entity.save()
    order = make.issued(("12", "1180"), ("1.5", "0.123456"), ship_to="Gate 2\nHamburg")
    text = text_of(pdf.render_order(order.revisions.get().content), tmp_path)
    for words in (
        *(order.number, "2 March 2026", "Nordlicht Systems GmbH", "DE811111111"),
        *("Elbe IT Handel GmbH", "V-1000", "Bea Hoffmann", "REQ-2026-000001", "Gate 2"),
        *("Thing 1", "1,180.00", "14,160.00", "1.5", "0.123456", "19 %", "VAT 19 %"),
        *("2,690.44", "16,850.63", "Payment within 30 days", "Page 1 of 1"),
        "Our terms of 2026 apply.",
    ):
        assert words in text, words


def test_a_long_order_repeats_its_head_and_counts_its_pages(make: Maker, tmp_path: Path) -> None:
    pages = pages_of(pdf.render_order(content_of(make, 120)), tmp_path)
    assert len(pages) > 4
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        if "Thing number" in page:
            assert "Unit price" in page
    assert "Purchase order PO-2026-000001" in pages[1]
    assert "Thing number 120" in "".join(pages)


def test_names_of_other_scripts_are_printed(make: Maker, tmp_path: Path) -> None:
    content = content_of(make)
    content["vendor"]["name"] = "ООО «Ромашка» Łódź Ελλάς"
    content["lines"][0]["description"] = "Długi opis – çedilla ß " + "X" * 400
    text = text_of(pdf.render_order(content), tmp_path)
    assert "ООО «Ромашка» Łódź Ελλάς" in text
    assert text.replace("\n", "").replace(" ", "").count("X") >= 400


def test_a_yen_order_has_no_decimals(make: Maker, tmp_path: Path) -> None:
    content = content_of(make) | {"currency": "JPY"}
    content["lines"][0] |= {"unit_price": "1200", "net": "14400"}
    text = text_of(pdf.render_order(content), tmp_path)
    assert "Net JPY" in text
    assert "14,400.00" not in text


def test_without_pango_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    # A module that cannot be imported: what a machine without the library has.
    monkeypatch.setitem(sys.modules, "core.typesetting", None)
    printing.typesetting.cache_clear()
    with pytest.raises(pdf.PdfUnavailable, match="apt-get install libpangoft2"):
        pdf.render_order({"currency": "EUR"} | EMPTY)
    printing.typesetting.cache_clear()


def test_f31_a_document_that_takes_too_long_is_given_up_and_its_order_stays_issued(
    make: Maker, client: Client
) -> None:
    """The worker's own signal, sooner than its forty seconds."""
    order = make.issued(("12", "1180"))
    revision = order.revisions.get()
    revision.content["lines"] *= 3_000
    revision.save()
    item = OutboxItem.objects.get(handler="purchase_orders.render_document")
    before = signal.signal(signal.SIGUSR1, soft_timeout_sighandler)
    alarm = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR1))
    try:
        alarm.start()
        assert not outbox.run(item)
    finally:
        alarm.cancel()
        signal.signal(signal.SIGUSR1, before)
    item.refresh_from_db()
    assert item.error.startswith("SoftTimeLimitExceeded") and item.done_at is None
    order.refresh_from_db()
    assert (order.status, order.revisions.get().pdf_id) == ("issued", None)
    client.force_login(make.org.bea)
    assert "Being printed" in client.get(f"/orders/{order.pk}/").content.decode()


def test_f31_what_eats_memory_fails_before_the_machine_does() -> None:
    eater = "from po_portal import memory; memory.bound(); bytearray(memory.MOST_BYTES)"
    ran = subprocess.run([sys.executable, "-c", eater], capture_output=True, text=True, check=False)
    assert "MemoryError" in ran.stderr


EMPTY: dict[str, Any] = {
    "number": "PO-1",
    "revision": 1,
    "issued_on": "2026-03-02",
    "valid_from": None,
    "valid_to": None,
    "lines": [],
    "taxes": [],
    "net": "0",
    "tax": "0",
    "total": "0",
}


def test_the_worker_prints_keeps_and_queues_the_mail(make: Maker) -> None:
    order = make.issued(("2", "10"))
    run_worker("render_document")
    revision = order.revisions.get()
    data = files.read(revision.pdf)
    assert data == pdf.render_order(revision.content)
    dispatch = Dispatch.objects.get()
    assert (dispatch.recipient, dispatch.status) == (make.org.vendor.order_email, "queued")
    event = TrailEvent.objects.get(type="order.document_rendered")
    assert event.data == {
        "revision": 1,
        "sha256": revision.pdf_id,
        "dispatch": str(dispatch.pk),
    }


def test_a_second_print_never_replaces_the_first(make: Maker) -> None:
    order = make.issued(("2", "10"))
    run_worker("render_document")
    before = order.revisions.get()
    # Even content that was tampered with does not give a new document.
    OrderRevision.objects.update(content=before.content | {"title": "Something else"})
    services.render(revision=before, at=LATER)
    tasks.render_document(event_id="", document_id=str(order.pk))
    after = order.revisions.get()
    assert (after.pdf_id, after.rendered_at) == (before.pdf_id, before.rendered_at)
    assert Dispatch.objects.count() == 1
    assert events_of(order.pk).count("order.document_rendered") == 1


def test_a_vendor_without_address_gets_no_mail(make: Maker) -> None:
    Vendor.objects.filter(pk=make.org.vendor.pk).update(order_email="")
    order = make.issued(("2", "10"))
    run_worker("render_document")
    assert order.revisions.get().pdf_id
    assert not Dispatch.objects.exists()
    with pytest.raises(Invalid) as refused:
        services.send(order=order, actor=make.org.bea, at=NOW)
    assert refused.value.errors[0].pointer == "/recipient"


def test_an_order_that_was_cancelled_meanwhile_is_not_sent(make: Maker) -> None:
    order = make.issued(("2", "10"))
    services.cancel(order=order, actor=make.org.bea, at=NOW, reason="Wrong")
    run_worker("render_document")
    assert order.revisions.get().pdf_id
    assert not Dispatch.objects.exists()


@pytest.mark.parametrize(
    ("stop", "go_on"), [(services.hold, services.resume), (services.close, services.reopen)]
)
def test_what_was_printed_while_an_order_stood_still_is_sent_when_it_goes_on(
    make: Maker, stop: Any, go_on: Any
) -> None:
    order = make.issued(("2", "10"))
    said = {"order": order, "actor": make.org.bea, "at": NOW, "reason": "Wait"}
    stop(**said)
    run_worker("render_document")
    assert not Dispatch.objects.exists()
    go_on(**said)
    assert run_worker("send_unsent") == 1
    dispatch = Dispatch.objects.get()
    assert (dispatch.recipient, dispatch.requested_by) == (make.org.vendor.order_email, None)
    event = TrailEvent.objects.get(type="order.send_requested")
    assert event.data["dispatch"] == str(dispatch.pk)
    before = events_of(order.pk)
    tasks.send_unsent(event_id="", document_id=str(order.pk))
    assert (Dispatch.objects.count(), events_of(order.pk)) == (1, before)


def test_what_was_sent_before_a_hold_is_not_sent_again_after_it(make: Maker) -> None:
    order = printed(make)
    said = {"order": order, "actor": make.org.bea, "at": NOW}
    services.hold(**said)
    services.resume(**said)
    run_worker("send_unsent")
    assert Dispatch.objects.count() == 1


def test_sending_again_is_a_new_dispatch(make: Maker) -> None:
    order = printed(make)
    again = services.send(order=order, actor=make.org.bea, at=LATER, recipient="x@vendors.example")
    assert (again.recipient, again.requested_by) == ("x@vendors.example", make.org.bea)
    assert Dispatch.objects.count() == 2
    assert len({dispatch.message_id for dispatch in Dispatch.objects.all()}) == 2
    event = TrailEvent.objects.get(type="order.send_requested")
    assert event.data["dispatch"] == str(again.pk)


def printed(make: Maker) -> PurchaseOrder:
    order = make.issued(("2", "10"))
    run_worker("render_document")
    return order


def test_sending_is_refused_to_others_and_before_there_is_a_document(make: Maker) -> None:
    order = make.issued(("2", "10"))
    with pytest.raises(services.DocumentPending):
        services.send(order=order, actor=make.org.bea, at=NOW)
    with pytest.raises(IllegalTransition):
        services.send(order=make.draft(("1", "1")), actor=make.org.bea, at=NOW)
    run_worker("render_document")
    for persona in ("rita", "rob", "finn", "nils"):
        with pytest.raises(NotAllowed):
            services.send(order=order, actor=make.org.people[persona], at=NOW)
    assert Dispatch.objects.count() == 1


def test_what_became_of_a_mail_is_noted_once(make: Maker) -> None:
    order = printed(make)
    dispatch = Dispatch.objects.get()
    failed = services.mark_dispatched(dispatch=dispatch, at=NOW, error="550 no such user")
    assert (failed.status, failed.error) == ("failed", "550 no such user")
    sent = services.mark_dispatched(dispatch=dispatch, at=LATER)
    assert (sent.status, sent.sent_at, sent.error) == ("sent", LATER, "")
    services.mark_dispatched(dispatch=dispatch, at=LATER, error="late bounce")
    dispatch.refresh_from_db()
    assert dispatch.status == "sent"
    assert events_of(order.pk)[-2:] == ["order.send_failed", "order.sent"]


def test_a_document_that_is_missing_is_asked_for_again(make: Maker) -> None:
    order = make.issued(("2", "10"))
    OutboxItem.objects.filter(handler="purchase_orders.render_document").delete()
    tasks.render_missing(at=NOW + timedelta(minutes=10))
    assert not OutboxItem.objects.filter(handler="purchase_orders.render_again").exists()
    tasks.render_missing(at=NOW + timedelta(minutes=20))
    assert run_worker("render_again") == 1
    assert order.revisions.get().pdf_id
    tasks.render_missing(at=NOW + timedelta(minutes=40))
    assert not OutboxItem.objects.filter(done_at=None, handler="purchase_orders.render_again")


def test_every_handler_has_a_name_that_events_subscribe() -> None:
    assert {name for name in outbox._handlers if name.startswith("purchase_orders.")} == {
        "purchase_orders.order_by_itself",
        "purchase_orders.release_unused",
        "purchase_orders.render_again",
        "purchase_orders.render_document",
        "purchase_orders.send_unsent",
    }
