"""Years of purchasing in minutes: orders with all that hangs on them, written by COPY.

The rows are those that the services write for issued, received and cleared purchases of the demo's
generator, so the books hold: balances, commitments, entries, receipts and invoices agree, and
`verify_books` says so. What the services would also write and no sum rests on is left out:
requisitions, history rows, trail events and printed documents. PostgreSQL only.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Model

from bench.measuring import look_again
from bench.stage import SEED, TODAY, Stage
from budgets import ledger
from budgets.models import BudgetCell, Commitment, LedgerEntry
from budgets.models import Stage as Money
from core.fields import amount as sql_amount
from core.models import NumberSequence
from core.money import HUNDRED, ZERO, round_amount
from invoicing.models import Invoice, InvoiceLine, InvoiceTax
from po_portal.demo import generator
from po_portal.demo.generator import Line, Purchase
from po_portal.demo.organisation import GERMANY
from purchase_orders.models import (
    BilledLine,
    OrderDistribution,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
)

BATCH = 5_000
ENTRIES_PER_ORDER = 5.9  # on average, with one to three lines
OPEN_FOR = timedelta(days=14)
FIRST_DAY = date(TODAY.year, 1, 2)
_NULL = r"\N"


class Table:
    """Rows of one model as COPY text; columns that are not said have the model's default."""

    def __init__(self, model: type[Model], **always: Any) -> None:
        fields = [f for f in model._meta.concrete_fields if f.get_internal_type() != "BigAutoField"]
        self.name = model._meta.db_table
        self.columns = [field.column for field in fields]
        self.defaults = {
            field.column: _text(field.get_default() if field.has_default() else None)
            for field in fields
        }
        for field in fields:  # a text column without a default is empty, not NULL
            if self.defaults[field.column] == _NULL and not field.null:
                self.defaults[field.column] = ""
        self.defaults |= {name: _text(value) for name, value in always.items()}
        self.rows: list[str] = []

    def add(self, **said: Any) -> None:
        values = {**self.defaults, **said}
        self.rows.append("\t".join([str(values[column]) for column in self.columns]))

    def write(self, cursor: Any) -> int:
        count = len(self.rows)
        if count:
            columns = ", ".join(f'"{column}"' for column in self.columns)
            with cursor.copy(f'COPY "{self.name}" ({columns}) FROM STDIN') as copy:
                copy.write("\n".join(self.rows))
            self.rows = []
        return count


def _text(value: Any) -> str:
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, list | dict):
        return "[]" if isinstance(value, list) else "{}"
    return str(value).replace("\\", r"\\").replace("\t", " ").replace("\n", r"\n")


