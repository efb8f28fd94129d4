"""Pages of the receiver: find the order, say what came, look at the receipt, take it back."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from core.models import Attachment
from purchase_orders import services
from purchase_orders.models import PurchaseOrder, Receipt
from tests.factories import NOW, Organisation
from tests.pages import said_by, signed_in, statements, text_of, value_of
from tests.purchase_orders.making import Maker, line_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
FIND = reverse("purchase_orders:receive")
NOT_RECEIVERS = ["rita", "axel", "dora", "finn", "cora", "olga", "vera"]


def receive_page(order: PurchaseOrder) -> str:
    return reverse("purchase_orders:receive_order", args=[order.pk])


def receipt_page(receipt: Receipt, name: str = "receipt") -> str:
    return reverse(f"purchase_orders:{name}", args=[receipt.pk])


def came(*lines: dict[str, str], **head: Any) -> dict[str, Any]:
    """The form as a browser posts it: per line quantity, and maybe what was rejected and why."""
    return {
        "received_on": NOW.date().isoformat(),
        **{f"line-{n}-{k}": v for n, said in enumerate(lines, 1) for k, v in said.items()},
        **head,
    }


@pytest.fixture
def web(org: Organisation) -> Client:
    return signed_in(org.rob)


@pytest.mark.parametrize("written", ["{}", " {} ", "lower"])
def test_a_number_typed_or_scanned_opens_its_order(make: Maker, web: Client, written: str) -> None:
    order = make.issued(("10", "10"))
    number = order.number.lower() if written == "lower" else written.format(order.number)
    assert web.get(FIND, {"number": number})["Location"] == receive_page(order)


def test_part_of_a_number_or_a_vendor_narrows_what_is_expected(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    make.issued(("10", "10"), vendor=make.org.other_vendor)
    for words in (order.vendor.name, order.number[-4:]):
        assert order.number in text_of(web.get(FIND, {"number": words}))
    assert "No such order" in text_of(web.get(FIND, {"number": "PO-1999-000001"}))


def test_what_is_expected_leaves_once_all_of_it_came(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    assert order.number in text_of(web.get(FIND))
    make.receive(order, "10")
    assert order.number not in text_of(web.get(FIND))


def test_the_list_takes_as_many_statements_for_thirty_as_for_three(make: Maker) -> None:
    client = signed_in(make.org.rob)
    for _ in range(3):
        make.issued(("1", "10"))
    few = statements(client, FIND)
    for _ in range(27):
        make.issued(("1", "10"))
    assert statements(client, FIND) == few


@pytest.mark.parametrize("persona", NOT_RECEIVERS)
def test_only_receivers_and_buyers_receive(make: Maker, persona: str) -> None:
    order = make.issued(("10", "10"))
    client = signed_in(make.org.people[persona])
    assert client.get(FIND).status_code == 403
    assert client.get(receive_page(order)).status_code == 403
    assert client.post(receive_page(order), came({"quantity": "1"})).status_code == 403
    assert not Receipt.objects.exists()


def test_another_entity_finds_nothing(make: Maker) -> None:
    order = make.issued(("10", "10"))
    client = signed_in(make.org.nils)
    assert client.get(receive_page(order)).status_code == 404
    assert "No such order" in text_of(client.get(FIND, {"number": order.number}))


def test_what_is_open_is_filled_in(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"), ("5", "10"))
    make.receive(order, "4", "5")
    answer = web.get(receive_page(order))
    assert value_of(answer, "line-1-quantity") == "6"
    assert value_of(answer, "line-2-quantity") == ""


def test_all_of_it_is_received_by_sending_the_form_as_it_is(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"), ("2.5", "10"))
    form = web.get(receive_page(order))
    said = [{"quantity": value_of(form, f"line-{n}-quantity")} for n in (1, 2)]
    answer = web.post(receive_page(order), came(*said, delivery_note="LS-77"))
    receipt = Receipt.objects.get()
    assert answer["Location"] == receipt_page(receipt)
    assert receipt.delivery_note == "LS-77"
    assert [line.received for line in order.lines.all()] == [Decimal(10), Decimal("2.5")]


def test_a_line_left_empty_is_not_received(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"), ("5", "10"))
    web.post(receive_page(order), came({"quantity": "3,5"}, {"quantity": ""}))
    assert [line.received for line in order.lines.all()] == [Decimal("3.5"), Decimal(0)]


@pytest.mark.parametrize(
    ("said", "field", "words"),
    [
        ({"quantity": "ten"}, "quantity", "Enter a number"),
        ({"quantity": "10.5"}, "quantity", "0.5 too many"),
        ({"quantity": "8", "rejected_quantity": "2"}, "reason", "Say why"),
        ({"quantity": "-1"}, "quantity", "greater than or equal to 0"),
    ],
)
def test_a_refused_line_says_so_at_its_field_and_keeps_what_was_typed(
    make: Maker, web: Client, said: dict[str, str], field: str, words: str
) -> None:
    order = make.issued(("5", "10"), ("10", "10"))
    data = came({"quantity": ""}, said, delivery_note="LS-9", note="Two boxes wet")
    answer = web.post(receive_page(order), data)
    assert answer.status_code == 422
    assert not Receipt.objects.exists()
    second = answer.context["lines"][1]
    assert words in str(second.errors[field])
    assert value_of(answer, "line-2-quantity") == said["quantity"]
    assert value_of(answer, "delivery_note") == "LS-9"
    assert "Two boxes wet" in answer.content.decode()


def test_nothing_at_all_is_no_receipt(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    answer = web.post(receive_page(order), came({"quantity": ""}))
    assert answer.status_code == 422
    assert "Say what came" in text_of(answer)


def test_a_day_to_come_is_refused_at_its_field(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    answer = web.post(receive_page(order), came({"quantity": "1"}, received_on="2026-12-31"))
    assert "received_on" in answer.context["form"].errors
    assert not Receipt.objects.exists()


def test_whoever_ordered_does_not_confirm_the_delivery(make: Maker) -> None:
    order = make.issued(("10", "10"))
    client = signed_in(make.org.bea)
    assert "Somebody else has to confirm" in text_of(client.get(receive_page(order)))
    client.post(receive_page(order), came({"quantity": "1"}))
    assert not Receipt.objects.exists()


def test_an_order_on_hold_receives_nothing(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    services.hold(order=order, actor=make.org.bea, at=NOW, reason="Dispute")
    assert "Nothing can be received now" in text_of(web.get(receive_page(order)))
    web.post(receive_page(order), came({"quantity": "1"}))
    assert not Receipt.objects.exists()


def test_the_delivery_note_is_kept_with_the_receipt(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    photo = SimpleUploadedFile("note.png", b"\x89PNG\r\n\x1a\n picture")
    web.post(receive_page(order), came({"quantity": "1"}, files=[photo]))
    receipt = Receipt.objects.get()
    assert Attachment.objects.get(document_id=receipt.pk).name == "note.png"
    assert "note.png" in text_of(web.get(receipt_page(receipt)))


def test_a_refused_photo_leaves_no_receipt(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    program = SimpleUploadedFile("note.png", b"MZ no picture")
    answer = web.post(receive_page(order), came({"quantity": "1"}, files=[program]))
    assert answer.status_code == 422
    assert not Receipt.objects.exists()
    assert line_of(order).received == 0


def test_the_receipt_shows_what_was_accepted_and_rejected(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    receipt = make.receive(order, "8", rejected="2", reason="Cracked")
    found = text_of(web.get(receipt_page(receipt)))
    assert "Rejected because: Cracked" in found
    assert "8 of 10" in found


def test_a_reversal_opens_the_quantities_again(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    receipt = make.receive(order, "8")
    answer = web.post(receipt_page(receipt, "reverse"), {"reason": "Wrong order"}, follow=True)
    assert "open again" in said_by(answer)
    assert line_of(order).received == 0
    mirror = Receipt.objects.get(reverses=receipt)
    assert mirror.number in text_of(web.get(receipt_page(receipt)))
    again = web.post(receipt_page(receipt, "reverse"), {"reason": "Again"}, follow=True)
    assert "cannot reverse now" in said_by(again)
    assert "Reverse…" not in text_of(web.get(receipt_page(mirror)))


@pytest.mark.parametrize("persona", [*NOT_RECEIVERS, "nils"])
def test_only_receivers_and_buyers_reverse(make: Maker, persona: str) -> None:
    receipt = make.receive(make.issued(("10", "10")), "8")
    client = signed_in(make.org.people[persona])
    client.post(receipt_page(receipt, "reverse"), {"reason": "Mine"})
    receipt.refresh_from_db()
    assert receipt.status == "posted"


@pytest.mark.parametrize(("persona", "status"), [("rita", 200), ("olga", 200), ("nils", 404)])
def test_a_receipt_is_seen_by_those_who_see_its_order(
    make: Maker, persona: str, status: int
) -> None:
    receipt = make.receive(make.issued(("10", "10")), "8")
    client = signed_in(make.org.people[persona])
    assert client.get(receipt_page(receipt)).status_code == status


def test_a_form_sent_twice_posts_one_receipt(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    key = value_of(web.get(receive_page(order)), "form_key")
    said = came({"quantity": "2"}, form_key=key)
    first, second = (web.post(receive_page(order), said) for _ in range(2))
    receipt = Receipt.objects.get()
    assert first["Location"] == second["Location"] == receipt_page(receipt)
    assert line_of(order).received == Decimal(2)
    assert value_of(web.get(receive_page(order)), "form_key") != key, "the next one is another"


def test_a_refused_form_may_come_again(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    key = {"form_key": "0123456789abcdef"}
    assert web.post(receive_page(order), came({"quantity": "11"}, **key)).status_code == 422
    assert web.post(receive_page(order), came({"quantity": "10"}, **key)).status_code == 302
    assert line_of(order).received == Decimal(10)
