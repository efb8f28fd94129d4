"""Sending an order for approval in the browser, deciding it from a mail, and looking ahead."""

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Entity
from approvals import links
from approvals.models import ApprovalStep
from purchase_orders import services
from purchase_orders.models import PurchaseOrder
from tests.factories import NOW, Organisation
from tests.pages import said_by, signed_in, statements, text_of
from tests.purchase_orders import approving
from tests.purchase_orders.approving import approved, dearer, decided, own, submit
from tests.purchase_orders.making import Maker
from tests.purchase_orders.test_change_orders import changed, draft

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]
STATUS = PurchaseOrder.Status


@pytest.fixture(autouse=True)
def asked(make: Maker) -> None:
    cache.clear()
    approving.policy(make)


@pytest.fixture
def web(org: Organisation) -> Client:
    return signed_in(org.bea)


def page_of(order: PurchaseOrder, name: str = "detail", *more: str) -> str:
    return reverse(f"purchase_orders:{name}", args=[order.pk, *more])


def press(web: Client, order: PurchaseOrder, action: str, **said: str) -> str:
    """What the page says after a button."""
    answer = web.post(page_of(order, "perform", action), said, follow=True)
    order.refresh_from_db()
    return said_by(answer)


def buttons(web: Client, order: PurchaseOrder) -> set[str]:
    shown = web.get(page_of(order)).content.decode()
    return {name for name in ("submit", "withdraw", "issue", "edit") if f'href="#{name}"' in shown}


@pytest.mark.parametrize("persona", ["rita", "dora", "cora"])
@pytest.mark.parametrize("action", ["submit", "withdraw"])
def test_only_buyers_have_the_buttons(
    make: Maker, org: Organisation, persona: str, action: str
) -> None:
    order = own(make) if action == "submit" else submit(make, own(make))
    person = signed_in(org.people[persona])
    person.post(page_of(order, "perform", action))
    order.refresh_from_db()
    assert order.status == (STATUS.DRAFT if action == "submit" else STATUS.IN_APPROVAL)


def test_a_covered_draft_is_issued_and_asks_no_reason(make: Maker, web: Client) -> None:
    order = make.draft(("2", "10"))
    assert buttons(web, order) == {"issue"}
    shown = web.get(page_of(order)).content.decode()
    assert 'name="reason"' not in shown.split('id="issue"')[1].split("</dialog>")[0]
    assert "nobody has to be asked" in press(web, order, "submit")
    assert order.status == STATUS.DRAFT


def test_a_reason_is_asked_where_a_budget_warns(make: Maker, web: Client) -> None:
    software = make.coding(("CC200", "6310", "100"))
    data = make.order_data(make.line("1", "5001", distributions=software))
    order = services.create(entity=make.org.entity, data=data, actor=make.org.bea, at=NOW)
    shown = web.get(page_of(order)).content.decode()
    dialog = shown.split('id="submit"')[1].split("</dialog>")[0]
    assert 'name="reason"' in dialog
    assert "CC200" in dialog
    assert "CC200" in press(web, order, "submit")
    assert order.status == STATUS.DRAFT
    press(web, order, "submit", reason="Licence audit")
    assert order.status == STATUS.IN_APPROVAL


def test_a_draft_says_why_and_whom_it_goes_to(make: Maker, web: Client) -> None:
    order = own(make, "60", "100")
    said = text_of(web.get(page_of(order)))
    assert "6,000.00 EUR of this order comes from no requisition" in said
    assert "This goes to Dora Lindqvist, then Cora Neumann" in said
    assert buttons(web, order) == {"submit"}


def test_a_draft_without_a_rate_says_so(make: Maker, web: Client) -> None:
    order = own(make, currency="SEK")
    assert "SEK" in text_of(web.get(page_of(order)))
    assert "SEK" in press(web, order, "submit")
    assert order.status == STATUS.DRAFT


def test_a_life_in_the_browser(make: Maker, org: Organisation, web: Client) -> None:
    order = own(make)
    assert "sent for approval" in press(web, order, "submit")
    assert buttons(web, order) == {"withdraw"}
    said = text_of(web.get(page_of(order)))
    assert "now with Dora Lindqvist" in said
    assert "with Dora Lindqvist" in text_of(
        web.get(reverse("purchase_orders:list") + "?show=draft")
    )
    edit = web.get(page_of(order, "edit"), follow=True)
    assert "withdraw it to change it" in said_by(edit)
    press(web, order, "withdraw")
    assert order.status == STATUS.DRAFT
    press(web, order, "submit")
    dora = signed_in(org.dora)
    assert "Cables" in text_of(dora.get(reverse("approvals:inbox")))
    assert dora.get(page_of(order)).status_code == 200
    order = decided(order)
    assert buttons(web, order) == {"issue"}
    assert "issued" in press(web, order, "issue")
    assert order.status == STATUS.ISSUED


