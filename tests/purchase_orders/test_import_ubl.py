"""Orders issued elsewhere, taken over from UBL files: ours and those of OASIS."""

from decimal import Decimal
from pathlib import Path

import pytest

from budgets.models import BudgetCell, ExchangeRate
from budgets.rates import RateMissing
from core.errors import DomainError, Invalid, NotAllowed, TooLarge
from core.models import Attachment, OutboxItem, TrailEvent
from core.money import round_amount
from purchase_orders import queries, services
from purchase_orders.models import PurchaseOrder
from tests.factories import NOW, Organisation
from tests.purchase_orders.making import Maker, events_of, held
from tests.shared_data import folder
from vendors.models import Vendor

OURS = Path(__file__).parents[1] / "documents"


def take_over(org: Organisation, data: bytes, **coding: object) -> PurchaseOrder:
    return services.import_ubl(entity=org.entity, data=data, actor=org.bea, at=NOW, **coding)


def oasis(name: str) -> bytes:
    return (folder("oasis-ubl") / f"UBL-{name}-2.0-Example.xml").read_bytes()


def refuse(org: Organisation, data: bytes, reason: type[DomainError]) -> DomainError:
    """The import raises, and nothing at all has changed."""
    events, vendors = TrailEvent.objects.count(), Vendor.objects.count()
    orders = PurchaseOrder.objects.count()
    with pytest.raises(reason) as refused:
        take_over(org, data)
    assert (TrailEvent.objects.count(), Vendor.objects.count()) == (events, vendors)
    assert PurchaseOrder.objects.count() == orders
    return refused.value


@pytest.mark.parametrize("persona", ["rita", "axel", "rob", "finn", "cora", "olga", "ada", "nils"])
def test_only_a_buyer_takes_over(org: Organisation, persona: str) -> None:
    with pytest.raises(NotAllowed):
        services.import_ubl(
            entity=org.entity,
            data=(OURS / "order.xml").read_bytes(),
            actor=org.people[persona],
            at=NOW,
        )
    assert not PurchaseOrder.objects.exists()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"no xml", "not-well-formed"),
        (b'<!DOCTYPE x [<!ENTITY e "x">]><x>&e;</x>', "doctype"),
        (b"<Order/>", "not-an-order"),
        (
            b'<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>',
            "missing-number",
        ),
    ],
)
def test_what_is_no_order_is_refused(org: Organisation, data: bytes, code: str) -> None:
    refused = refuse(org, data, services.BrokenOrder)
    assert code in [error.code for error in refused.errors]
    assert {error.pointer for error in refused.errors} == {"/file"}


def test_a_file_without_end_is_refused(org: Organisation) -> None:
    refuse(org, b"<a>" + b" " * (20 * 1024 * 1024) + b"</a>", TooLarge)


def test_an_invoice_is_no_order(org: Organisation) -> None:
    refuse(org, (OURS / "invoice.xml").read_bytes(), services.BrokenOrder)


def test_a_second_import_is_refused(org: Organisation) -> None:
    data = (OURS / "order.xml").read_bytes()
    order = take_over(org, data)
    refused = refuse(org, data, services.DuplicateOrder)
    assert order.number in refused.detail


def test_a_vendor_that_is_suspended_gets_no_order(org: Organisation) -> None:
    vendor = take_over(org, (OURS / "order.xml").read_bytes()).vendor
    vendor.approve()
    vendor.suspend()
    vendor.save()
    data = (OURS / "order.xml").read_bytes()
    refuse(org, data, services.VendorNotApproved)


def test_a_vendor_that_came_with_an_order_gets_no_new_one_before_it_is_approved(
    org: Organisation,
) -> None:
    """The order of elsewhere stands, and the next one of the same vendor is taken over, too."""
    first = (OURS / "order.xml").read_bytes()
    vendor = take_over(org, first).vendor
    assert vendor.status == Vendor.Status.IN_REVIEW
    number = queries.by_any_number(org.entity, "MW-70031").get().legacy_number
    second = take_over(org, first.replace(number.encode(), b"MW-70032"))
    assert second.vendor == vendor
    make = Maker(org)
    data = make.order_data(make.line("1", "10"), vendor=vendor)
    draft = services.create(entity=org.entity, data=data, actor=org.bea, at=NOW)
    for act in (services.issue, services.submit):
        with pytest.raises(services.VendorNotApproved, match="in review"):
            act(order=draft, actor=org.bea, at=NOW)


def test_coding_of_another_entity_is_refused(org: Organisation) -> None:
    data = (OURS / "order.xml").read_bytes()
    with pytest.raises(Invalid) as refused:
        take_over(org, data, cost_center=org.uk_cost_center, gl_account=org.uk_gl_account)
    assert [error.pointer for error in refused.value.errors] == ["/cost_center", "/gl_account"]


