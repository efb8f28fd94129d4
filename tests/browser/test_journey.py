"""One purchase as people make it, in Chromium: request, mail link, order, receipt, invoice, report.

Every page is kept under test-results/ in both widths and colour schemes. Nothing may be logged as
an error and no request may fail on the way.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, Page, expect

from approvals.models import ApprovalStep
from budgets.models import BudgetCell
from core import outbox
from invoicing.models import Invoice
from purchase_orders.models import PurchaseOrder
from requisitions.models import Requisition

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class People:
    """Everybody has a browser of their own, signed in through the sign-in page."""

    def __init__(self, browser: Browser, url: str, options: dict[str, Any]) -> None:
        self.browser, self.url, self.options = browser, url, options
        self.pages: dict[str, Page] = {}
        self.faults: list[str] = []

    def __call__(self, name: str) -> Page:
        if name not in self.pages:
            self.pages[name] = self.open()
            page = self.pages[name]
            page.goto(f"{self.url}/accounts/login/")
            page.get_by_label("Email").fill(f"{name}@demo.example")
            page.get_by_label("Password").fill("demo")
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("Good to see you")
        return self.pages[name]

    def open(self) -> Page:
        """A browser that nobody is signed in to."""
        page = self.browser.new_context(base_url=self.url, **self.options).new_page()
        page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on(
            "response",
            lambda r: self.faults.append(f"{r.status} {r.url}") if r.status >= 500 else None,
        )
        return page


@pytest.fixture
def people(
    live_server: Any,
    browser: Browser,
    browser_context_args: dict[str, Any],
    settings: Any,
    tmp_path: Any,
) -> Iterator[People]:
    settings.EMAIL_BACKEND = "notifications.backends.FolderBackend"
    settings.DATA_DIR = tmp_path
    settings.PORTAL_URL = live_server.url
    call_command("load_demo", "--without-documents")
    outbox.drain()
    everybody = People(browser, live_server.url, browser_context_args)
    yield everybody
    for page in everybody.pages.values():
        page.context.close()


def test_a_purchase_from_request_to_report(people: People, shot: Callable[..., None]) -> None:
    requisition = request_a_notebook(people, shot)
    decide_by_mail(people, shot, requisition)
    order = order_it(people, shot, requisition)
    receive_it(people, shot, order)
    invoice = bill_it(people, shot, order)
    find_it_in_the_report(people, shot, order, invoice)
    assert people.faults == []


def request_a_notebook(people: People, shot: Callable[..., None]) -> Requisition:
    rita = people("rita")
    shot(rita, "journey-01-home")
    rita.get_by_role("link", name="New requisition").click()
    rita.get_by_label("What do you need?").fill("Notebooks for the new colleagues")
    line = rita.locator("[data-line]").first
    line.get_by_placeholder(re.compile("catalog")).press_sequentially("noteb", delay=30)
    rita.locator(".suggest-item").first.click()
    line.locator("[data-role=quantity]").fill("2")
    rita.locator("[name$=cost_center_1]").first.select_option(index=1)
    rita.locator("[name$=gl_account_1]").first.select_option(label="0650 IT equipment")
    outlook = rita.locator("#outlook")
    expect(outlook.get_by_text("Who decides")).to_be_visible(timeout=10_000)
    expect(outlook.locator(".meter").first).to_be_visible()
    shot(rita, "journey-02-request")
    rita.get_by_role("button", name="Send for approval").click()
    expect(rita.get_by_role("heading", level=1)).to_contain_text("In approval")
    shot(rita, "journey-03-requested")
    return Requisition.objects.get(title="Notebooks for the new colleagues")


def decide_by_mail(people: People, shot: Callable[..., None], requisition: Requisition) -> None:
    """Each approver in turn opens the link in the mail, signed out, and decides there."""
    seen = 0
    while True:
        outbox.drain()
        requisition.refresh_from_db()
        if requisition.status != Requisition.Status.SUBMITTED:
            break
        seen += 1
        assert seen < 5, "the chain does not end"
        decide_once(people, shot, first=seen == 1)
    assert requisition.status == Requisition.Status.APPROVED
    assert seen


def decide_once(people: People, shot: Callable[..., None], *, first: bool) -> None:
    reader = people("ada")
    reader.goto("/mail/")
    if first:
        shot(reader, "journey-04-mail")
    mail = reader.frame_locator("iframe.mail-frame")
    address = mail.get_by_role("link", name=re.compile("decide", re.I)).first.get_attribute("href")
    approver = people.open()
    approver.goto(address)
    if approver.get_by_role("link", name="Sign in and come back").count():
        approver.get_by_role("link", name="Sign in and come back").click()
        who = Requisition.objects.get(title="Notebooks for the new colleagues")
        step = who_has(who)
        approver.get_by_label("Email").fill(step.assignee.email)
        approver.get_by_label("Password").fill("demo")
        approver.get_by_role("button", name="Sign in").click()
    if first:
        shot(approver, "journey-05-decide")
    approver.get_by_role("button", name="Confirm decision").click()
    expect(approver.get_by_role("button", name="Confirm decision")).to_be_visible()
    approver.get_by_label(re.compile("^Approve")).check()
    approver.get_by_role("button", name="Confirm decision").click()
    expect(approver.get_by_text(re.compile("approved", re.I)).first).to_be_visible()
    if first:
        shot(approver, "journey-06-decided")
    approver.context.close()


def who_has(requisition: Requisition) -> Any:
    return ApprovalStep.objects.get(request__subject_id=requisition.pk, status="active")


def order_it(people: People, shot: Callable[..., None], requisition: Requisition) -> PurchaseOrder:
    bea = people("bea")
    shot(bea, "journey-07-buyer")
    bea.goto(f"/requisitions/{requisition.pk}/")
    bea.get_by_role("button", name="Create order").click()
    expect(bea.get_by_role("heading", level=1)).to_contain_text("Draft")
    bea.get_by_role("link", name=re.compile("Issue order")).click()
    bea.locator("dialog[open]").get_by_role("button", name=re.compile("Issue")).click()
    expect(bea.get_by_role("heading", level=1)).to_contain_text("PO-")
    outbox.drain()
    bea.reload()
    shot(bea, "journey-08-order")
    order = PurchaseOrder.objects.get(
        lines__requisition_line__requisition=requisition, status=PurchaseOrder.Status.ISSUED
    )
    answer = bea.request.get(f"/orders/{order.pk}/pdf/")
    assert answer.status == 200
    assert answer.body().startswith(b"%PDF-")
    reader = people("ada")
    reader.goto(f"/mail/?to={order.vendor.order_email}")
    expect(reader.get_by_text(re.compile(order.number)).first).to_be_visible()
    return order


def receive_it(people: People, shot: Callable[..., None], order: PurchaseOrder) -> None:
    rob = people("rob")
    rob.goto("/receive/")
    shot(rob, "journey-09-receive")
    rob.goto(f"/orders/{order.pk}/receive/")
    rob.get_by_role("button", name="All of it").click()
    shot(rob, "journey-10-quantities")
    rob.get_by_role("button", name="Post receipt").click()
    expect(rob.get_by_text(re.compile(r"GR-\d{4}-\d{6}")).first).to_be_visible()
    outbox.drain()


def bill_it(people: People, shot: Callable[..., None], order: PurchaseOrder) -> Invoice:
    finn = people("finn")
    finn.goto(f"/invoices/new/?order={order.number}")
    finn.get_by_label("Invoice number").fill("2026-4711")
    shot(finn, "journey-11-invoice-form")
    finn.get_by_role("button", name="Capture and match").click()
    expect(finn.get_by_role("heading", level=1)).to_contain_text("2026-4711")
    outbox.drain()
    finn.reload()
    expect(finn.get_by_role("heading", level=1)).to_contain_text("Cleared for payment")
    shot(finn, "journey-12-cleared")
    return Invoice.objects.get(number="2026-4711")


def find_it_in_the_report(
    people: People, shot: Callable[..., None], order: PurchaseOrder, invoice: Invoice
) -> None:
    cora = people("cora")
    cora.goto("/reports/commitments/")
    expect(cora.get_by_text("Ties to the ledger")).to_be_visible()
    shot(cora, "journey-13-report")
    share = order.lines.first().distributions.get()
    cell = BudgetCell.objects.get(commitments__distribution_id=share.pk)
    cora.goto(
        f"/reports/commitments/entries/?stage=ACT&cost_center={cell.cost_center.code}"
        f"&gl_account={cell.gl_account.code}"
    )
    cora.get_by_role("link", name=invoice.number).first.click()
    expect(cora.get_by_role("heading", level=1)).to_contain_text(invoice.number)
    cora.goto(f"/orders/{order.pk}/")
    shot(cora, "journey-14-order-done")
