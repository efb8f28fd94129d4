"""Received, not invoiced: order price × what came and has no cleared invoice, now and back then."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from budgets import ledger
from core.ids import new_id
from purchase_orders import accruals, services
from purchase_orders.models import (
    OrderDistribution,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
)
from reports import queries
from tests.factories import NOW, TODAY, Organisation

pytestmark = pytest.mark.django_db

Status = PurchaseOrder.Status


class Order:
    """An issued order of one line over two budgets, 60 to 40, as rows and in the ledger."""

    def __init__(self, org: Organisation, quantity: str, price: str, **facts):
        self.org = org
        line_facts = facts.pop("line", {})
        self.order = PurchaseOrder.objects.create(
            entity=org.entity,
            vendor=org.vendor,
            currency=facts.pop("currency", "EUR"),
            rate=facts.pop("rate", Decimal(1)),
            number=f"PO-2026-{PurchaseOrder.objects.count() + 1:06d}",
            status=facts.pop("status", Status.ISSUED),
            issued_at=NOW,
            created_at=NOW,
            **facts,
        )
        net = Decimal(quantity) * Decimal(price)
        self.line = PurchaseOrderLine.objects.create(
            order=self.order,
            line_number=1,
            description="Notebook",
            quantity=Decimal(quantity),
            unit_price=Decimal(price),
            net=net,
            **line_facts,
        )
        self.cells = [org.cells["CC100", "6600", None], org.cells["CC500", "6400", "ATLAS"]]
        self.shares = [
            OrderDistribution.objects.create(
                line=self.line,
                position=position,
                cost_center=cell.cost_center,
                gl_account=cell.gl_account,
                project=cell.project,
                percent=Decimal(percent),
                amount=net * percent / 100,
            )
            for position, (cell, percent) in enumerate(zip(self.cells, (60, 40), strict=True), 1)
        ]
        ledger.encumber(
            source=self.source(self.order.pk, "order"),
            shares=[
                ledger.Share(
                    self.line.pk,
                    1,
                    share.pk,
                    share.cost_center_id,
                    share.gl_account_id,
                    share.project_id,
                    share.amount,
                )
                for share in self.shares
            ],
            on=TODAY,
            actor=None,
            at=NOW,
        )

    def source(self, document_id, kind: str) -> ledger.Source:
        order = self.order
        return ledger.Source(
            self.org.entity, kind, document_id, f"{kind}-1", order.currency, order.rate
        )

    def receive(self, quantity: str, on: date = TODAY) -> None:
        with transaction.atomic():
            (self.line,) = accruals.locked_lines(self.order, on=on)
        with accruals.moving(self.order, [self.line], on=on):
            receipt = Receipt.objects.create(
                entity=self.org.entity,
                order=self.order,
                received_on=on,
                status=Receipt.Status.POSTED,
                posted_at=NOW,
                created_at=NOW,
            )
            ReceiptLine.objects.create(
                receipt=receipt, order_line=self.line, quantity=Decimal(quantity)
            )
            self.line.received += Decimal(quantity)
            self.line.save()

    def bill(self, quantity: str, on: date = TODAY) -> None:
        amount = Decimal(quantity) * self.line.unit_price
        settlements = [
            ledger.Settlement(
                self.line.pk,
                1,
                share.pk,
                Decimal(quantity) * share.percent / 100,
                amount * share.percent / 100,
                Decimal(0),
                amount * share.percent / 100,
            )
            for share in self.shares
        ]
        ledger.liquidate(
            source=self.source(new_id(), "invoice"),
            settlements=settlements,
            on=on,
            actor=None,
            at=NOW,
        )
        services.bill(
            order=self.order,
            lines={self.line: (Decimal(quantity), amount, False)},
            actor=None,
            at=datetime.combine(on, NOW.timetz()),
        )


def bases(org: Organisation, as_of: date | None = None) -> list[Decimal]:
    return [row.base for row in queries.received_not_invoiced(entity=org.entity, as_of=as_of)]


def test_what_came_and_was_not_billed_at_the_orders_price(org: Organisation):
    order = Order(org, "10", "100")
    assert bases(org) == []
    order.receive("7")
    assert bases(org) == [Decimal(420), Decimal(280)]
    order.bill("2")
    assert bases(org) == [Decimal(300), Decimal(200)]
    order.bill("5")
    assert bases(org) == []


def test_the_accrual_names_order_line_and_budget(org: Organisation):
    order = Order(org, "10", "100")
    order.receive("7")
    first, second = queries.received_not_invoiced(entity=org.entity)
    assert (first.order_number, first.line_number, first.quantity) == ("PO-2026-000001", 1, 7)
    assert (first.vendor, first.description) == ("Elbe IT Handel GmbH", "Notebook")
    assert [first.cell_id, second.cell_id] == [cell.pk for cell in order.cells]


def test_parts_of_a_cent_go_to_the_last_share(org: Organisation):
    order = Order(org, "3", "33.33")
    order.receive("1")
    assert bases(org) == [Decimal("20.00"), Decimal("13.33")]


def test_another_currency_at_the_orders_rate(org: Organisation):
    order = Order(org, "10", "100", currency="USD", rate=Decimal("0.90"))
    order.receive("1")
    rows = queries.received_not_invoiced(entity=org.entity)
    assert [(row.amount, row.base) for row in rows] == [(60, 54), (40, 36)]


def test_billed_before_received_takes_nothing_from_others(org: Organisation):
    early, other = Order(org, "10", "100"), Order(org, "10", "100")
    early.bill("5")
    other.receive("1")
    assert bases(org) == [60, 40]


def test_a_line_by_amount_accrues_what_was_received_less_billed(org: Organisation):
    order = Order(org, "1", "1000", line={"basis": "amount"})
    order.receive("0.5")
    order.bill("0.2")
    assert bases(org) == [180, 120]


@pytest.mark.parametrize(
    ("status", "counts"), [("on_hold", True), ("closed", False), ("cancelled", False)]
)
def test_only_open_orders_expect_an_invoice(org: Organisation, status: str, counts: bool):
    order = Order(org, "10", "100", status=status, closed_at=NOW)
    order.receive("1")
    assert bool(bases(org)) is counts


def test_as_of_a_past_day(org: Organisation):
    order = Order(org, "10", "100")
    order.receive("4", on=TODAY + timedelta(days=1))
    order.receive("3", on=TODAY + timedelta(days=5))
    order.bill("2", on=TODAY + timedelta(days=6))
    days = {0: [], 1: [240, 160], 4: [240, 160], 5: [420, 280], 6: [300, 200]}
    for after, expected in days.items():
        assert bases(org, TODAY + timedelta(days=after)) == expected
    assert bases(org) == [300, 200]


def test_as_of_a_day_before_the_order_was_closed_it_still_counts(org: Organisation):
    order = Order(org, "10", "100", status="closed", closed_at=NOW + timedelta(days=9))
    order.receive("1")
    assert bases(org, TODAY + timedelta(days=8)) == [60, 40]
    assert bases(org, TODAY + timedelta(days=9)) == []


def test_the_commitments_report_shows_it_beside_the_commitment(org: Organisation):
    Order(org, "10", "100").receive("7")
    report = queries.commitments(entity=org.entity, fiscal_year=2026)
    shown = {
        row.cost_center.code: (row.figures.encumbered, row.figures.received_not_invoiced)
        for row in report.rows
        if row.figures.encumbered
    }
    assert shown == {"CC100": (600, 420), "CC500": (400, 280)}
    assert report.totals.received_not_invoiced == 700
    assert report.totals.available == report.totals.budget - 1000


def test_another_entity_sees_none_of_it(org: Organisation):
    Order(org, "10", "100").receive("7")
    assert queries.received_not_invoiced(entity=org.uk) == []


@pytest.mark.parametrize(("as_of", "statements"), [(None, 1), (TODAY, 4)])
def test_statements_do_not_grow_with_orders(org: Organisation, as_of, statements: int):
    for _ in range(8):
        Order(org, "10", "100").receive("7")
    with CaptureQueriesContext(connection) as captured:
        rows = queries.received_not_invoiced(entity=org.entity, as_of=as_of)
    assert (len(rows), len(captured)) == (16, statements)
