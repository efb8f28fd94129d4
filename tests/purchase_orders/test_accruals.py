"""Received, not invoiced, as it is stored: what moves it, what does not, and on which day.

Every test here ends with a proof that reckons all sums again from the documents.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

import invoicing.services
from core.errors import Conflict, DomainError, NotAllowed
from purchase_orders import services
from purchase_orders.models import BilledLine, PurchaseOrder, PurchaseOrderLine
from purchase_orders.services.takeover import Coding, TakenLine, TakenOrder, TakenReceipt
from reports.accruals import accrued_by_cell, received_not_invoiced
from tests.factories import NOW, TODAY, Organisation
from tests.invoicing.billing import Biller
from tests.purchase_orders.making import Maker, line_of

D = Decimal
THIRDS = (
    ("CC100", "6600", "33.333333"),
    ("CC100", "0650", "33.333333"),
    ("CC100", "6300", "33.333334"),
)


def stored(org: Organisation, as_of: date | None = None) -> dict[tuple[str, str], Decimal]:
    """What each budget accrues, by its codes; without those that accrue nothing."""
    cells = {cell.pk: key[:2] for key, cell in org.cells.items()}
    sums = accrued_by_cell(cells, as_of=as_of)
    return {cells[pk]: amount for pk, amount in sums.items() if amount}


def told(org: Organisation, as_of: date | None = None) -> dict[tuple[str, str], Decimal]:
    """The same, added up from the single order lines."""
    cells = {cell.pk: key[:2] for key, cell in org.cells.items()}
    sums: dict[tuple[str, str], Decimal] = {}
    for row in received_not_invoiced(entity=org.entity, as_of=as_of):
        if row.base:
            sums[cells[row.cell_id]] = sums.get(cells[row.cell_id], D(0)) + row.base
    return sums


def office(amount: str) -> dict[tuple[str, str], Decimal]:
    return {("CC100", "6600"): D(amount)}


def abroad(
    make: Maker, quantity: str, price: str, currency: str, *coding: tuple[str, str, str]
) -> PurchaseOrder:
    """An issued order of the buyer's own in another currency."""
    make.org.bea.approval_limit = D(10_000)
    make.org.bea.save()
    line = make.line(quantity, price, distributions=make.coding(*coding))
    data = make.order_data(line, currency=currency)
    draft = services.create(entity=make.org.entity, data=data, actor=make.org.bea, at=NOW)
    return make.issue(draft)


def bill(order: PurchaseOrder, quantity: str, net: str, day: int = 0, final: bool = False) -> None:
    services.bill(
        order=PurchaseOrder.objects.get(pk=order.pk),
        lines={line_of(order).pk: (D(quantity), D(net), final)},
        actor=None,
        at=NOW + timedelta(days=day),
    )


def receive(make: Maker, order: PurchaseOrder, quantity: str, day: int = 0, on: int = 0) -> Any:
    """Receive on one day what came on another, earlier one."""
    at = NOW + timedelta(days=day)
    return make.receive(order, quantity, at=at, received_on=at.date() + timedelta(days=on - day))


def test_what_is_refused_moves_nothing(make: Maker) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "4")
    before = stored(make.org)
    refused: list[tuple[type[DomainError], Any]] = [
        (NotAllowed, lambda: make.receive(order, "1", actor=make.org.rita)),
        (services.OverReceipt, lambda: make.receive(order, "7")),
        (Conflict, lambda: services.cancel(order=order, actor=make.org.bea, at=NOW, reason="No")),
        (NotAllowed, lambda: services.close(order=order, actor=make.org.rita, at=NOW, reason="No")),
    ]
    for reason, attempt in refused:
        with pytest.raises(reason):
            attempt()
    assert stored(make.org) == before == office("40")


def test_a_reversal_that_is_refused_keeps_what_was_received(make: Maker) -> None:
    order = make.issued(("10", "10"))
    receipt = make.receive(order, "10")
    bill(order, "4", "40")
    with pytest.raises(Conflict, match="billed already"):
        services.reverse_receipt(receipt=receipt, reason="Wrong", actor=make.org.rob, at=NOW)
    assert stored(make.org) == office("60")


def test_a_reversal_takes_back_what_the_receipt_brought(make: Maker) -> None:
    order = make.issued(("10", "10"))
    receipt = make.receive(order, "4")
    make.receive(order, "1")
    later = NOW + timedelta(days=3)
    services.reverse_receipt(receipt=receipt, reason="Wrong", actor=make.org.rob, at=later)
    assert stored(make.org) == office("10")
    assert stored(make.org, TODAY + timedelta(days=2)) == office("50")
    assert stored(make.org, TODAY + timedelta(days=3)) == office("10")


def test_rejected_goods_are_not_received(make: Maker) -> None:
    make.receive(make.issued(("10", "10")), "3", rejected="2", reason="Broken")
    assert stored(make.org) == office("30")


