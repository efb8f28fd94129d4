"""A buyer's own order from nothing, in the browser."""

from decimal import Decimal

import pytest
from django.urls import reverse

from purchase_orders import services
from purchase_orders.models import PurchaseOrder
from tests.factories import NOW
from tests.purchase_orders import approving
from tests.purchase_orders.making import line_of

NEW = reverse("purchase_orders:new")


@pytest.fixture
def bea(client, make):
    client.force_login(make.org.bea, backend="django.contrib.auth.backends.ModelBackend")
    return client


def form(make, **facts):
    org = make.org
    return {
        "title": "Cables",
        "vendor": str(org.vendor.pk),
        "currency": "eur",
        "lines-TOTAL_FORMS": "2",
        "lines-INITIAL_FORMS": "0",
        "lines-0-description": "Cable",
        "lines-0-quantity": "10",
        "lines-0-unit": "C62",
        "lines-0-unit_price": "100",
        "lines-0-kind": "goods",
        "lines-0-basis": "quantity",
        "lines-0-cost_center_1": str(org.cost_centers["CC100"].pk),
        "lines-0-gl_account_1": str(org.gl_accounts["6600"].pk),
        "lines-0-percent_1": "100",
        **facts,
    }


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"title": ""}, "title"),
        ({"vendor": ""}, "vendor"),
        ({"currency": "EU"}, "currency"),
        ({"valid_from": "2026-05-01", "valid_to": "2026-04-01"}, "valid_to"),
    ],
)
def test_what_is_refused_is_said_at_the_field(bea, make, said, where):
    answer = bea.post(NEW, form(make, **said))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [where]
    assert "Cable" in answer.content.decode()  # nothing that was typed is lost
    assert not PurchaseOrder.objects.exists()


def test_a_line_that_nobody_pays_is_refused_at_the_line(bea, make):
    answer = bea.post(NEW, form(make, **{"lines-0-cost_center_1": ""}))
    assert answer.status_code == 422
    assert answer.context["lines"].forms[0].errors
    assert bea.post(NEW, form(make, **{"lines-0-description": ""})).status_code == 422
    assert not PurchaseOrder.objects.exists()


def test_only_buyers_make_one(client, make):
    client.force_login(make.org.rob, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(NEW).status_code == 403
    assert NEW not in client.get(reverse("purchase_orders:list")).content.decode()


def test_it_is_made_by_a_form_and_sent_for_approval(bea, make):
    approving.policy(make)
    assert NEW in bea.get(reverse("purchase_orders:list")).content.decode()
    assert bea.get(NEW).status_code == 200
    answer = bea.post(NEW, form(make))
    made = PurchaseOrder.objects.get()
    page = reverse("purchase_orders:detail", args=[made.pk])
    assert answer["Location"] == page
    assert (made.kind, made.currency, made.net, made.buyer) == (
        "standard",
        "EUR",
        Decimal(1_000),
        make.org.bea,
    )
    shown = bea.get(page).content.decode()
    assert "Send for approval" in shown
    bea.post(reverse("purchase_orders:perform", args=[made.pk, "submit"]))
    made.refresh_from_db()
    assert made.status == PurchaseOrder.Status.IN_APPROVAL


def test_lines_are_added_and_what_the_grid_does_not_show_stays(bea, make):
    line = make.line("10", "100", over_receipt_percent=Decimal(5), match_type="2-way")
    data = make.order_data(line, title="Cables")
    draft = services.create(entity=make.org.entity, data=data, actor=make.org.bea, at=NOW)
    address = reverse("purchase_orders:edit_whole", args=[draft.pk])
    assert address in bea.get(reverse("purchase_orders:edit", args=[draft.pk])).content.decode()
    assert bea.get(address).status_code == 200
    more = {name.replace("-0-", "-1-"): value for name, value in form(make).items()}
    assert bea.post(address, {**form(make), **more, "lines-0-quantity": "12"}).status_code == 302
    first, second = line_of(draft), line_of(draft, 2)
    assert (first.quantity, first.over_receipt_percent, first.match_type) == (12, 5, "2-way")
    assert second.description == "Cable"


def test_what_was_requested_is_not_edited_as_a_whole(bea, make):
    draft = make.draft(("10", "10"))
    address = reverse("purchase_orders:edit_whole", args=[draft.pk])
    assert bea.get(address).status_code == 404
    assert address not in bea.get(reverse("purchase_orders:edit", args=[draft.pk])).content.decode()
