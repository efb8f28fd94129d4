"""Pages of blanket orders: made by a form, released from by a short one, read with their log."""

from decimal import Decimal

import pytest
from django.urls import reverse

from purchase_orders.models import PurchaseOrder
from tests.purchase_orders.blankets import Blankets, terms
from tests.purchase_orders.making import Maker, line_of


@pytest.fixture
def blankets(make: Maker) -> Blankets:
    return Blankets(make)


@pytest.fixture
def bea(client, make):
    client.force_login(make.org.bea, backend="django.contrib.auth.backends.ModelBackend")
    return client


def form(make, **facts):
    org = make.org
    return {
        "title": "Cable 2027",
        "vendor": str(org.vendor.pk),
        "currency": "EUR",
        "limit_by": "amount",
        "limit": "150,000.00",
        "commits": "releases",
        "valid_to": "2027-12-31",
        "lines-TOTAL_FORMS": "1",
        "lines-INITIAL_FORMS": "0",
        "lines-0-description": "Cable",
        "lines-0-quantity": "1500",
        "lines-0-unit": "C62",
        "lines-0-unit_price": "100",
        "lines-0-kind": "goods",
        "lines-0-basis": "quantity",
        "lines-0-cost_center_1": str(org.cost_centers["CC100"].pk),
        "lines-0-gl_account_1": str(org.gl_accounts["6600"].pk),
        "lines-0-percent_1": "100",
        **facts,
    }


def test_a_blanket_order_is_made_by_a_form(bea, make, blankets):
    page = bea.get(reverse("purchase_orders:new_blanket"))
    assert page.status_code == 200
    answer = bea.post(reverse("purchase_orders:new_blanket"), form(make))
    assert answer.status_code == 302, answer.context["form"].errors
    made = PurchaseOrder.objects.get()
    assert (made.kind, made.title, made.net) == ("blanket", "Cable 2027", Decimal(150_000))
    assert terms(made).limit == Decimal(150_000)
    page = bea.get(reverse("purchase_orders:detail", args=[made.pk]))
    assert "Not released" in page.content.decode()
    edit = reverse("purchase_orders:edit_blanket", args=[made.pk])
    assert edit in page.content.decode()
    shown = bea.get(edit)
    assert 'value="150000"' in shown.content.decode()
    changed = form(make, limit="90000", **{"lines-INITIAL_FORMS": "1", "lines-0-quantity": "10"})
    assert bea.post(edit, changed).status_code == 302
    assert terms(made).limit == Decimal(90_000)
    assert line_of(made).quantity == Decimal(10)


def test_what_is_refused_is_said_at_the_field(bea, make):
    answer = bea.post(reverse("purchase_orders:new_blanket"), form(make, limit=""))
    assert answer.status_code == 422
    assert answer.context["form"].errors["limit"] == ["Say up to which amount may be released."]
    assert not PurchaseOrder.objects.exists()


def test_another_line_without_scripts(bea, make):
    answer = bea.post(reverse("purchase_orders:new_blanket"), form(make, add_line="1"))
    assert answer.status_code == 200
    assert len(answer.context["lines"].forms) == 2


def test_an_issued_blanket_order_is_not_edited(bea, blankets):
    blanket = blankets.issued()
    answer = bea.get(reverse("purchase_orders:edit_blanket", args=[blanket.pk]), follow=True)
    assert "takes a change order" in answer.content.decode()