def test_what_is_billed_is_not_waited_for(make: Maker) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    bill(order, "4", "44", day=1)  # the order's price counts, whatever the invoice said
    assert stored(make.org) == office("60")
    bill(order, "6", "66", day=2)
    assert stored(make.org) == {}
    assert stored(make.org, TODAY) == office("100")
    assert stored(make.org, TODAY + timedelta(days=1)) == office("60")


def test_over_billing_takes_nothing_from_other_lines(make: Maker) -> None:
    early, other = make.issued(("10", "10")), make.issued(("10", "10"))
    bill(early, "5", "50")
    make.receive(other, "2")
    assert stored(make.org) == office("20")
    make.receive(early, "7")
    assert stored(make.org) == office("40")


def test_a_void_waits_for_the_invoice_again(make: Maker) -> None:
    biller = Biller(make.org)
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = biller.billed(order, ("10", "10"))
    assert stored(make.org) == {}
    later = NOW + timedelta(days=1)
    invoicing.services.void(invoice=invoice, reason="Wrong", actor=make.org.fay, at=later)
    assert stored(make.org) == office("100")


def test_a_credit_note_for_a_return_waits_again_and_one_for_the_price_does_not(make: Maker) -> None:
    biller = Biller(make.org)
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    biller.billed(order, ("10", "10"))
    biller.credit(order, ("2", "10"))
    assert stored(make.org) == told(make.org) == office("20")
    biller.credit(order, ("8", "1"))
    assert stored(make.org) == told(make.org) == office("20")


def test_closing_short_expects_no_invoice_and_reopening_does_again(make: Maker) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "4")
    closed, opened = NOW + timedelta(days=2), NOW + timedelta(days=5)
    services.close(order=order, actor=make.org.bea, at=closed, reason="Enough")
    assert stored(make.org) == {}
    bill(order, "1", "10", day=3)
    assert stored(make.org) == told(make.org) == {}
    assert stored(make.org, TODAY + timedelta(days=1)) == office("40")
    services.reopen(order=order, actor=make.org.bea, at=opened, reason="More came")
    for day, amount in {0: "40", 2: "40", 3: "30", 9: "30"}.items():
        as_of = TODAY + timedelta(days=day)
        assert stored(make.org, as_of) == told(make.org, as_of) == office(amount)
    assert stored(make.org) == office("30")


def test_an_order_on_hold_still_waits_for_its_invoice(make: Maker) -> None:
    order = make.issued(("10", "10"))
    make.receive(order, "4")
    services.hold(order=order, actor=make.org.bea, at=NOW)
    assert stored(make.org) == office("40")


def test_cancelling_an_order_whose_receipts_are_reversed_leaves_nothing(make: Maker) -> None:
    order = make.issued(("10", "10"))
    receipt = make.receive(order, "4")
    services.reverse_receipt(receipt=receipt, reason="Wrong", actor=make.org.rob, at=NOW)
    services.cancel(order=order, actor=make.org.bea, at=NOW, reason="Not needed")
    assert stored(make.org) == {}


def test_cents_over_several_budgets_add_up_and_go_back_to_nothing(make: Maker) -> None:
    order = make.issued(("7", "1.43"), coding=make.coding(*THIRDS))
    for day in range(7):
        receive(make, order, "1", day=day, on=day)
        assert stored(make.org) == told(make.org)
        assert sum(stored(make.org).values()) == D("1.43") * (day + 1)
    for day in range(7):
        bill(order, "1", "1.43", day=7 + day)
        assert stored(make.org) == told(make.org)
    assert stored(make.org) == {}


@pytest.mark.parametrize(
    ("currency", "price", "base"), [("USD", "10.10", "9.09"), ("JPY", "1233", "7.40")]
)
def test_another_currency_counts_at_the_orders_rate(
    make: Maker, currency: str, price: str, base: str
) -> None:
    make.receive(abroad(make, "3", price, currency), "1")
    assert stored(make.org) == told(make.org) == office(base)


def test_a_line_by_amount_waits_for_its_worth_less_what_was_billed(make: Maker) -> None:
    order = make.issued(("1", "1000"), basis="amount")
    make.receive(order, "0.5")
    bill(order, "0.2", "230", day=1)
    assert stored(make.org) == told(make.org) == office("270")


def test_lost_tax_of_an_invoice_is_no_part_of_what_was_received(make: Maker) -> None:
    """A line by amount, billed 400 net with tax that nobody gives back: 600 stay, on any day."""
    order = make.issued(("1", "1000"), basis="amount")
    PurchaseOrderLine.objects.filter(order=order).update(recoverable_percent=0)
    make.receive(order, "1")
    Biller(make.org).billed(order, ("1", "400"))
    for as_of in (None, TODAY, TODAY + timedelta(days=9)):
        assert stored(make.org, as_of) == told(make.org, as_of) == office("600")
    assert stored(make.org, TODAY - timedelta(days=1)) == told(make.org, date(2026, 3, 1)) == {}


def test_what_came_before_counts_from_the_day_it_came(make: Maker) -> None:
    order = make.issued(("10", "10"))
    receive(make, order, "4", day=5, on=2)
    assert stored(make.org, TODAY + timedelta(days=1)) == {}
    assert stored(make.org, TODAY + timedelta(days=2)) == office("40")


