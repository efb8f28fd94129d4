"""Files from outside: orders and invoices in UBL, the catalog in CSV."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from invoicing.models import Invoice
from purchase_orders.models import PurchaseOrder
from tests.api.conftest import Client
from tests.api.test_problems import problem
from vendors.models import CatalogItem

pytestmark = pytest.mark.django_db
OURS = Path(__file__).parents[1] / "documents"
CODING = {"cost_center": "CC100", "gl_account": "6600"}


def upload(client: Any, resource: str, data: bytes, **more: Any) -> Any:
    body = {"file": SimpleUploadedFile("file.xml", data), **more}
    return client.post(f"/api/v1/{resource}/import/", body, format="multipart")


def test_an_order_issued_elsewhere_is_found_by_its_own_number(org: Any, api: Client) -> None:
    bea = api(org.bea)
    answer = upload(bea, "orders", (OURS / "order.xml").read_bytes(), **CODING)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["legacy_number"], body["status"], body["net"]) == ("MW-70031", "issued", "2549.90")
    assert body["open_commitment"] == "2549.90"
    found = bea.get("/api/v1/orders/?number=MW-70031").json()["results"]
    assert [each["id"] for each in found] == [body["id"]]
    again = upload(bea, "orders", (OURS / "order.xml").read_bytes(), **CODING)
    assert again.status_code == 409
    assert PurchaseOrder.objects.count() == 1


def test_only_a_buyer_takes_orders_over(org: Any, api: Client) -> None:
    answer = upload(api(org.finn), "orders", (OURS / "order.xml").read_bytes())
    problem(answer, 403, "not-allowed")


def test_an_invoice_file_becomes_an_invoice(org: Any, api: Client) -> None:
    answer = upload(api(org.finn), "invoices", (OURS / "invoice.xml").read_bytes())
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["number"], body["source"], body["kind"]) == ("NW-2026-0417", "ubl", "invoice")
    assert body["order_reference"] == "PO-2026-000001"
    again = upload(api(org.finn), "invoices", (OURS / "invoice.xml").read_bytes())
    problem(again, 409, "duplicate-invoice")


def test_a_credit_note_file_becomes_one(org: Any, api: Client) -> None:
    answer = upload(api(org.finn), "invoices", (OURS / "credit-note.xml").read_bytes())
    assert answer.status_code == 201, answer.content
    assert answer.json()["kind"] == "credit_note"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 422),
        (b"no xml", 422),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', 422),
        (b"<Order/>", 422),
        (b"\xff\xfe\x00", 422),
    ],
)
@pytest.mark.parametrize("resource", ["orders", "invoices"])
def test_a_file_that_is_none_is_refused(
    org: Any, api: Client, resource: str, data: bytes, status: int
) -> None:
    person = org.bea if resource == "orders" else org.finn
    answer = upload(api(person), resource, data)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert not PurchaseOrder.objects.exists()
    assert not Invoice.objects.exists()


def test_a_broken_invoice_names_its_rules(org: Any, api: Client) -> None:
    data = (OURS / "invoice-without-number.xml").read_bytes()
    answer = upload(api(org.finn), "invoices", data)
    assert answer.status_code == 422
    assert "BR-02" in {each["code"] for each in answer.json()["errors"]}


def test_an_upload_without_a_file_is_named(org: Any, api: Client) -> None:
    finn = api(org.finn)
    answer = finn.post("/api/v1/invoices/import/", {"other": "x"}, format="multipart")
    body = problem(answer, 422, "invalid")
    assert {each["pointer"] for each in body["errors"]} == {"/file", "/other"}
    problem(finn.post("/api/v1/invoices/import/", {}, format="json"), 415, "wrong-type")


def test_good_catalog_rows_go_in_and_bad_ones_are_named(org: Any, api: Client) -> None:
    data = (
        b"vendor_code,sku,name,unit,unit_price,currency\n"
        b"V-1000,NEW-1,Cable,C62,9.90,EUR\n"
        b"V-9999,NEW-2,Cable,C62,9.90,EUR\n"
        b"V-1000,NEW-3,Cable,C62,free,EUR\n"
    )
    answer = upload(api(org.vera), "catalog-items", data)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["created"], body["updated"], body["unchanged"]) == (1, 0, 0)
    assert [(bad["row"], bad["errors"][0]["pointer"]) for bad in body["bad_rows"]] == [
        (3, "/vendor_code"),
        (4, "/unit_price"),
    ]
    assert CatalogItem.objects.filter(sku__startswith="NEW").count() == 1
    problem(upload(api(org.finn), "catalog-items", data), 403, "not-allowed")