def test_without_a_tracked_budget_the_coding_must_be_named(org: Organisation) -> None:
    BudgetCell.objects.filter(entity=org.entity, control="track").update(control="warn")
    refused = refuse(org, (OURS / "order.xml").read_bytes(), Invalid)
    assert refused.errors[0].pointer == "/cost_center"


def test_an_order_comes_issued_with_both_numbers_and_its_file(org: Organisation) -> None:
    data = (OURS / "order.xml").read_bytes()
    order = take_over(org, data)
    assert (order.status, order.number) == ("issued", "PO-2026-000001")
    for number in (order.number, order.legacy_number):
        assert queries.by_any_number(org.entity, f" {number} ").get() == order
    assert not queries.by_any_number(org.uk, order.legacy_number).exists()
    file = Attachment.objects.get(document_id=order.pk)
    assert (file.file.size, file.uploaded_by) == (len(data), org.bea)
    assert events_of(order.pk) == ["order.taken_over", "order.file_attached"]
    assert held(order.pk) == sum(line.net for line in order.lines.all()) * order.rate
    # It was sent by whoever issued it: the portal neither prints nor sends it again.
    assert not OutboxItem.objects.filter(handler__contains="render").exists()


def test_named_coding_pays_and_its_budget_is_checked(org: Organisation) -> None:
    data = (OURS / "order.xml").read_bytes()
    coding = {
        "cost_center": org.cost_centers["CC100"],
        "gl_account": org.gl_accounts["6600"],
    }
    order = take_over(org, data, **coding)
    assert org.cell("CC100", "6600").encumbered == held(order.pk) > 0
    assert org.cell("CC300", "6400").encumbered == 0


def test_the_oasis_order_is_taken_at_its_line_amount(org: Organisation) -> None:
    """100 KGM at 100.00 beside a line amount of 100.00: the amount is what was agreed."""
    order = take_over(org, oasis("Order"))
    line = order.lines.get()
    assert (order.legacy_number, order.currency, order.net) == ("AEG012345", "GBP", 100)
    assert (line.quantity, line.unit, line.unit_price, line.net) == (100, "KGM", 1, 100)
    assert (line.tax_percent, order.tax) == (Decimal("17.5"), Decimal("17.50"))
    assert (order.vendor.name, order.vendor.tax_id) == ("Consortial", "175 269 2355")
    assert order.vendor.status == Vendor.Status.IN_REVIEW
    assert held(order.pk) == 115
    remarks = TrailEvent.objects.get(type="order.taken_over").data["remarks"]
    assert len(remarks) == 1
    assert "the price is taken as 1 GBP" in remarks[0]


def test_one_number_of_two_vendors_is_two_orders(org: Organisation) -> None:
    """Both say AEG012345 of Consortial: one of Farthing in GBP, one of Billerica in USD."""
    data = folder("oasis-ubl") / "UBL-Order-2.0-Example-International.xml"
    british = take_over(org, oasis("Order"))
    american = take_over(org, data.read_bytes())
    assert (american.currency, american.net) == ("USD", 1000)
    assert (british.vendor.country, american.vendor.country) == ("GB", "US")
    found = queries.by_any_number(org.entity, "AEG012345")
    assert list(found) == [american, british]


def test_a_known_vendor_is_found_by_its_tax_id(org: Organisation) -> None:
    Vendor.objects.filter(pk=org.vendor.pk).update(tax_id="1752692355")
    order = take_over(org, oasis("Order"))
    assert order.vendor == org.vendor


def test_a_vendor_of_the_same_name_with_another_tax_id_is_another(org: Organisation) -> None:
    Vendor.objects.filter(pk=org.vendor.pk).update(
        name="Consortial", country="GB", tax_id="GB999999973"
    )
    order = take_over(org, oasis("Order"))
    assert order.vendor != org.vendor


def test_an_order_in_a_currency_without_a_rate_waits_for_the_rate(org: Organisation) -> None:
    data = (folder("oasis-ubl") / "BII03_Order_example_01.xml").read_bytes()
    refuse(org, data, RateMissing)
    ExchangeRate.objects.create(
        currency="SEK", base="EUR", day=NOW.date(), rate=Decimal("0.0917"), source="ECB"
    )
    order = take_over(org, data)
    lines = list(order.lines.all())
    assert (order.currency, order.rate) == ("SEK", Decimal("0.0917"))
    assert order.net == sum(line.net for line in lines)
    assert held(order.pk) == sum(
        round_amount(line.net * Decimal("0.0917"), "EUR") for line in lines
    )
