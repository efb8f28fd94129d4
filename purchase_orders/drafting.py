"""From what a buyer said to the rows of a draft: lines, their nets and shares, taxes, totals."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Sum

from accounts.models import TaxCode
from core.composed import Composed
from core.money import HUNDRED, ZERO, allocate, line_net, round_amount
from purchase_orders.inputs import (
    AgreementInput,
    DistributionInput,
    OrderInput,
    OrderLineInput,
)
from purchase_orders.models import OrderDistribution, PurchaseOrder, PurchaseOrderLine
from requisitions.models import Requisition, RequisitionLine
from requisitions.storing import shared

OUTSIDE_TAX = "O"  # EN 16931: not subject to tax; what a line without a tax code is
_HOLDING = (
    PurchaseOrder.Status.DRAFT,
    PurchaseOrder.Status.IN_APPROVAL,
    PurchaseOrder.Status.APPROVED,
)
ORDERABLE = (Requisition.Status.APPROVED, Requisition.Status.PARTIALLY_ORDERED)


@dataclass(frozen=True)
class TaxRow:
    """The tax of one category and rate: computed once on the summed base, never per line."""

    category: str
    percent: Decimal
    code: str
    taxable: Decimal
    tax: Decimal


def taxes(lines: Iterable[PurchaseOrderLine], currency: str) -> list[TaxRow]:
    """Tax rows in the order in which their rates appear on the lines (EN 16931 BR-CO-17)."""
    bases: dict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
    codes: dict[tuple[str, Decimal], str] = {}
    for line in lines:
        key = (line.tax_category, line.tax_percent + 0)
        bases[key] += line.net
        codes.setdefault(key, line.tax_code)
    return [
        TaxRow(category, percent, codes[category, percent], base, _tax(base, percent, currency))
        for (category, percent), base in bases.items()
    ]


def _tax(base: Decimal, percent: Decimal, currency: str) -> Decimal:
    return round_amount(base * percent / HUNDRED, currency)


def set_totals(order: PurchaseOrder, lines: list[PurchaseOrderLine]) -> None:
    order.net = sum((line.net for line in lines), ZERO)
    order.tax = sum((row.tax for row in taxes(lines, order.currency)), ZERO)
    order.total = order.net + order.tax


def taxed(tax: TaxCode | None) -> dict[str, Any]:
    """What a tax code makes of a line; without one it is not subject to tax."""
    return {
        "tax_percent": tax.percent if tax else ZERO,
        "tax_category": tax.category if tax else OUTSIDE_TAX,
        "recoverable_percent": tax.recoverable_percent if tax else HUNDRED,
    }


def build_line(
    order: PurchaseOrder, said: OrderLineInput, number: int, tax_codes: dict[str, TaxCode]
) -> tuple[PurchaseOrderLine, list[OrderDistribution]]:
    """The rows of one line, not saved. Its net is split by percent, the last part takes a rest."""
    tax = tax_codes.get(said.tax_code)
    line = PurchaseOrderLine(
        order=order,
        line_number=number,
        kind=said.kind,
        catalog_item=said.catalog_item,
        sku=said.sku,
        description=said.description.strip(),
        quantity=said.quantity,
        unit=said.unit,
        unit_price=said.unit_price,
        tax_code=said.tax_code,
        **taxed(tax),
        net=line_net(quantity=said.quantity, unit_price=said.unit_price, currency=order.currency),
        need_by=said.need_by,
        basis=said.basis,
        period_from=said.period_from,
        period_to=said.period_to,
        match_type=said.match_type or order.vendor.default_match_type,
        over_receipt_percent=said.over_receipt_percent,
        requisition_line=said.requisition_line,
        agreement_line=said.agreement_line,
    )
    return line, _distributions(line, said, order.currency)


def _distributions(
    line: PurchaseOrderLine, said: OrderLineInput, currency: str
) -> list[OrderDistribution]:
    parts = said.distributions
    reserved: dict[tuple, list[UUID]] = defaultdict(list)
    if said.requisition_line is not None:
        for part in said.requisition_line.distributions.all():
            reserved[coding_key(part)].append(part.pk)
    amounts = allocate(line.net, [part.percent for part in parts], currency)
    rows = shared(OrderDistribution, line, parts, amounts)
    for row in rows:
        row.requisition_distribution_id = _next_of(reserved[coding_key(row)])
    return rows


def _next_of(alike: list[UUID]) -> UUID | None:
    """Each reservation once, in order: two parts may be booked to the very same."""
    return alike.pop(0) if alike else None


def coding_key(part: object) -> tuple:
    """What a distribution is booked to, for comparing an order's coding with the approved one."""
    project = part.project_id if hasattr(part, "project_id") else part.project and part.project.pk
    if hasattr(part, "cost_center_id"):
        return part.cost_center_id, part.gl_account_id, project, part.percent
    return part.cost_center.pk, part.gl_account.pk, project, part.percent