class Filler:
    """Turns purchases into rows; `flush` writes what has gathered."""

    def __init__(self, stage: Stage, *, closing: bool = False) -> None:
        self.stage, self.closing = stage, closing
        mine, at = {"entity_id": stage.entity.pk}, {"version": 3}
        buyer, rob, finn = (stage.people[name].pk for name in ("bea", "rob", "finn"))
        self.orders = Table(PurchaseOrder, **mine, **at, buyer_id=buyer,
                            ship_to=stage.entity.address, bill_to=stage.entity.address)  # fmt: skip
        self.lines = Table(PurchaseOrderLine)
        self.parts = Table(OrderDistribution, position=1)
        self.receipts = Table(Receipt, **mine, **at, status="posted", received_by_id=rob)
        self.receipt_lines = Table(ReceiptLine)
        self.invoices = Table(Invoice, **mine, **at, status="cleared", captured_by_id=finn)
        self.invoice_lines = Table(InvoiceLine)
        self.taxes = Table(InvoiceTax)
        self.billed_lines = Table(BilledLine)
        self.commitments = Table(Commitment, stage="ENC", document_type="order", rate=1)
        self.entries = Table(LedgerEntry, **mine, rate=1, actor_id=buyer)
        self.tables = [each for each in vars(self).values() if isinstance(each, Table)]
        self.cells = {
            (cell.cost_center.code, cell.gl_account.code, cell.project and cell.project.code): cell
            for cell in BudgetCell.objects.filter(
                entity=stage.entity, fiscal_year__year=TODAY.year
            ).select_related("cost_center", "gl_account", "project")
        }
        self.moved: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        self.accrued: dict[tuple[int, date], Decimal] = defaultdict(Decimal)

    def add(self, purchase: Purchase) -> None:
        """One issued order with what came and what was billed of it so far."""
        moment = datetime.combine(purchase.day, time(9), UTC)
        new_id = _ids(purchase, moment)
        order_id, vendor = new_id(0, 0), self.stage.vendors[purchase.vendor]
        number = f"PO-{purchase.day.year}-{purchase.number:06d}"
        net, tax = purchase.net, purchase.tax
        ended = self.closing and _is_complete(purchase)
        self.orders.add(
            status="closed" if ended else "issued",
            closed_at=moment + timedelta(days=1) if ended else _NULL,
            id=order_id, created_at=moment, number=number, title=_text(purchase.title),
            vendor_id=vendor.pk, currency=purchase.currency, net=net, tax=tax, total=net + tax,
            approved_at=moment, issued_at=moment, payment_terms_days=vendor.payment_terms_days,
        )  # fmt: skip
        done = [_done(line, purchase) for line in purchase.lines]
        for place, (line, (came, billed)) in enumerate(zip(purchase.lines, done, strict=True), 1):
            self._line(purchase, line, place, came, billed, moment, number, new_id)
        if any(came for came, _ in done):
            self.receipts.add(
                id=new_id(3, 0), created_at=moment, order_id=order_id, received_on=purchase.day,
                number=f"GR-{purchase.day.year}-{purchase.number:06d}", posted_at=moment,
            )  # fmt: skip
        if any(billed for _, billed in done):
            self._invoice(purchase, done, moment, number, new_id)

    def _line(
        self,
        purchase: Purchase,
        line: Line,
        place: int,
        came: Decimal,
        billed: Decimal,
        moment: datetime,
        number: str,
        new_id: Callable[[int, int], str],
    ) -> None:
        item = line.item
        line_id, part_id = new_id(1, place), new_id(2, place)
        cell = self.cells[line.cost_center, line.gl_account, line.project]
        price, net = item.unit_price, round_amount(billed * item.unit_price, purchase.currency)
        self.lines.add(
            id=line_id, order_id=new_id(0, 0), line_number=place, sku=item.sku,
            description=_text(item.name), quantity=line.quantity, unit=item.unit, unit_price=price,
            tax_code=item.tax_code, net=line.net, tax_percent=line.tax_percent, received=came,
            billed_quantity=billed, billed_amount=net,
            catalog_item_id=self.stage.items[purchase.vendor, item.sku].pk,
        )  # fmt: skip
        self.parts.add(
            id=part_id, line_id=line_id, cost_center_id=cell.cost_center_id, amount=line.net,
            gl_account_id=cell.gl_account_id, project_id=cell.project_id or _NULL,
        )  # fmt: skip
        self.commitments.add(
            cell_id=cell.pk, document_id=new_id(0, 0), document_number=number, line_id=line_id,
            line_number=place, distribution_id=part_id, currency=purchase.currency, amount=line.net,
            document_amount=line.net, liquidated=net, document_liquidated=net,
        )  # fmt: skip
        if came:
            self.receipt_lines.add(
                id=new_id(4, place), receipt_id=new_id(3, 0), order_line_id=line_id, quantity=came
            )
        waits = round_amount((came - billed) * price, purchase.currency)
        self.accrued[cell.pk, purchase.day] += waits
        issued = ("order.issued", "order", new_id(0, 0), number, line_id)
        self._entry(cell, Money.ENC, line.net, line.quantity, purchase, place, part_id, issued)
        if billed:
            said = (new_id(6, place), new_id(5, 0), place, line_id, item, billed, net, line)
            self._invoice_line(*said)
            self.billed_lines.add(
                order_line_id=line_id, billed_on=purchase.day, quantity=billed, net=net
            )
            cleared = ("invoice.cleared", "invoice", new_id(5, 0), f"R-{number}", new_id(6, place))
            self._entry(cell, Money.ENC, -net, -billed, purchase, place, part_id, cleared)
            self._entry(cell, Money.ACT, net, billed, purchase, place, part_id, cleared)

    def _entry(
        self,
        cell: BudgetCell,
        stage: str,
        amount: Decimal,
        quantity: Decimal,
        purchase: Purchase,
        place: int,
        part_id: str,
        of: tuple[str, str, str, str, str],
    ) -> None:
        event, document_type, document_id, number, line_id = of
        self.moved[cell.pk, stage] += amount
        self.entries.add(
            event=event, event_key=f"{event}:{UUID(document_id)}:1", cell_id=cell.pk,
            stage=stage.value, amount=amount, document_amount=amount, currency=purchase.currency,
            quantity=quantity, document_type=document_type, document_id=document_id,
            document_number=number, line_id=line_id, line_number=place, distribution_id=part_id,
            posting_date=purchase.day, recorded_at=f"{purchase.day} 09:00:00+00",
        )  # fmt: skip

    def _invoice_line(
        self,
        pk: str,
        invoice_id: str,
        place: int,
        order_line: str,
        item: generator.Item,
        quantity: Decimal,
        net: Decimal,
        line: Line,
    ) -> None:
        self.invoice_lines.add(
            id=pk, invoice_id=invoice_id, line_number=place, order_line_id=order_line,
            description=_text(item.name), quantity=quantity, unit=item.unit, net=net,
            unit_price=item.unit_price, tax_code=item.tax_code, tax_category="S",
            tax_percent=line.tax_percent,
        )  # fmt: skip

    def _invoice(
        self,
        purchase: Purchase,
        done: list[tuple[Decimal, Decimal]],
        moment: datetime,
        number: str,
        new_id: Callable[[int, int], str],
    ) -> None:
        bases: dict[Decimal, Decimal] = defaultdict(Decimal)
        for line, (_, billed) in zip(purchase.lines, done, strict=True):
            cost = round_amount(billed * line.item.unit_price, purchase.currency)
            bases[line.tax_percent] += cost
        taxes = {
            rate: round_amount(base * rate / HUNDRED, purchase.currency)
            for rate, base in bases.items()
        }
        net, tax = sum(bases.values(), ZERO), sum(taxes.values(), ZERO)
        vendor = self.stage.vendors[purchase.vendor]
        self.invoices.add(
            id=new_id(5, 0), created_at=moment, number=f"R-{number}", vendor_id=vendor.pk,
            number_key=f"RPO{purchase.day.year}{purchase.number}", vendor_name=_text(vendor.name),
            order_id=new_id(0, 0), order_reference=number, issue_date=purchase.day, net=net,
            tax=tax, gross=net + tax, payable=net + tax, currency=purchase.currency,
            cleared_at=moment,
        )  # fmt: skip
        for rate, base in bases.items():
            self.taxes.add(invoice_id=new_id(5, 0), category="S", percent=rate, taxable=base,
                           tax=taxes[rate])  # fmt: skip

    def flush(self) -> int:
        """Write the gathered rows and move the balances with them; returns the ledger entries."""
        balances = {Money.ENC: "encumbered", Money.ACT: "spent"}
        with transaction.atomic(), connection.cursor() as cursor:
            for (cell, stage), value in sorted(self.moved.items()):
                name = balances[Money(stage)]
                BudgetCell.objects.filter(pk=cell).update(**{name: F(name) + sql_amount(value)})
            self.moved.clear()
            ledger.accrue(self.accrued)
            self.accrued.clear()
            written = {table.name: table.write(cursor) for table in self.tables}
        return written[self.entries.name]


