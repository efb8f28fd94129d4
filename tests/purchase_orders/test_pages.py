"""Pages of orders: the list, one order with its buttons, a draft, its document, an import."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Role, RoleAssignment
from core.models import TrailEvent
from purchase_orders import services
from purchase_orders.models import Dispatch, PurchaseOrder
from tests.factories import NOW, Organisation
from tests.pages import said_by, signed_in, statements, text_of, value_of
from tests.purchase_orders.making import Maker, held, line_of, run_worker

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
LIST = reverse("purchase_orders:list")
IMPORT = reverse("purchase_orders:import")
DOCUMENTS = Path(__file__).parent.parent / "documents"
NOT_BUYERS = ["rita", "axel", "dora", "rob", "finn", "cora", "olga"]


def page_of(order: PurchaseOrder, name: str = "detail", *more: str) -> str:
    return reverse(f"purchase_orders:{name}", args=[order.pk, *more])


@pytest.fixture
def web(org: Organisation) -> Client:
    return signed_in(org.bea)


def test_nobody_sees_them_without_signing_in(make: Maker) -> None:
    for path in (LIST, IMPORT, page_of(make.draft(("1", "10")))):
        assert Client().get(path)["Location"].startswith("/accounts/login/")


def test_tabs_hold_what_they_say(make: Maker, web: Client) -> None:
    draft, fresh = make.draft(("1", "10")), make.issued(("2", "10"))
    came = make.issued(("3", "10"))
    make.receive(came, "3")
    gone = make.issued(("4", "10"))
    services.cancel(order=gone, actor=make.org.bea, at=NOW, reason="Not needed")
    tabs = {
        "open": {fresh, came},
        "draft": {draft},
        "to_receive": {fresh},
        "to_bill": {fresh, came},
        "on_hold": set(),
        "closed": {gone},
        "all": {draft, fresh, came, gone},
    }
    for tab, orders in tabs.items():
        shown = web.get(f"{LIST}?show={tab}").context["page"].items
        assert {each.pk for each in shown} == {each.pk for each in orders}, tab


def test_a_search_finds_numbers_old_and_new_vendors_and_items(make: Maker, web: Client) -> None:
    order, other = make.issued(("1", "10")), make.issued(("1", "10"))
    line_of(order).__class__.objects.filter(order=order).update(description="Torque wrench")
    old = import_one(web)
    wanted = {
        order.number[-6:]: order,
        "torque": order,
        "MW-70031": old,
        old.vendor.name: old,
    }
    for words, expected in wanted.items():
        shown = web.get(LIST, {"q": words, "show": "draft"}).context["page"].items
        assert expected.pk in {each.pk for each in shown}, words
        assert other.pk not in {each.pk for each in shown}, words


def test_pills_say_how_far_receipts_and_bills_are(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "4")
    services.bill(
        order=order,
        lines={line_of(order): (Decimal(4), Decimal(40), False)},
        actor=make.org.finn,
        at=NOW,
    )
    found = text_of(web.get(LIST))
    assert "Part received" in found and "Part billed" in found


def test_the_list_takes_as_many_statements_for_thirty_as_for_three(make: Maker) -> None:
    client = signed_in(make.org.bea)
    for _ in range(3):
        make.issued(("1", "10"))
    few = statements(client, LIST)
    for _ in range(27):
        make.issued(("1", "10"))
    assert statements(client, LIST) == few


def test_an_order_takes_as_many_statements_for_thirty_lines_as_for_three(
    make: Maker, web: Client
) -> None:
    small, large = make.issued(*[("2", "10")] * 3), make.issued(*[("2", "10")] * 30)
    for order in (small, large):
        make.receive(order, *["1"] * order.lines.count())
    assert statements(web, page_of(small)) == statements(web, page_of(large))


@pytest.mark.parametrize(
    ("persona", "status"),
    [("bea", 200), ("rob", 200), ("finn", 200), ("olga", 200), ("rita", 200), ("nils", 404)],
)
def test_an_order_is_seen_by_those_it_concerns(make: Maker, persona: str, status: int) -> None:
    order = make.issued(("1", "10"))
    assert signed_in(make.org.people[persona]).get(page_of(order)).status_code == status


def test_one_click_makes_a_draft_of_approved_demand(make: Maker, web: Client) -> None:
    requisition = make.requisition(("10", "12.50"))
    path = reverse("purchase_orders:from_requisition", args=[requisition.pk])
    answer = web.post(path)
    order = PurchaseOrder.objects.get()
    assert answer["Location"] == page_of(order)
    assert (order.status, order.net) == ("draft", Decimal("125.00"))
    again = web.post(path, follow=True)
    assert "is on an order already" in said_by(again)
    assert PurchaseOrder.objects.count() == 1


def test_demand_of_two_vendors_becomes_two_drafts_on_the_list(make: Maker, web: Client) -> None:
    org = make.org
    requisition = make.requisition(("1", "10"), ("1", "10"), vendors=[org.vendor, org.other_vendor])
    answer = web.post(reverse("purchase_orders:from_requisition", args=[requisition.pk]))
    assert answer["Location"] == f"{LIST}?show=draft"
    assert PurchaseOrder.objects.count() == 2


@pytest.mark.parametrize("persona", [*NOT_BUYERS, "nils"])
def test_only_buyers_order(make: Maker, persona: str) -> None:
    requisition = make.requisition(("1", "10"))
    path = reverse("purchase_orders:from_requisition", args=[requisition.pk])
    signed_in(make.org.people[persona]).post(path)
    assert not PurchaseOrder.objects.exists()


def test_issuing_numbers_the_order_and_commits_its_net(make: Maker, web: Client) -> None:
    order = make.draft(("10", "10"))
    answer = web.post(page_of(order, "perform", "issue"), follow=True)
    order.refresh_from_db()
    assert order.number and order.status == "issued"
    found = text_of(answer)
    assert "100.00 EUR open of 100.00 EUR" in found
    assert "Being printed" in found
    assert "this page follows by itself" in found


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("issue", "draft"),
        ("hold", "issued"),
        ("close", "issued"),
        ("cancel", "issued"),
        ("send", "issued"),
    ],
)
@pytest.mark.parametrize("persona", [*NOT_BUYERS, "nils"])
def test_only_buyers_press_buttons(make: Maker, persona: str, action: str, state: str) -> None:
    order = make.draft(("1", "10")) if state == "draft" else make.issued(("1", "10"))
    client = signed_in(make.org.people[persona])
    answer = client.post(page_of(order, "perform", action), {"reason": "Mine"})
    assert answer.status_code in (302, 404)
    order.refresh_from_db()
    assert order.status == state
    assert not Dispatch.objects.exists()


def test_hold_close_and_reopen_say_what_happened(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    for action, status, words in (
        ("hold", "on_hold", "on hold"),
        ("resume", "issued", "goes on"),
        ("close", "closed", "goes back to the budget"),
    ):
        answer = web.post(page_of(order, "perform", action), {"reason": "So it is"}, follow=True)
        order.refresh_from_db()
        assert order.status == status
        assert words in said_by(answer)
    run_worker("release_unused")
    assert held(order.pk) == 0
    assert "Given back 100.00" in text_of(web.get(page_of(order)))
    web.post(page_of(order, "perform", "reopen"), {"reason": "More to come"})
    assert held(order.pk) == 100


def test_a_cancellation_without_a_reason_is_refused(make: Maker, web: Client) -> None:
    order = make.issued(("1", "10"))
    answer = web.post(page_of(order, "perform", "cancel"), {"reason": " "}, follow=True)
    order.refresh_from_db()
    assert order.status == "issued"
    assert said_by(answer) == "Reason: This is needed."


def test_an_unknown_button_is_not_found_and_a_get_presses_none(make: Maker, web: Client) -> None:
    order = make.issued(("1", "10"))
    assert web.post(page_of(order, "perform", "explode")).status_code == 404
    assert web.get(page_of(order, "perform", "hold")).status_code == 405


def terms(order: PurchaseOrder, **said: str) -> dict[str, str]:
    """The edit form as a browser posts it."""
    return {
        "title": "Things for the office",
        "payment_terms_days": "30",
        "line-1-quantity": "10",
        "line-1-unit_price": "10.00",
        "line-1-over_receipt_percent": "0",
        **said,
    }


def test_a_draft_takes_terms_quantity_and_price(make: Maker, web: Client) -> None:
    order = make.draft(("10", "10"))
    coding = line_of(order).distributions.get().cost_center
    said = {
        "delivery_terms": "DAP Hamburg",
        "payment_terms_days": "14",
        "note": "Ring at gate 3",
        "line-1-quantity": "8",
        "line-1-unit_price": "9,50",
    }
    answer = web.post(page_of(order, "edit"), terms(order, **said))
    assert answer["Location"] == page_of(order)
    order.refresh_from_db()
    assert (order.delivery_terms, order.payment_terms_days) == ("DAP Hamburg", 14)
    assert (order.note, order.net) == ("Ring at gate 3", Decimal("76.00"))
    assert line_of(order).requisition_line is not None
    assert line_of(order).distributions.get().cost_center == coding


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("line-1-quantity", "many"),
        ("line-1-quantity", "11"),
        ("line-1-quantity", "0"),
        ("line-1-unit_price", "-1"),
        ("payment_terms_days", "999"),
    ],
)
def test_refused_terms_keep_what_was_typed(make: Maker, web: Client, name: str, typed: str) -> None:
    order = make.draft(("10", "10"))
    answer = web.post(page_of(order, "edit"), terms(order, note="Ring twice", **{name: typed}))
    assert answer.status_code == 422
    assert value_of(answer, name) == typed
    assert "Ring twice" in answer.content.decode()
    assert "field-error" in answer.content.decode()
    assert line_of(order).quantity == 10


@pytest.mark.parametrize("persona", NOT_BUYERS)
def test_only_buyers_edit(make: Maker, persona: str) -> None:
    order = make.draft(("10", "10"))
    client = signed_in(make.org.people[persona])
    assert client.get(page_of(order, "edit")).status_code == 403
    assert client.post(page_of(order, "edit"), terms(order, note="Mine")).status_code == 403


def test_another_entity_finds_no_draft_to_edit(make: Maker) -> None:
    order = make.draft(("10", "10"))
    assert signed_in(make.org.nils).get(page_of(order, "edit")).status_code == 404


def test_an_issued_order_is_not_edited(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    answer = web.post(page_of(order, "edit"), terms(order, note="Late"), follow=True)
    assert answer.redirect_chain == [(page_of(order), 302)]
    assert "it takes a change order" in said_by(answer)
    order.refresh_from_db()
    assert not order.note


def test_line_breaks_of_a_browser_change_no_address(make: Maker, web: Client) -> None:
    order = make.draft(("10", "10"))
    there = order.ship_to.replace("\n", "\r\n")
    assert there != order.ship_to
    web.post(page_of(order, "edit"), terms(order, ship_to=there, note="Late"))
    edited = TrailEvent.objects.get(document_id=order.pk, type="order.edited")
    assert [each["field"] for each in edited.changes] == ["note"]


def test_the_document_is_there_once_it_is_printed(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    assert web.get(page_of(order, "pdf")).status_code == 404
    run_worker("render_document")
    shown = web.get(page_of(order, "pdf"))
    assert (shown.status_code, shown["Content-Type"]) == (200, "application/pdf")
    assert shown.content.startswith(b"%PDF-")
    assert shown["Content-Disposition"].startswith("inline")
    saved = web.get(page_of(order, "pdf"), {"download": "", "revision": "1"})
    assert saved["Content-Disposition"].startswith("attachment")
    assert order.number in saved["Content-Disposition"]
    assert web.get(page_of(order, "pdf"), {"revision": "2"}).status_code == 404
    assert signed_in(make.org.nils).get(page_of(order, "pdf")).status_code == 404
    found = text_of(web.get(page_of(order)))
    assert "Revision 1" in found and "orders.v-1000.de01@vendors.example" in found


def test_the_document_is_sent_again_to_whom_the_buyer_says(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    early = web.post(page_of(order, "perform", "send"), follow=True)
    assert "still being made" in said_by(early)
    run_worker("render_document")
    web.post(page_of(order, "perform", "send"), {"recipient": "other@vendors.example"})
    assert Dispatch.objects.filter(recipient="other@vendors.example").count() == 1


def test_what_happened_to_request_order_and_receipt_is_one_timeline(
    make: Maker, web: Client
) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "4", delivery_note="LS-1")
    found = text_of(web.get(page_of(order)))
    for words in ("Requisition submitted", "Order issued", "Receipt posted", "delivery note LS-1"):
        assert words in found, words


def test_the_request_shows_its_order_to_those_who_may_see_it(make: Maker) -> None:
    order = make.issued(("10", "10"))
    requisition = order.lines.get().requisition_line.requisition
    path = reverse("requisitions:detail", args=[requisition.pk])
    assert order.number in text_of(signed_in(make.org.rita).get(path))
    # the approver decided about the request; the order is not theirs to see
    RoleAssignment.objects.filter(user=make.org.dora, role=Role.BUDGET_OWNER).delete()
    axel = signed_in(make.org.axel).get(path)
    assert axel.status_code == 404 or order.number not in text_of(axel)


def upload(web: Client, data: bytes) -> Any:
    return web.post(IMPORT, {"file": SimpleUploadedFile("order.xml", data)}, follow=True)


def import_one(web: Client) -> PurchaseOrder:
    answer = upload(web, (DOCUMENTS / "order.xml").read_bytes())
    assert "is taken over as PO-" in said_by(answer), text_of(answer)
    return PurchaseOrder.objects.get(legacy_number="MW-70031")


def test_an_order_from_elsewhere_is_taken_over_once(make: Maker, web: Client) -> None:
    order = import_one(web)
    assert order.status == "issued"
    again = upload(web, (DOCUMENTS / "order.xml").read_bytes())
    assert again.status_code == 422
    assert PurchaseOrder.objects.count() == 1


@pytest.mark.parametrize("data", [b"", b"rubbish", b"<Invoice/>", b"<!DOCTYPE a><Order/>"])
def test_what_is_no_order_is_refused_in_words(make: Maker, web: Client, data: bytes) -> None:
    answer = upload(web, data)
    assert answer.status_code == 422
    assert not PurchaseOrder.objects.exists()
    assert "was not taken over" in text_of(answer) or "empty" in text_of(answer)


@pytest.mark.parametrize("persona", [*NOT_BUYERS])
def test_only_buyers_import(make: Maker, persona: str) -> None:
    client = signed_in(make.org.people[persona])
    assert client.get(IMPORT).status_code == 403
    assert upload(client, (DOCUMENTS / "order.xml").read_bytes()).status_code == 403
    assert not PurchaseOrder.objects.exists()


def test_cancelling_is_offered_until_something_came(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    assert "Cancel order" in text_of(web.get(page_of(order)))
    make.receive(order, "1")
    shown = text_of(web.get(page_of(order)))
    assert "Cancel order" not in shown and "Close short" in shown