def test_what_came_before_the_order_counts_from_the_day_it_was_issued(make: Maker) -> None:
    order = make.issued(("10", "10"))
    receive(make, order, "4", day=1, on=-3)
    assert stored(make.org, TODAY - timedelta(days=1)) == told(make.org, date(2026, 3, 1)) == {}
    assert stored(make.org, TODAY) == told(make.org, TODAY) == office("40")


def test_a_late_note_of_goods_that_were_billed_meanwhile_is_right_on_every_day(make: Maker) -> None:
    """Billed on day 4 what nobody had received; noted on day 6 that it came on day 2."""
    order = make.issued(("10", "10"))
    bill(order, "10", "100", day=4)
    receive(make, order, "10", day=6, on=2)
    for day, amount in {1: None, 2: "100", 3: "100", 4: None, 6: None}.items():
        as_of = TODAY + timedelta(days=day)
        assert (
            stored(make.org, as_of) == told(make.org, as_of) == (office(amount) if amount else {})
        )


def test_two_that_pass_midnight_the_other_way_round_are_right_on_both_days(make: Maker) -> None:
    """Who asked before midnight may be served after one who asked when the day was over."""
    order = make.issued(("10", "10"))
    receive(make, order, "10", day=2, on=2)
    bill(order, "10", "100", day=1)
    for day in range(4):
        as_of = TODAY + timedelta(days=day)
        assert stored(make.org, as_of) == told(make.org, as_of) == {}


def test_orders_taken_over_bring_what_was_received_of_them(org: Organisation) -> None:
    cell = org.cells["CC300", "6400", None]
    taken = TakenOrder(
        vendor=org.vendor,
        legacy_number="OLD-1",
        currency="USD",
        lines=[TakenLine("Kit", D(10), "C62", D("33.33"), D("333.30"))],
        receipts=[
            TakenReceipt(date(2025, 11, 3), "A", {0: D(2)}),
            TakenReceipt(date(2026, 3, 1), "B", {0: D(1)}),
        ],
    )
    services.take_over(
        entity=org.entity,
        orders=[taken],
        coding=Coding(cell.cost_center, cell.gl_account),
        actor=org.bea,
        at=NOW,
    )
    assert stored(org) == told(org) == {("CC300", "6400"): D("89.99")}
    assert stored(org, TODAY - timedelta(days=1)) == {}
    assert stored(org, TODAY) == told(org, TODAY) == stored(org)


def test_budgets_and_lines_do_not_add_statements(make: Maker) -> None:
    one = make.issued(("10", "10"))
    many = make.issued(*[("10", "10")] * 6, coding=make.coding(*THIRDS))

    def count(order: PurchaseOrder) -> tuple[int, int]:
        lines = list(order.lines.all())
        with CaptureQueriesContext(connection) as received:
            make.receive(order, *["2"] * len(lines))
        order = PurchaseOrder.objects.select_related("entity").get(pk=order.pk)
        with CaptureQueriesContext(connection) as billed:
            services.bill(
                order=order,
                lines={line: (D(1), D(10), False) for line in lines},
                actor=None,
                at=NOW,
            )
        return len(received), len(billed)

    make.receive(one, "1")
    assert count(one) == count(many)


def test_billed_lines_only_grow(make: Maker) -> None:
    order = make.issued(("10", "10"))
    bill(order, "4", "40")
    bill(order, "-4", "-40", day=1)
    rows = BilledLine.objects.order_by("pk").values_list("billed_on", "quantity", "net")
    assert list(rows) == [(TODAY, 4, 40), (TODAY + timedelta(days=1), -4, -40)]


QUANTITY = some.decimals("0.1", "3", places=1)
STEP = some.tuples(some.sampled_from(["receive", "bill", "late", "shut"]), QUANTITY)


def days() -> Iterator[date]:
    yield from (TODAY + timedelta(days=day) for day in range(-2, 14))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=some.lists(STEP, min_size=1, max_size=8))
def test_whatever_happens_the_stored_sums_are_those_of_the_lines(
    make: Maker, steps: list[tuple[str, Decimal]]
) -> None:
    """Odd quantities at an odd price over three budgets in dollars; each step on the next day."""
    org = make.org
    order = abroad(make, "100", "3.337", "USD", *THIRDS)
    for day, (what, quantity) in enumerate(steps, 1):
        at = NOW + timedelta(days=day)
        if what == "shut":
            services.close(order=order, actor=org.bea, at=at, reason="Enough")
            bill(order, f"{quantity}", "1", day=day)
            services.reopen(order=order, actor=org.bea, at=at + timedelta(hours=9), reason="Not so")
        elif what == "bill":
            bill(order, f"{quantity}", "3", day=day)
        else:
            receive(make, order, f"{quantity}", day=day, on=day if what == "receive" else day // 2)
    for as_of in (None, *days()):
        assert stored(org, as_of) == told(org, as_of), as_of
