"""Pages of change orders: the button, the form, the versions side by side, the buttons of one."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from approvals.models import ApprovalStep
from purchase_orders.models import ChangeOrder, PurchaseOrder
from tests.factories import Organisation
from tests.pages import signed_in, text_of
from tests.purchase_orders.making import Maker, held
from tests.purchase_orders.test_change_orders import approve, changed, draft, submitted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("present")]


def page_of(change: ChangeOrder, name: str = "change", *more: str) -> str:
    return reverse(f"purchase_orders:{name}", args=[change.pk, *more])


def begin(order: PurchaseOrder) -> str:
    return reverse("purchase_orders:begin_change", args=[order.pk])


@pytest.fixture
def web(org: Organisation) -> Client:
    return signed_in(org.bea)


def typed(order: PurchaseOrder, **said: str) -> dict[str, Any]:
    """The form as it comes for an order of one line, with what was typed over it."""
    part = order.lines.get().distributions.get()
    return {
        "reason_code": "need",
        "reason": "More people",
        "payment_terms_days": str(order.payment_terms_days),
        "ship_to": order.ship_to,
        "line-1-quantity": "10",
        "line-1-unit_price": "100",
        "line-1-cost_center_1": str(part.cost_center_id),
        "line-1-gl_account_1": str(part.gl_account_id),
        "line-1-percent_1": "100",
        "lines-TOTAL_FORMS": "1",
        "lines-INITIAL_FORMS": "0",
        "lines-0-quantity": "",
        "lines-0-cost_center_1": str(part.cost_center_id),
        "lines-0-gl_account_1": str(part.gl_account_id),
        "lines-0-percent_1": "100",
        "lines-0-unit": "C62",
        "lines-0-kind": "goods",
        "lines-0-basis": "quantity",
        **said,
    }


def test_a_buyer_begins_at_the_order(make: Maker, web: Client) -> None:
    order = make.issued(("10", "100"))
    page = web.get(reverse("purchase_orders:detail", args=[order.pk]))
    assert begin(order) in page.content.decode()
    assert web.get(begin(order)).status_code == 200
    assert (
        begin(order)
        not in signed_in(make.org.rita)
        .get(reverse("purchase_orders:detail", args=[order.pk]))
        .content.decode()
    )
    assert signed_in(make.org.rita).get(begin(order)).status_code == 403


def test_what_is_typed_becomes_a_draft_or_is_put_up(make: Maker, web: Client) -> None:
    order = make.issued(("10", "100"))
    kept = web.post(begin(order), typed(order, **{"line-1-quantity": "12", "keep": "1"}))
    change = ChangeOrder.objects.get()
    assert (kept.status_code, kept["Location"]) == (302, page_of(change))
    assert (change.status, change.difference) == ("draft", 200)
    assert web.get(begin(order))["Location"] == page_of(change)
    again = typed(order, **{"line-1-quantity": "13", "send": "1"})
    assert web.post(page_of(change, "edit_change"), again).status_code == 302
    change.refresh_from_db()
    assert (change.status, change.difference) == ("in_approval", 300)
    assert held(change.pk, "PRE") == 300


def test_a_new_line_and_another_payer_come_from_the_form(make: Maker, web: Client) -> None:
    order = make.issued(("10", "100"))
    account = make.org.gl_accounts["6300"]
    said = typed(
        order,
        **{
            "line-1-gl_account_1": str(account.pk),
            "lines-0-description": "Cable",
            "lines-0-quantity": "2",
            "lines-0-unit_price": "5",
            "keep": "1",
        },
    )
    assert web.post(begin(order), said).status_code == 302
    change = ChangeOrder.objects.get()
    lines = list(change.lines.all())
    assert [line.line_number for line in lines] == [1, 2]
    assert lines[0].distributions.get().gl_account == account
    assert web.get(page_of(change, "edit_change")).status_code == 200


def test_faults_stand_at_their_fields(make: Maker, web: Client) -> None:
    order = make.issued(("10", "100"))
    make.receive(order, "4")
    answer = web.post(begin(order), typed(order, **{"line-1-quantity": "3"}))
    assert answer.status_code == 422
    assert "4 C62 were received already" in text_of(answer)
    assert web.post(begin(order), typed(order, reason="")).status_code == 422
    assert not ChangeOrder.objects.exists()


def test_one_change_shows_its_versions_and_is_issued(make: Maker, web: Client) -> None:
    order = make.issued(("10", "100"))
    change = submitted(make, order, changed(order, quantity="12"))
    text = text_of(web.get(page_of(change)))
    assert "Somebody has to agree" in text
    assert "Line 1, quantity" in text
    approve(change)
    done = web.post(page_of(change, "perform_change", "issue"))
    assert done["Location"] == reverse("purchase_orders:detail", args=[order.pk])
    assert held(order.pk) == 1200
    assert "Change 1 of revision 1" in text_of(web.get(done["Location"]))


def test_less_says_that_nobody_has_to_agree(make: Maker, web: Client) -> None:
    order = make.issued(("10", "100"))
    change = draft(make, order, changed(order, quantity="9"))
    web.post(page_of(change, "perform_change", "submit"))
    assert "No new approval needed" in text_of(web.get(page_of(change)))


def test_only_who_may_act_acts(make: Maker) -> None:
    order = make.issued(("10", "100"))
    change = draft(make, order, changed(order, quantity="9"))
    for action in ("submit", "withdraw"):
        signed_in(make.org.dora).post(page_of(change, "perform_change", action), {"reason": "x"})
        change.refresh_from_db()
        assert change.status == "draft"
    explode = signed_in(make.org.bea).post(page_of(change, "perform_change", "explode"))
    assert explode.status_code == 404


def test_an_approver_reads_the_differences(make: Maker) -> None:
    order = make.issued(("10", "100"))
    change = submitted(make, order, changed(order, quantity="12"))
    step = change_steps(change)[0]
    page = signed_in(step.assignee).get(f"{reverse('approvals:inbox')}?step={step.pk}")
    assert page.status_code == 200
    assert "What would change" in text_of(page)


def change_steps(change: ChangeOrder) -> list[Any]:
    return list(ApprovalStep.objects.filter(request__subject_id=change.pk, status="active"))


def test_line_breaks_of_a_browser_ask_nobody_for_approval(make: Maker, web: Client) -> None:
    order = make.issued(("10", "100"))
    there = order.ship_to.replace("\n", "\r\n")
    assert there != order.ship_to
    said = typed(order, ship_to=there, **{"line-1-quantity": "9", "send": "1"})
    web.post(begin(order), said)
    change = ChangeOrder.objects.get()
    assert (change.status, change.needs) == (ChangeOrder.Status.APPROVED, [])
    assert change.after["ship_to"] == change.before["ship_to"]
