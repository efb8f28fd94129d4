"""The same life by hand: plain Django ORM, the same business rows, nothing else.

The yardstick for what the services add. It writes the rows of requisition, approval, order,
receipt, invoice, match, commitments and ledger in the same nine transactions with `bulk_create`,
takes gapless numbers and moves budget cells; it checks no rights, no states and no input, decides
nothing, and keeps no history, no trail and no outbox. Rows are copied from a life that the
services lived, with new ids, so that both write the same columns with the same sizes.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Model

from approvals.models import ApprovalRequest, ApprovalStep
from budgets.models import BudgetCell, Commitment, LedgerEntry
from core.fields import amount
from core.ids import new_id
from core.models import NumberSequence
from core.money import ZERO
from invoicing.models import Invoice, InvoiceLine, InvoiceTax, MatchRun
from purchase_orders.models import (
    BilledLine,
    OrderDistribution,
    OrderRevision,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
)
from requisitions.models import Requisition, RequisitionDistribution, RequisitionLine

_BALANCES = {"PRE": "pre_encumbered", "ENC": "encumbered", "ACT": "spent"}


@dataclass
class Pattern:
    """The rows of one life, read once."""

    rows: dict[type[Model], list[Any]]

    @classmethod
    def of(cls, invoice: Invoice) -> "Pattern":
        order = invoice.order
        lines = PurchaseOrderLine.objects.filter(order=order)
        wanted = Requisition.objects.get(lines__order_lines=lines[0])
        documents = [wanted.pk, order.pk, invoice.pk]
        found: dict[type[Model], Iterable[Any]] = {
            Requisition: [wanted],
            RequisitionLine: wanted.lines.all(),
            RequisitionDistribution: RequisitionDistribution.objects.filter(
                line__requisition=wanted
            ),
            ApprovalRequest: ApprovalRequest.objects.filter(subject_id=wanted.pk),
            ApprovalStep: ApprovalStep.objects.filter(request__subject_id=wanted.pk),
            PurchaseOrder: [PurchaseOrder.objects.get(pk=order.pk)],
            PurchaseOrderLine: lines,
            OrderDistribution: OrderDistribution.objects.filter(line__order=order),
            OrderRevision: order.revisions.all(),
            Receipt: order.receipts.all(),
            ReceiptLine: ReceiptLine.objects.filter(receipt__order=order),
            Invoice: [Invoice.objects.get(pk=invoice.pk)],
            InvoiceLine: invoice.lines.all(),
            InvoiceTax: invoice.taxes.all(),
            MatchRun: invoice.match_runs.all(),
            BilledLine: BilledLine.objects.filter(order_line__order=order),
            Commitment: Commitment.objects.filter(document_id__in=documents),
            LedgerEntry: LedgerEntry.objects.filter(document_id__in=documents),
        }
        return cls({model: list(each) for model, each in found.items()})


class Copy:
    """New rows after a pattern; ids that point within the life are exchanged alike."""

    def __init__(self, pattern: Pattern, number: str) -> None:
        self.number = number
        self.ids: dict[UUID, UUID] = {}
        for rows in pattern.rows.values():
            for row in rows:
                if isinstance(row.pk, UUID):
                    self.ids[row.pk] = new_id()
        self.rows = {
            model: [self._twin(model, row) for row in rows] for model, rows in pattern.rows.items()
        }

    def _twin(self, model: type[Model], row: Any) -> Any:
        values = {}
        for field in model._meta.concrete_fields:
            value = getattr(row, field.attname)
            if field.primary_key and not isinstance(value, UUID):
                continue
            values[field.attname] = self.ids.get(value, value) if value.__hash__ else value
        for name in ("key", "number_key"):
            if name in values:
                values[name] = f"{self.number}{values[name]}"[:64]
        if model is PurchaseOrder:
            values |= {"status": PurchaseOrder.Status.DRAFT, "number": None}
        if model is LedgerEntry:
            values["event_key"] = f"{self.number}:{row.event_key}"
        return model(**values)

    def add(self, *models: type[Model]) -> None:
        for model in models:
            model._base_manager.bulk_create(self.rows[model])

    def one(self, model: type[Model]) -> Any:
        return self.rows[model][0]


@contextmanager
def by_hand() -> Iterator[None]:
    """Plain lives tell the trail nothing: whoever owns the database vouches for them."""
    with connection.cursor() as cursor:
        cursor.execute("SET portal.told = '*'")
        yield
        cursor.execute("SET portal.told = ''")


def live(pattern: Pattern, number: str) -> None:
    """Nine transactions, as many as the services take for two approvers."""
    life = Copy(pattern, number)
    wanted, order = life.one(Requisition), life.one(PurchaseOrder)
    receipt, invoice = life.one(Receipt), life.one(Invoice)
    wanted.number = None
    with transaction.atomic():
        life.add(Requisition, RequisitionLine, RequisitionDistribution)
    with transaction.atomic():
        _update(wanted, version=2, number=_number(wanted, "REQ"))
        life.add(ApprovalRequest, ApprovalStep)
    first, *others = life.rows[ApprovalStep]
    for step in others:
        with transaction.atomic():
            _update(step, "decided_at", "decided_by_id", "comment")
    with transaction.atomic():
        _update(first, "decided_at", "decided_by_id", "comment")
        _update(life.one(ApprovalRequest), "closed_at")
        _update(wanted, "approved_at")
        _post(life, wanted.pk)
    with transaction.atomic():
        life.add(PurchaseOrder, PurchaseOrderLine, OrderDistribution)
    with transaction.atomic():
        RequisitionLine.objects.bulk_update(
            life.rows[RequisitionLine], ["ordered_quantity", "ordered_amount"]
        )
        _update(wanted, "version")
        number = _number(order, "PO")
        _update(order, version=2, number=number, status=PurchaseOrder.Status.ISSUED)
        _post(life, order.pk)
        life.add(OrderRevision)
    with transaction.atomic():
        _lines(life, "received", "rejected")
        receipt.number = _number(receipt, "GR")
        life.add(Receipt, ReceiptLine)
    with transaction.atomic():
        life.add(Invoice, InvoiceLine, InvoiceTax)
    with transaction.atomic():
        life.add(MatchRun, BilledLine)
        _lines(life, "billed_quantity", "billed_amount", "is_final")
        _post(life, invoice.pk)
        _update(invoice, "cleared_at", "version")


def _number(document: Any, kind: str) -> str:
    key = {"stream": str(document.entity_id), "kind": f"X{kind}", "fiscal_year": 1900}
    sequence, _ = NumberSequence.objects.select_for_update().get_or_create(**key)
    sequence.last += 1
    sequence.save(update_fields=["last"])
    return f"X{kind}-{sequence.last:06d}"


def _update(row: Any, *names: str, **values: Any) -> None:
    values |= {name: getattr(row, name) for name in names}
    type(row)._base_manager.filter(pk=row.pk).update(**values)


def _lines(life: Copy, *names: str) -> None:
    lines = list(
        PurchaseOrderLine.objects.select_for_update().filter(order=life.one(PurchaseOrder))
    )
    PurchaseOrderLine.objects.bulk_update(lines, names)


def _post(life: Copy, document_id: UUID) -> None:
    """The commitments, entries and cells of one document's posting."""
    entries = [row for row in life.rows[LedgerEntry] if row.document_id == document_id]
    LedgerEntry.objects.bulk_create(entries)
    made = [row for row in life.rows[Commitment] if row.document_id == document_id]
    if made:
        Commitment.objects.bulk_create(made)
    own = {row.distribution_id for row in made}
    touched = {row.distribution_id for row in entries} - own
    if touched:
        rows = list(Commitment.objects.select_for_update().filter(distribution_id__in=touched))
        Commitment.objects.bulk_update(rows, ["liquidated", "document_liquidated"])
    moved: dict[int, dict[str, Any]] = {}
    for entry in entries:
        cell = moved.setdefault(entry.cell_id, {})
        cell[_BALANCES[entry.stage]] = cell.get(_BALANCES[entry.stage], ZERO) + entry.amount
    for pk, sums in sorted(moved.items()):
        BudgetCell.objects.filter(pk=pk).update(
            **{name: F(name) + amount(value) for name, value in sums.items()}
        )