@pytest.mark.parametrize(("decision", "words"), [("reject", "rejected it"), ("return", "sent it")])
def test_a_no_is_shown_with_its_reason(make: Maker, web: Client, decision: str, words: str) -> None:
    order = decided(submit(make, own(make)), decision, "Too dear by half")
    said = text_of(web.get(page_of(order)))
    assert f"Dora Lindqvist {words}" in said
    assert "Too dear by half" in said
    assert web.get(page_of(order, "edit")).status_code == 200
    submit(make, reworked(make, order))
    assert "Too dear by half" not in text_of(web.get(page_of(order))).split("Comments")[0]


def reworked(make: Maker, order: PurchaseOrder) -> PurchaseOrder:
    data = make.order_data(make.line("5", "100"), title="Cables")
    return services.edit(order=order, data=data, actor=make.org.bea, at=NOW)


def test_pages_take_as_many_statements_for_more_lines(make: Maker, web: Client) -> None:
    few, many = (
        services.create(
            entity=make.org.entity,
            data=make.order_data(*[make.line("1", "10")] * lines),
            actor=make.org.bea,
            at=NOW,
        )
        for lines in (2, 12)
    )
    assert statements(web, page_of(few)) == statements(web, page_of(many))
    listed = reverse("purchase_orders:list") + "?show=draft"
    submit(make, few)
    one = statements(web, listed)
    submit(make, many)
    assert statements(web, listed) == one


def by_mail(step: ApprovalStep) -> tuple[Client, str]:
    """A browser that followed the link of a mail sent just now, and where it was led."""
    raw = links.issue(step=step, at=timezone.now())
    client = Client()
    return client, client.get(reverse("approvals:link", args=[raw]))["Location"]


def choose(client: Client, address: str, **said: str) -> Any:
    shown = client.get(address).content.decode()
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', shown)
    return client.post(address, {"digest": digest[1] if digest else "", **said})


def test_a_mail_shows_it_all_and_decides(make: Maker) -> None:
    Entity.objects.filter(pk=make.org.entity.pk).update(email_decision_limit=5000)
    order = submit(make, dearer(make))
    client, address = by_mail(approving.open_step(order))
    shown = text_of(client.get(address))
    for words in ("1,200.00 EUR", "Bea Hoffmann", "comes to 1,200.00 EUR; approved are", "CC100"):
        assert words in shown
    order.refresh_from_db()
    assert order.status == STATUS.IN_APPROVAL  # looking decides nothing
    choose(client, address, decision="approve")
    order.refresh_from_db()
    assert order.status == STATUS.APPROVED
    assert approving.round_of(order).steps.get().channel == "email"


def test_a_mail_of_an_order_that_was_taken_back_decides_nothing(make: Maker) -> None:
    order = submit(make, own(make))
    client, address = by_mail(approving.open_step(order))
    services.withdraw(order=order, actor=make.org.bea, at=timezone.now())
    choose(client, address, decision="approve")
    order.refresh_from_db()
    assert order.status == STATUS.DRAFT


def test_a_mail_of_an_order_above_the_limit_asks_for_sign_in(make: Maker) -> None:
    Entity.objects.filter(pk=make.org.entity.pk).update(email_decision_limit=500)
    order = submit(make, own(make))
    client, address = by_mail(approving.open_step(order))
    assert "sign in" in text_of(client.get(address)).lower()
    choose(client, address, decision="approve")
    order.refresh_from_db()
    assert order.status == STATUS.IN_APPROVAL


def test_a_drafted_change_says_whom_it_goes_to_or_that_nobody_is_asked(
    make: Maker, web: Client
) -> None:
    order = make.issued(("10", "100"))
    change = draft(make, order, changed(order, quantity="20"))
    said = text_of(web.get(reverse("purchase_orders:change", args=[change.pk])))
    assert "The total rises by 1,000.00 EUR" in said
    assert "This goes to Cora Neumann" in said  # no policy covers changes here
    assert "1,000.00 EUR" in said
    services.withdraw_change(change=change, actor=make.org.bea, at=NOW)
    less = draft(make, order, changed(order, quantity="9"))
    said = text_of(web.get(reverse("purchase_orders:change", args=[less.pk])))
    assert "Nobody has to agree again" in said
    assert "Who decides" not in said


def test_an_approved_order_keeps_the_reason_it_was_given(make: Maker, web: Client) -> None:
    order = approved(make, own(make), budget_reason="Needed now")
    assert "Needed now" in text_of(web.get(page_of(order)))