def test_its_limit_is_changed_by_the_form_of_changes(bea, blankets):
    blanket = blankets.issued()
    address = reverse("purchase_orders:begin_change", args=[blanket.pk])
    page = bea.get(address).content.decode()
    assert 'name="limit" value="150000"' in page
    blankets.release(blanket, "200")
    said = {
        "reason_code": "need",
        "reason": "Fewer",
        "ship_to": blanket.ship_to,
        "payment_terms_days": "30",
        "limit": "19,999.99",
        "allowance_percent": "",
        "minimum": "",
        "line-1-quantity": "1500",
        "line-1-unit_price": "100",
        "line-1-percent_1": "100",
        "line-1-cost_center_1": str(line_of(blanket).distributions.get().cost_center_id),
        "line-1-gl_account_1": str(line_of(blanket).distributions.get().gl_account_id),
        "lines-TOTAL_FORMS": "0",
        "lines-INITIAL_FORMS": "0",
        "send": "1",
    }
    answer = bea.post(address, said)
    assert answer.status_code == 422
    assert answer.context["form"].errors == {"limit": ["20,000.00 EUR are released already."]}
    assert bea.post(address, {**said, "limit": "20000"}).status_code == 302
    change = blanket.change_orders.get()
    assert (change.status, change.limit, change.minimum) == ("approved", Decimal(20_000), 0)
    page = bea.get(reverse("purchase_orders:change", args=[change.pk])).content.decode()
    assert "150,000.00 EUR" in page


def test_a_release_is_drafted_by_a_short_form(bea, make, blankets):
    blanket = blankets.issued(("1500", "100"), ("10", "5"))
    address = reverse("purchase_orders:release", args=[blanket.pk])
    page = bea.get(address)
    assert page.status_code == 200
    answer = bea.post(address, {"line-1-quantity": "200", "line-2-quantity": ""})
    assert answer.status_code == 302
    release = PurchaseOrder.objects.get(kind="release")
    assert [line.quantity for line in release.lines.all()] == [Decimal(200)]
    make.issue(release)
    page = bea.get(reverse("purchase_orders:detail", args=[blanket.pk])).content.decode()
    for words in (f"{blanket.number}/001", "130,000.00", "20,000.00", "Log of draw-downs"):
        assert words in page
    page = bea.get(reverse("purchase_orders:detail", args=[release.pk])).content.decode()
    assert "Draws on" in page
    assert blanket.number in page


def test_what_is_left_is_said_where_too_much_is_asked(bea, blankets):
    blanket = blankets.issued(limit_by="quantity")
    address = reverse("purchase_orders:release", args=[blanket.pk])
    answer = bea.post(address, {"line-1-quantity": "1501"})
    assert answer.status_code == 422
    assert "1,500 are left" in answer.content.decode()
    assert bea.post(address, {}).status_code == 422
    assert PurchaseOrder.objects.count() == 1


def test_a_draft_release_stays_one_when_it_is_edited(bea, make, blankets):
    blanket = blankets.issued()
    draft = blankets.release_draft(blanket, "200")
    address = reverse("purchase_orders:edit", args=[draft.pk])
    said = {
        "payment_terms_days": "30",
        "line-1-quantity": "100",
        "line-1-unit_price": "90",
        "line-1-over_receipt_percent": "0",
    }
    assert bea.post(address, said).status_code == 302
    release = make.issue(draft)
    assert (release.kind, release.agreement_id, release.net) == ("release", blanket.pk, 9000)


def test_only_buyers_get_the_forms(client, make, blankets):
    blanket = blankets.issued()
    client.force_login(make.org.rob, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(reverse("purchase_orders:new_blanket")).status_code == 403
    assert client.get(reverse("purchase_orders:release", args=[blanket.pk])).status_code == 403
    page = client.get(reverse("purchase_orders:detail", args=[blanket.pk]))
    assert reverse("purchase_orders:release", args=[blanket.pk]) not in page.content.decode()


def test_the_page_takes_as_many_statements_however_much_was_released(
    bea, blankets, django_assert_max_num_queries
):
    blanket = blankets.issued()
    blankets.release(blanket, "1")
    address = reverse("purchase_orders:detail", args=[blanket.pk])
    bea.get(address)
    with django_assert_max_num_queries(200) as few:
        bea.get(address)
    for _ in range(5):
        blankets.release(blanket, "1")
    with django_assert_max_num_queries(len(few)):
        bea.get(address)
