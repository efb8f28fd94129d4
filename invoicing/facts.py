"""The facts a match rests on, read under the locks of the order's lines."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import F, QuerySet, Sum

from core.composed import Composed
from core.money import ZERO, minor_unit, minor_units
from invoicing import duplicates, matching, tolerances
from invoicing.models import Invoice, InvoiceLine
from purchase_orders import agreements, drawing
from purchase_orders.locks import locked
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from vendors import standing

MOST_NAMED = 5  # releases
# What other invoices hold of an order line while they are on their way to being cleared.
_IN_PROCESS = (Invoice.Status.MATCHING, Invoice.Status.MATCHED, Invoice.Status.IN_EXCEPTION)


def lines_of(order: UUID) -> QuerySet[PurchaseOrderLine]:
    """The lines of an order as they are matched, by key: each knows its `category`, if any."""
    lines = PurchaseOrderLine.objects.filter(order=order).order_by("pk")
    return lines.annotate(category=F("catalog_item__service_type"))


_locked_lines = Composed[PurchaseOrderLine](
    lambda order: lines_of(order).select_for_update(of=("self",), no_key=True)
)


def lock_order(invoice: Invoice) -> list[PurchaseOrderLine]:
    """Lock the order of an invoice, then its lines by pk; returns the lines.

    `invoice.order` is then as it stands: neither two invoices can both bill the same rest, nor
    can an order be closed or reopened while one of them is judged, cleared or voided.
    """
    if invoice.order is None:
        return []
    drawing.locked_agreement(invoice.order)  # two releases do not both bill what is left of it
    invoice.order = locked(invoice.order)
    return _locked_lines(invoice.order.pk)


def match_input(
    invoice: Invoice,
    *,
    order_lines: list[PurchaseOrderLine],
    today: date,
    waiting_until: date,
    at: datetime,
) -> matching.MatchInput:
    """Everything the outcome depends on, as plain data. `at` says which bank accounts count."""
    order, vendor = invoice.order, invoice.vendor
    known = standing.Standing()
    if vendor is not None:
        named = [each["index"] for each in invoice.payee_accounts]
        known = standing.of(vendor, at=at, named=named)
    lines = list(invoice.lines.all())
    rules = tolerances.resolve(order_lines, vendor, invoice.entity_id, on=today)
    return matching.MatchInput(
        invoice=_invoice_facts(invoice, lines, {line.pk: line for line in order_lines}),
        order=_order_facts(invoice, order, order_lines) if order else None,
        today=today,
        tolerances=rules,
        duplicates=duplicates.twins(invoice, known),
        vendor=matching.VendorFacts(
            status=vendor.status if vendor else "unknown",
            accounts=_accounts(known.in_force, invoice),
            later=_accounts(known.later, invoice),
        ),
        rounding_allowance=tolerances.rounding(rules, default=minor_unit(invoice.currency)),
        minor_units=minor_units(invoice.currency),
        waiting_until=waiting_until,
    )


def _accounts(
    known: Iterable[standing.KnownAccount], invoice: Invoice
) -> tuple[matching.Account, ...]:
    day_of = invoice.entity.day_of
    return tuple(
        matching.Account(each.index, each.shown, each.counts_from and day_of(each.counts_from))
        for each in known
    )


def _invoice_facts(
    invoice: Invoice, lines: list[InvoiceLine], order_lines: dict
) -> matching.InvoiceFacts:
    return matching.InvoiceFacts(
        number=invoice.number,
        kind=invoice.kind,
        vendor=str(invoice.vendor_id or invoice.vendor_name),
        currency=invoice.currency,
        issue_date=invoice.issue_date,
        lines=tuple(_line_facts(line, order_lines) for line in lines),
        charges=tuple(
            matching.Charge(
                charge=charge.amount > 0,
                amount=abs(charge.amount),
                tax_category=charge.tax_category,
                tax_percent=charge.tax_percent,
                reason=charge.reason,
            )
            for charge in invoice.charges.all()
        ),
        tax_breakdown=tuple(
            matching.TaxRow(row.category, row.percent, row.taxable, row.tax)
            for row in invoice.taxes.all()
        ),
        net=invoice.net,
        tax=invoice.tax,
        gross=invoice.gross,
        payable=_payable(invoice),
        order_reference=invoice.order_reference,
        remit_to=tuple(
            matching.Account(each["index"], each["shown"]) for each in invoice.payee_accounts
        ),
    )


def _payable(invoice: Invoice) -> Decimal | None:
    """What is asked for, where it is to be the gross. A file's was recomputed when it was read: it
    may be less, for what was prepaid, or rounded up by less than one unit of currency."""
    if invoice.source == Invoice.Source.UBL and invoice.payable - invoice.gross < 1:
        return None
    return invoice.payable


def _line_facts(line: InvoiceLine, order_lines: dict) -> matching.InvoiceLine:
    return matching.InvoiceLine(
        line_number=str(line.line_number),
        order_line=str(line.order_line_id) if line.order_line_id else None,
        quantity=line.quantity,
        unit=line.unit,
        unit_price=line.unit_price,
        net=line.net,
        price_base_quantity=line.price_base_quantity,
        tax_category=line.tax_category,
        tax_percent=line.tax_percent,
        credits=credited(line, order_lines.get(line.order_line_id)),
    )


def credited(line: InvoiceLine, order_line: PurchaseOrderLine | None) -> str:
    """Whether a credit line takes goods back ("quantity") or only money ("price").

    Goods come back at the price they were ordered or billed at; a credit at any other price is
    money only.
    """
    if order_line is None or order_line.basis == order_line.Basis.AMOUNT:
        return "price"
    prices = {order_line.unit_price}
    if order_line.billed_quantity:
        prices.add(order_line.billed_amount / order_line.billed_quantity)
    price = line.unit_price / line.price_base_quantity
    return "quantity" if any(abs(price - each) < Decimal("0.005") for each in prices) else "price"


def _order_facts(
    invoice: Invoice, order: PurchaseOrder, order_lines: list[PurchaseOrderLine]
) -> matching.OrderFacts:
    quantities, amounts = _in_process(invoice, order)
    facts = tuple(
        _order_line_facts(line, quantities[line.pk], amounts[line.pk]) for line in order_lines
    )
    issued_on = order.issued_at.astimezone(order.entity.zone).date() if order.issued_at else None
    return matching.OrderFacts(
        number=order.number or "",
        status=order.status,
        vendor=str(order.vendor_id),
        currency=order.currency,
        lines=facts,
        total=order.net,
        billed_total=sum((line.billed_amount for line in facts), ZERO),
        issued_on=None if order.legacy_number else issued_on,
        valid_from=order.valid_from,
        valid_to=order.valid_to,
        cap=_cap(invoice, order),
        releases=_releases(order),
    )


def _cap(invoice: Invoice, order: PurchaseOrder) -> matching.Cap | None:
    """What all invoices on all releases of its blanket order may come to; none for prices only.

    Statements: none unless the order is a release, else 4.
    """
    if order.agreement_id is None:
        return None
    blanket = PurchaseOrder.objects.select_related("agreement_terms").get(pk=order.agreement_id)
    terms = blanket.agreement_terms
    if terms.limit is None:
        return None
    lines = PurchaseOrderLine.objects.filter(order__agreement=blanket).order_by()
    cleared = lines.aggregate(sum=Sum("billed_amount"))["sum"] or ZERO
    claims = InvoiceLine.objects.filter(
        invoice__order__agreement=blanket,
        invoice__status__in=_IN_PROCESS,
        invoice__kind=Invoice.Kind.INVOICE,
        invoice_id__lt=invoice.pk,
        order_line__isnull=False,
    )
    claimed = claims.order_by().aggregate(sum=Sum("net"))["sum"] or ZERO
    return matching.Cap(
        number=blanket.reference,
        limit=agreements.most_of(terms, terms.limit),
        billed=cleared + claimed,
    )


def _releases(order: PurchaseOrder) -> tuple[str, ...] | None:
    """The releases that may be meant where an invoice names their blanket order."""
    if not order.is_blanket:
        return None
    issued = order.releases.filter(status__in=agreements.HOLDING).order_by("-pk")
    return tuple(issued.values_list("number", flat=True)[:MOST_NAMED])


def _order_line_facts(
    line: PurchaseOrderLine, quantity: Decimal, amount: Decimal
) -> matching.OrderLine:
    by_amount = line.basis == line.Basis.AMOUNT
    received = line.received * line.unit_price if by_amount else line.received
    return matching.OrderLine(
        id=str(line.pk),
        line_number=str(line.line_number),
        quantity=line.quantity,
        unit=line.unit,
        unit_price=line.unit_price,
        net=line.net,
        match_type=line.match_type,
        basis=line.basis,
        received=received,
        accepted=received,
        billed_quantity=line.billed_quantity + quantity,
        billed_amount=line.billed_amount + amount,
        price_variance=(line.billed_amount + amount)
        - (line.billed_quantity + quantity) * line.unit_price,
    )


def _in_process(invoice: Invoice, order: PurchaseOrder) -> tuple[dict, dict]:
    """Quantities and nets that older uncleared invoices of the order already claim per line."""
    quantities: dict = defaultdict(Decimal)
    amounts: dict = defaultdict(Decimal)
    for line, quantity, net in _claims(order.pk, invoice.pk):
        quantities[line] += quantity
        amounts[line] += net
    return quantities, amounts


_claims = Composed[tuple[UUID, Decimal, Decimal]](
    lambda order, invoice: (
        InvoiceLine.objects.filter(
            invoice__order=order,
            invoice__status__in=_IN_PROCESS,
            invoice__kind=Invoice.Kind.INVOICE,
            invoice__lt=invoice,
            order_line__isnull=False,
        )
        .order_by()
        .values_list("order_line_id", "quantity", "net")
    )
)
