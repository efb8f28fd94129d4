"""Pages of accounts payable: inbox, keying, dropping files, one invoice, the exceptions bench."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from lxml import html

from budgets.models import ExchangeRate, LedgerEntry
from invoicing import services
from invoicing.models import Invoice
from purchase_orders.models import PurchaseOrder
from tests.factories import NOW, TODAY, Organisation
from tests.invoicing.billing import Biller, drain
from tests.pages import said_by, signed_in, statements, text_of, value_of
from tests.purchase_orders.making import Maker

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
LIST, NEW = reverse("invoicing:list"), reverse("invoicing:create")
UPLOAD, BENCH = reverse("invoicing:upload"), reverse("invoicing:exceptions")
NOT_CLERKS = ["rita", "axel", "dora", "bea", "rob", "cora", "olga", "vera"]


@pytest.fixture
def web(org: Organisation) -> Client:
    return signed_in(org.finn)


def page_of(invoice: Invoice, name: str = "detail", *more: str) -> str:
    return reverse(f"invoicing:{name}", args=[invoice.pk, *more])


def keyed(order: PurchaseOrder | None, *lines: dict[str, str], **head: str) -> dict[str, str]:
    """The form as a browser posts it: by default line 1 of the order, 10 at 10.00."""
    usual = {"order_line_reference": "1", "quantity": "10", "unit_price": "10", "tax_code": "DE19"}
    said = [{**usual, **line} for line in lines or ({},)]
    return {
        "order_reference": order.number if order else "",
        "number": "R-4711",
        "kind": "invoice",
        "issue_date": TODAY.isoformat(),
        "currency": "EUR",
        "lines-TOTAL_FORMS": str(len(said)),
        "lines-INITIAL_FORMS": "0",
        **{f"lines-{n}-{name}": value for n, row in enumerate(said) for name, value in row.items()},
        **head,
    }


def test_nobody_sees_them_without_signing_in(make: Maker, bills: Biller) -> None:
    invoice = bills.captured(make.issued(("1", "10")), ("1", "10"))
    for path in (LIST, NEW, UPLOAD, BENCH, page_of(invoice)):
        assert Client().get(path)["Location"].startswith("/accounts/login/")


def test_c12_price_and_exchange_rate_are_shown_apart(
    org: Organisation, make: Maker, bills: Biller, web: Client
) -> None:
    """A thousand dollars ordered at one rate, 1,010 billed at another: both parts, to the cent."""
    bills.tolerance("line_amount", percent=5)
    org.vendor.currency = "USD"
    org.vendor.save()
    order = make.issued(("1", "1000"), ("1", "50"), currency="USD")
    make.receive(order, "1", "1")
    rate = order.rate + Decimal("0.05")
    ExchangeRate.objects.create(currency="USD", base="EUR", day=TODAY, rate=rate, source="ECB")
    invoice = bills.billed(order, ("1", "1010"), ("1", "50"), currency="USD")
    assert (invoice.status, invoice.rate) == ("cleared", rate)
    spent = LedgerEntry.objects.filter(document_id=invoice.pk, stage="ACT")
    took = LedgerEntry.objects.filter(document_id=invoice.pk, stage="ENC")
    [table] = differences(web.get(page_of(invoice)))
    assert table[-1] == [
        "Together",
        f"{-sum(each.amount for each in took):,.2f}",
        f"{sum(each.amount for each in spent):,.2f}",
        f"+{10 * order.rate:,.2f}",
        "+53.00",  # 1,060 × 0.05
    ]
    assert [row[3:] for row in table[:-1]] == [
        [f"+{10 * order.rate:,.2f}", "+50.50"],
        ["0.00", "+2.50"],
    ]
    services.void(invoice=invoice, actor=org.fay, at=NOW, reason="Twice")
    assert differences(web.get(page_of(invoice))) == []


def test_what_costs_what_was_ordered_shows_no_difference(
    make: Maker, bills: Biller, web: Client
) -> None:
    order = make.issued(("1", "10"))
    make.receive(order, "1")
    assert differences(web.get(page_of(bills.billed(order, ("1", "10"))))) == []


def differences(answer: Any) -> list[list[list[str]]]:
    """The cells of the table of differences, if there is one."""
    tables = html.fromstring(answer.content).xpath("//table[.//th='Differs from the order']")
    return [
        [
            [cell.text_content().strip() for cell in row.xpath("td")]
            for row in table.xpath(".//tr[td]")
        ]
        for table in tables
    ]


def test_tabs_hold_what_they_say(make: Maker, bills: Biller, web: Client) -> None:
    order = make.issued(("10", "10"))
    waiting = bills.billed(order, ("1", "10"))
    dearer = bills.billed(order, ("1", "99"))
    other = make.issued(("3", "7"))
    make.receive(other, "3")
    cleared = bills.billed(other, ("3", "7"))
    tabs = {
        "open": {waiting, dearer},
        "in_exception": {dearer},
        "waiting": {waiting},
        "cleared": {cleared},
        "closed": set(),
        "all": {waiting, dearer, cleared},
    }
    for tab, invoices in tabs.items():
        shown = web.get(f"{LIST}?show={tab}").context["page"].items
        assert {each.pk for each in shown} == {each.pk for each in invoices}, tab


def test_a_search_finds_number_vendor_and_order(make: Maker, bills: Biller, web: Client) -> None:
    order = make.issued(("10", "10"))
    wanted = bills.captured(order, ("1", "10"), number="WANTED-1")
    for words in ("wanted", order.number, order.vendor.name[:5]):
        shown = web.get(LIST, {"q": words}).context["page"].items
        assert [each.pk for each in shown] == [wanted.pk], words
    assert "Nothing found" in text_of(web.get(LIST, {"q": "elsewhere"}))


def test_the_list_takes_as_many_statements_for_thirty_as_for_three(
    make: Maker, bills: Biller, web: Client
) -> None:
    order = make.issued(("100", "10"))
    for _ in range(3):
        bills.captured(order, ("1", "10"))
    few = statements(web, LIST)
    for _ in range(27):
        bills.captured(order, ("1", "10"))
    assert statements(web, LIST) == few


def test_an_invoice_takes_as_many_statements_for_thirty_lines_as_for_three(
    make: Maker, bills: Biller, web: Client
) -> None:
    small, large = (
        bills.billed(make.issued(*[("1", "10")] * count), *[("1", "10")] * count)
        for count in (3, 30)
    )
    assert statements(web, page_of(small)) == statements(web, page_of(large))


@pytest.mark.parametrize("persona", NOT_CLERKS)
def test_only_accounts_payable_takes_invoices_in(make: Maker, persona: str) -> None:
    order = make.issued(("10", "10"))
    client = signed_in(make.org.people[persona])
    for path in (NEW, UPLOAD):
        assert client.get(path).status_code == 403
        assert client.post(path, keyed(order)).status_code == 403
    assert not Invoice.objects.exists()


def test_what_is_received_and_not_billed_is_filled_in(make: Maker, web: Client) -> None:
    order = make.issued(("10", "12.50"), ("5", "3"))
    make.receive(order, "10")
    answer = web.get(NEW, {"order": order.number})
    assert value_of(answer, "lines-0-quantity") == "10"
    assert value_of(answer, "lines-0-unit_price") == "12.5"
    assert len(answer.context["lines"].forms) == 1, "line 2 has not come yet"


def test_what_is_ordered_is_filled_in_for_an_invoice_that_came_first(
    make: Maker, web: Client
) -> None:
    order = make.issued(("10", "12.50"), ("5", "3"))
    answer = web.get(NEW, {"order": order.number})
    assert [value_of(answer, f"lines-{n}-quantity") for n in (0, 1)] == ["10", "5"]
    assert answer.context["lines"].forms[0]["tax_code"].value() == "DE19"


def test_a_keyed_invoice_is_in_and_matched(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    answer = web.post(NEW, keyed(order, gross="119,00"))
    invoice = Invoice.objects.get()
    assert answer["Location"] == page_of(invoice)
    assert "Being matched; this page follows by itself." in text_of(web.get(page_of(invoice)))
    drain()
    invoice.refresh_from_db()
    assert invoice.status == "cleared"
    found = text_of(web.get(page_of(invoice)))
    assert "Everything agrees with the order and its receipts" in found
    assert "-100.00 +100.00" in found, "the page shows what it did to the budget"


def test_a_discount_of_the_whole_invoice_is_keyed_with_its_tax(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    web.post(NEW, keyed(order, gross="113.05", charge="-5,00", charge_tax_code="DE19"))
    drain()
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.net, invoice.tax) == ("cleared", 95, Decimal("18.05"))
    assert (invoice.charges.get().amount, invoice.charges.get().reason) == (-5, "Discount")


def test_the_last_invoice_is_said_to_be_final_where_it_is_keyed(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    web.post(NEW, keyed(order, is_final="on"))
    drain()
    assert "Final Nothing more is billed of its order" in text_of(
        web.get(page_of(Invoice.objects.get()))
    )
    order.refresh_from_db()
    assert order.status == "closed"


@pytest.mark.parametrize(
    ("head", "line", "field"),
    [
        ({"kind": "credit_note", "is_final": "on"}, {}, "is_final"),
        ({"number": ""}, {}, "number"),
        ({"issue_date": "soon"}, {}, "issue_date"),
        ({"gross": "much"}, {}, "gross"),
        ({}, {"quantity": "ten"}, "quantity"),
        ({}, {"unit_price": ""}, "unit_price"),
        ({}, {"unit_price": "-10"}, "unit_price"),
        ({"charge": "much"}, {}, "charge"),
    ],
)
def test_a_refused_invoice_keeps_what_was_typed(
    make: Maker, web: Client, head: dict[str, str], line: dict[str, str], field: str
) -> None:
    order = make.issued(("10", "10"))
    answer = web.post(NEW, keyed(order, {"description": "As printed", **line}, **head))
    assert answer.status_code == 422
    assert not Invoice.objects.exists()
    forms = [answer.context["form"], *answer.context["lines"]]
    assert [field in form.errors for form in forms].count(True) == 1
    assert value_of(answer, "lines-0-description") == "As printed"
    assert value_of(answer, "order_reference") == order.number


def test_the_same_number_twice_is_refused_at_the_number(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    web.post(NEW, keyed(order))
    again = web.post(NEW, keyed(order))
    assert again.status_code == 422
    assert Invoice.objects.count() == 1
    assert value_of(again, "number") == "R-4711"


def test_add_line_works_without_scripts(make: Maker, web: Client) -> None:
    answer = web.post(NEW, keyed(make.issued(("10", "10")), add_line="1"))
    assert len(answer.context["lines"].forms) == 2
    assert value_of(answer, "lines-0-quantity") == "10"
    assert not Invoice.objects.exists()


def test_untouched_and_removed_lines_are_no_lines(make: Maker, web: Client) -> None:
    order = make.issued(("10", "10"))
    empty = {"order_line_reference": "", "quantity": "", "unit_price": ""}
    web.post(NEW, keyed(order, {}, empty, {"quantity": "rubbish", "DELETE": "on"}))
    assert Invoice.objects.get().lines.count() == 1


def test_lines_of_the_order_that_was_typed_are_filled_in_and_the_head_is_kept(
    make: Maker, web: Client
) -> None:
    order = make.issued(("10", "12.50"), ("5", "3"))
    typed = {**keyed(order), "number": "R-4711", "due_date": "2026-04-01", "fill": "1"}
    typed |= {"lines-0-order_line_reference": "1", "lines-0-quantity": "7"}
    answer = web.post(NEW, typed)
    assert answer.status_code == 200
    assert value_of(answer, "number") == "R-4711"
    assert value_of(answer, "due_date") == "2026-04-01"
    assert value_of(answer, "lines-0-quantity") == "7"
    assert value_of(answer, "lines-1-quantity") == "5"
    assert len(answer.context["lines"].forms) == 2
    assert not Invoice.objects.exists()
    unknown = web.post(NEW, {**typed, "order_reference": "PO-1"})
    assert "No order has the number PO-1" in text_of(unknown)
    assert value_of(unknown, "number") == "R-4711"


def drop(web: Client, *files: tuple[str, bytes]) -> Any:
    sent = [SimpleUploadedFile(name, data) for name, data in files]
    return web.post(UPLOAD, {"files": sent})


def test_a_dropped_invoice_is_kept_as_it_came(web: Client, documents: Path) -> None:
    data = (documents / "invoice.xml").read_bytes()
    answer = drop(web, ("invoice.xml", data))
    invoice = Invoice.objects.get()
    assert answer["Location"] == page_of(invoice)
    original = web.get(page_of(invoice, "original"))
    assert original.content == data
    assert original["Content-Disposition"].startswith("attachment")
    assert original["X-Content-Type-Options"] == "nosniff"


def test_of_several_files_each_says_what_became_of_it(web: Client, documents: Path) -> None:
    names = ("invoice.xml", "invoice-without-number.xml")
    answer = drop(web, *((name, (documents / name).read_bytes()) for name in names))
    assert answer.status_code == 422
    found = text_of(answer)
    assert "invoice.xml is in as" in found
    assert "invoice-without-number.xml was not taken in" in found
    assert "BR-02" in found, "the broken rule is named"
    assert Invoice.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"rubbish", "not well-formed"),
        (b"%PDF-1.7\xe2", "This is a PDF, no XML. Ask the vendor for the invoice as a UBL file"),
        (b"PK\x03\x04\xff", "This is an archive or office file"),
        (b"<CrossIndustryInvoice/>", "This is an invoice in CII. Ask the vendor"),
        (b"<Order/>", "This is no invoice or credit note, but: Order."),
        (b"<!DOCTYPE a><Invoice/>", "DTD"),
    ],
)
def test_what_is_no_invoice_is_refused_in_words(web: Client, data: bytes, said: str) -> None:
    answer = drop(web, ("invoice.xml", data))
    assert answer.status_code == 422
    assert "invoice.xml was not taken in" in text_of(answer)
    assert said in text_of(answer)
    assert not Invoice.objects.exists()


def test_a_broken_file_names_the_place_and_one_that_came_before_leads_there(
    web: Client, documents: Path
) -> None:
    data = (documents / "invoice.xml").read_bytes()
    drop(web, ("invoice.xml", data))
    again = drop(web, ("again.xml", data))
    assert page_of(Invoice.objects.get()) in again.content.decode()
    broken = data.replace(b">1990.00<", b">1e3<", 1).replace(b"NW-2026-0417", b"N" * 65)
    said = text_of(drop(web, ("broken.xml", broken)))
    assert "Line 1, LineExtensionAmount: This is no number: 1e3" in said
    fixed = broken.replace(b">1e3<", b">1990.00<")
    assert "Number: At most 64 characters" in text_of(drop(web, ("long.xml", fixed)))


def test_dropping_nothing_says_so(web: Client) -> None:
    answer = web.post(UPLOAD, {})
    assert answer.status_code == 422
    assert "Choose at least one file" in text_of(answer)


@pytest.mark.parametrize(
    ("persona", "status"), [("finn", 200), ("fay", 200), ("olga", 200), ("nils", 404)]
)
def test_an_invoice_is_seen_by_those_it_concerns(
    make: Maker, bills: Biller, persona: str, status: int
) -> None:
    invoice = bills.captured(make.issued(("1", "10")), ("1", "10"))
    assert signed_in(make.org.people[persona]).get(page_of(invoice)).status_code == status


def test_an_invoice_without_an_order_is_linked_by_hand(
    make: Maker, bills: Biller, web: Client
) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    stray = bills.billed(None, ("10", "10"), vendor=order.vendor)
    assert "Which order?" in text_of(web.get(page_of(stray)))
    missing = web.post(
        page_of(stray, "perform", "link"), {"order_reference": "PO-1999-1"}, follow=True
    )
    stray.refresh_from_db()
    assert stray.order is None and said_by(missing)
    web.post(page_of(stray, "perform", "link"), {"order_reference": order.number})
    drain()
    stray.refresh_from_db()
    assert (stray.order, stray.status) == (order, "cleared")


def test_an_invoice_goes_back_with_code_and_reason(make: Maker, bills: Biller, web: Client) -> None:
    invoice = bills.billed(make.issued(("10", "10")), ("10", "99"))
    refused = web.post(page_of(invoice, "perform", "return"), {"code": "", "reason": ""})
    invoice.refresh_from_db()
    assert (refused.status_code, invoice.status) == (302, "in_exception")
    said = {"code": "PRI", "reason": "Ordered at 10.00."}
    web.post(page_of(invoice, "perform", "return"), said)
    invoice.refresh_from_db()
    assert invoice.status == "returned_to_vendor"
    assert "Ordered at 10.00." in text_of(web.get(page_of(invoice)))


@pytest.mark.parametrize("action", ["match", "reject", "dispute", "return", "link"])
@pytest.mark.parametrize("persona", ["rita", "rob", "bea", "olga", "nils"])
def test_only_accounts_payable_presses_buttons(
    make: Maker, bills: Biller, persona: str, action: str
) -> None:
    invoice = bills.billed(make.issued(("10", "10")), ("10", "99"))
    said = {"reason": "Mine", "code": "PRI", "order_reference": "PO-1"}
    client = signed_in(make.org.people[persona])
    assert client.post(page_of(invoice, "perform", action), said).status_code in (302, 404)
    invoice.refresh_from_db()
    assert invoice.status == "in_exception"


def test_an_unknown_button_is_not_found_and_a_get_presses_none(
    make: Maker, bills: Biller, web: Client
) -> None:
    invoice = bills.captured(make.issued(("1", "10")), ("1", "10"))
    assert web.post(page_of(invoice, "perform", "explode")).status_code == 404
    assert web.get(page_of(invoice, "perform", "match")).status_code == 405


def test_the_bench_shows_three_documents_and_the_arithmetic(
    make: Maker, bills: Biller, web: Client
) -> None:
    order = make.issued(("100", "10"))
    make.receive(order, "90")
    bills.billed(order, ("100", "10"))
    found = text_of(web.get(BENCH))
    assert "1 to decide" in found
    assert "100 − 90 = 10" in found
    assert order.receipts.get().number in found


def test_the_bench_is_empty_when_nothing_is_left(web: Client) -> None:
    assert "Nothing to decide" in text_of(web.get(BENCH))


@pytest.mark.parametrize(
    ("persona", "status"), [("finn", 200), ("fay", 200), ("bea", 200), ("rita", 403), ("rob", 403)]
)
def test_the_bench_is_for_those_who_settle_or_watch(
    org: Organisation, persona: str, status: int
) -> None:
    assert signed_in(org.people[persona]).get(BENCH).status_code == status


def resolve_at(exception: Any, resolution: str) -> str:
    return reverse("invoicing:resolve", args=[exception.pk, resolution])


def test_an_accepted_variance_clears_and_the_next_one_opens(
    make: Maker, bills: Biller, web: Client
) -> None:
    order = make.issued(("10", "10"), ("10", "10"))
    make.receive(order, "5", "5")
    first, second = (bills.billed(order, ("5", "10.10"), number=number) for number in "AB")
    for invoice in (first, second):
        assert invoice.status == "in_exception"
    fay = signed_in(make.org.fay)
    said = {"reason_code": "price_agreed", "comment": "By phone"}
    *others, last = first.exceptions.unresolved().order_by("pk")
    for exception in others:
        answer = fay.post(resolve_at(exception, "accept"), said, follow=True)
        assert answer.context["current"].invoice == first, "what stops the same invoice comes first"
    assert fay.post(resolve_at(last, "accept"), said)["Location"] == BENCH
    first.refresh_from_db()
    assert first.status == "cleared"
    assert web.get(BENCH).context["current"].invoice == second
    entry = LedgerEntry.objects.filter(document_id=first.pk).first()
    assert entry.reason == f"Invoice {first.number}: price agreed with the vendor: By phone."


def test_all_variances_of_an_invoice_are_accepted_at_once_or_none(
    make: Maker, bills: Biller
) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.billed(order, ("10", "12"))
    exception, *others = invoice.exceptions.unresolved().order_by("pk")
    assert others
    said = {"reason_code": "price_agreed", "all": "1"}
    make.org.fay.variance_limit = Decimal("1")
    make.org.fay.save()
    signed_in(make.org.fay).post(resolve_at(exception, "accept"), said)
    assert invoice.exceptions.unresolved().count() == len(others) + 1
    make.org.fay.variance_limit = Decimal("5000")
    make.org.fay.save()
    fay = signed_in(make.org.fay)
    assert "And the other" in text_of(fay.get(reverse("invoicing:exception", args=[exception.pk])))
    assert fay.post(resolve_at(exception, "accept"), said)["Location"] == BENCH
    invoice.refresh_from_db()
    assert invoice.status == "cleared"
    shown = text_of(fay.get(page_of(invoice)))
    assert shown.count("Price agreed with the vendor") == len(others) + 1
    assert make.org.fay.name in shown


def test_who_keyed_the_invoice_is_told_before_the_try(make: Maker, bills: Biller) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.match(bills.captured(order, ("10", "10.50"), actor=make.org.finn))
    exception = invoice.exceptions.unresolved().first()
    path = reverse("invoicing:exception", args=[exception.pk])
    refused, offered = (signed_in(each).get(path) for each in (make.org.finn, make.org.fay))
    assert "You captured this invoice" in text_of(refused)
    assert 'name="reason_code"' not in refused.content.decode()
    assert 'name="reason_code"' in offered.content.decode()


def test_waiting_is_offered_only_where_something_may_still_come(make: Maker, bills: Biller) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "5")
    exception = bills.billed(order, ("5", "20"), number="A").exceptions.unresolved().first()
    fay = signed_in(make.org.fay)
    path = reverse("invoicing:exception", args=[exception.pk])
    assert "Wait for the receipt" in text_of(fay.get(path))
    make.receive(order, "5")
    assert "Wait for the receipt" not in text_of(fay.get(path))


def test_a_page_follows_the_match_and_then_stands_still(
    make: Maker, bills: Biller, web: Client
) -> None:
    order = make.issued(("10", "10"))
    invoice = bills.captured(order, ("5", "10"))
    assert web.get(page_of(invoice)).context["delay"] == 600
    bills.match(invoice)
    drain()
    waiting = web.get(page_of(invoice))
    assert waiting.context["delay"] == 5_000, "the receipt may come at any time"
    assert "Being matched" not in text_of(waiting)
    make.receive(order, "5")
    drain()
    assert web.get(page_of(invoice)).context["delay"] == 0


def test_an_order_that_is_not_there_is_named_and_stays_in_the_field(
    bills: Biller, make: Maker, web: Client
) -> None:
    invoice = bills.billed(None, ("1", "10"), order_reference="PO-WRONG")
    assert value_of(web.get(page_of(invoice)), "order_reference") == "PO-WRONG"
    answer = web.post(
        page_of(invoice, "perform", "link"), {"order_reference": "PO-2026-9"}, follow=True
    )
    assert said_by(answer) == "No order has the number PO-2026-9."
    assert value_of(answer, "order_reference") == "PO-2026-9"


def test_above_ones_limit_nothing_is_accepted_and_the_same_one_stays(
    make: Maker, bills: Biller
) -> None:
    order = make.issued(("10", "1000"))
    make.receive(order, "10")
    # keyed by fay, so that only the limit can stand in finn's way
    invoice = bills.match(bills.captured(order, ("10", "1100"), actor=make.org.fay))
    exception = bills.exception(invoice, "unit_price")
    answer = signed_in(make.org.finn).post(
        resolve_at(exception, "accept"), {"reason_code": "price_agreed"}, follow=True
    )
    assert answer.redirect_chain == [(reverse("invoicing:exception", args=[exception.pk]), 302)]
    assert "limit" in said_by(answer)
    invoice.refresh_from_db()
    assert invoice.status == "in_exception"


@pytest.mark.parametrize("resolution", ["accept", "return", "wait_for_receipt"])
@pytest.mark.parametrize("persona", ["rita", "rob", "bea", "olga", "nils"])
def test_only_accounts_payable_resolves(
    make: Maker, bills: Biller, persona: str, resolution: str
) -> None:
    invoice = bills.billed(make.issued(("10", "10")), ("10", "99"))
    exception = invoice.exceptions.unresolved().first()
    said = {"reason_code": "other", "code": "PRI", "comment": "Mine", "reason": "Mine"}
    client = signed_in(make.org.people[persona])
    assert client.post(resolve_at(exception, resolution), said).status_code in (302, 404)
    exception.refresh_from_db()
    assert exception.status == "open"


def test_an_unknown_resolution_is_not_found(make: Maker, bills: Biller, web: Client) -> None:
    invoice = bills.billed(make.issued(("10", "10")), ("10", "99"))
    exception = invoice.exceptions.unresolved().first()
    assert web.post(resolve_at(exception, "explode")).status_code == 404


def test_the_order_shows_its_invoices(make: Maker, bills: Biller, web: Client) -> None:
    order = make.issued(("10", "10"))
    invoice = bills.captured(order, ("10", "10"), number="SHOWN-1")
    path = reverse("purchase_orders:detail", args=[order.pk])
    found = web.get(path)
    assert "SHOWN-1" in text_of(found) and page_of(invoice) in found.content.decode()
    assert Decimal("119.00") == invoice.gross