def _is_complete(purchase: Purchase) -> bool:
    return purchase.day < TODAY - OPEN_FOR


def _done(line: Line, purchase: Purchase) -> tuple[Decimal, Decimal]:
    """Whole pieces received and billed; what is older than two weeks is complete."""
    if _is_complete(purchase):
        return line.quantity, line.quantity
    came = line.quantity * purchase.received // 1
    return came, min(came, line.quantity * purchase.billed // 1)


def _ids(purchase: Purchase, moment: datetime) -> Callable[[int, int], str]:
    """Ids of version 7 that repeat: the purchase's own moment, then kind, number and line."""
    start = int(moment.timestamp() * 1000) << 80 | 0x7 << 76 | 0x8 << 60
    start |= (purchase.number & 0xFFF) << 64 | purchase.number << 16

    def new_id(kind: int, place: int) -> str:
        return f"{start | kind << 56 | place:032x}"

    return new_id


def fill(
    stage: Stage,
    *,
    orders: int,
    lines: tuple[int, int] = (1, 3),
    closing: bool = False,
    tell: Callable[[int], None] = lambda written: None,
) -> tuple[int, int]:
    """Write so many orders, evenly from the first days of the year to today.

    `closing` ends orders of which everything came and was billed. Returns the orders and entries
    written. The same call on the same stage writes the same rows.
    """
    filler = Filler(stage, closing=closing)
    sequence, _ = NumberSequence.objects.get_or_create(
        stream=str(stage.entity.pk), kind="PO", fiscal_year=TODAY.year
    )
    made = posted = 0
    days = (TODAY - FIRST_DAY).days
    while made < orders:
        batch = min(BATCH, orders - made)
        first = FIRST_DAY + timedelta(days=days * made // orders)
        last = FIRST_DAY + timedelta(days=days * (made + batch) // orders)
        for purchase in generator.purchases(
            entity=GERMANY, seed=SEED, count=batch, start=sequence.last + made + 1, lines=lines,
            first=first, last=last, currency="EUR",
        ):  # fmt: skip
            filler.add(purchase)
        posted += filler.flush()
        made += batch
        tell(made)
    NumberSequence.objects.filter(pk=sequence.pk).update(last=sequence.last + made)
    NumberSequence.objects.update_or_create(
        stream=sequence.stream, kind="GR", fiscal_year=TODAY.year,
        defaults={"last": sequence.last + made},
    )  # fmt: skip
    look_again()
    return made, posted