def build(
    order: PurchaseOrder, data: OrderInput, tax_codes: dict[str, TaxCode]
) -> tuple[list[PurchaseOrderLine], list[OrderDistribution]]:
    """The rows of all lines, not saved, and the order's totals set to their sums."""
    built = [
        build_line(order, said, number, tax_codes) for number, said in enumerate(data.lines, 1)
    ]
    lines = [line for line, _ in built]
    set_totals(order, lines)
    return lines, [part for _, parts in built for part in parts]


def from_requisition_line(line: RequisitionLine, quantity: Decimal) -> OrderLineInput:
    """An order line for a quantity of a requisition line, as it was approved."""
    return OrderLineInput(
        description=line.description,
        quantity=quantity,
        unit=line.unit,
        unit_price=line.unit_price,
        kind=line.kind,
        catalog_item=line.catalog_item,
        sku=line.sku,
        tax_code=line.tax_code,
        need_by=line.need_by or line.requisition.need_by,
        basis=line.basis,
        period_from=line.period_from,
        period_to=line.period_to,
        requisition_line=line,
        distributions=approved_coding(line),
    )


def approved_coding(line: RequisitionLine | PurchaseOrderLine) -> list[DistributionInput]:
    """Who pays for a stored line, as the input it could have come from."""
    return [
        DistributionInput(
            cost_center=part.cost_center,
            gl_account=part.gl_account,
            project=part.project,
            percent=part.percent,
        )
        for part in line.distributions.all()
    ]


def stored_line(line: PurchaseOrderLine) -> OrderLineInput:
    """A stored line, with its coding at hand, as the input it could have come from."""
    names = [each.name for each in fields(OrderLineInput) if each.name != "distributions"]
    said = {name: getattr(line, name) for name in names}
    return OrderLineInput(**said, distributions=approved_coding(line))


def stored_terms(order: PurchaseOrder) -> AgreementInput | None:
    """The limits of a blanket order as the input they could have come from; None for another."""
    terms = getattr(order, "agreement_terms", None)
    if terms is None:
        return None
    said = {each.name: getattr(terms, each.name) for each in fields(AgreementInput)}
    if terms.limit_by == terms.LimitBy.QUANTITY:
        said["limit"] = None  # it follows from the lines
    return AgreementInput(**said)


def orderable(
    requisitions: Iterable[Requisition], *, apart_from: PurchaseOrder | None = None
) -> dict[UUID, Decimal]:
    """What each line of open requisitions has left: a quantity, or an amount for lines by amount.

    What other drafts hold, also those in approval, is not left. The caller holds the locks of the
    requisitions.
    """
    ids = [each.pk for each in requisitions if each.status in ORDERABLE]
    lines = RequisitionLine.objects.filter(requisition__in=ids)
    return left_of(list(lines), apart_from=apart_from)


def _held_by_drafts(lines: list[UUID], apart_from: UUID | None) -> QuerySet[Any, Any]:
    drafts = PurchaseOrderLine.objects.filter(
        requisition_line__in=lines, order__status__in=_HOLDING
    )
    if apart_from is not None:
        drafts = drafts.exclude(order=apart_from)
    sums = drafts.order_by().values("requisition_line")
    return sums.annotate(quantity_held=Sum("quantity"), net_held=Sum("net")).values_list(
        "requisition_line", "quantity_held", "net_held"
    )


_held = Composed[tuple[UUID, Decimal, Decimal]](_held_by_drafts)


def left_of(
    lines: list[RequisitionLine], *, apart_from: PurchaseOrder | None = None
) -> dict[UUID, Decimal]:
    """As `orderable`, of lines that were read under the locks of their requisitions."""
    rows = _held([line.pk for line in lines], apart_from and apart_from.pk)
    held = {line: (quantity, net) for line, quantity, net in rows}
    return {line.pk: _left(line, held.get(line.pk, (ZERO, ZERO))) for line in lines}


def _left(line: RequisitionLine, held: tuple[Decimal, Decimal]) -> Decimal:
    quantity, net = held
    if line.basis == line.Basis.AMOUNT:
        return max(line.net - line.ordered_amount - net, ZERO)
    return max(line.quantity - line.ordered_quantity - quantity, ZERO)
