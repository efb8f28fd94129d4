"""How invoices and exceptions are shown: words for buttons, checks, documents compared."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from core.errors import FieldError
from core.money import minor_units
from core.templatetags.figures import plain_figure
from invoicing.matching.words import money
from invoicing.models import Invoice, MatchException, MatchRun
from invoicing.queries import LineTrio, trios

DONE = {
    "match": "The invoice is being matched again.",
    "clear": "The invoice is cleared for payment.",
    "reject": "The invoice is rejected.",
    "dispute": "The invoice is disputed.",
    "void": "The invoice is void; its bookings were taken back.",
    "link": "The order is linked; the invoice is being matched again.",
    "return": "The invoice goes back to the vendor.",
}
ROUTES = {
    "ap": "accounts payable",
    "ap_manager": "the head of accounts payable",
    "buyer": "the buyer",
    "receiver": "whoever receives",
}
RESOLVED = {
    MatchException.Resolution.ACCEPTED: "The variance is accepted.",
    MatchException.Resolution.RETURNED: "The invoice goes back to the vendor.",
    MatchException.Resolution.WAITED: "The invoice waits for its receipt.",
}
CHECK_NAMES = {
    "duplicate": "Duplicate",
    "vendor": "Vendor",
    "remit_to": "Account",
    "currency": "Currency",
    "order_state": "Order",
    "line_link": "Order line",
    "unit": "Unit",
    "quantity_ordered": "Quantity against order",
    "quantity_received": "Quantity against receipt",
    "quantity_accepted": "Quantity against acceptance",
    "unit_price": "Unit price",
    "line_amount": "Line amount",
    "cumulative_amount": "All invoices of the line",
    "charges": "Charges",
    "tax": "Tax",
    "invoice_total": "Invoice total",
    "order_total": "Order total",
    "blanket_cap": "Limit of the blanket order",
    "dates": "Dates",
    "budget": "Budget",
    "exchange_rate": "Exchange rate",
}
_RULE = re.compile(r"[A-Z]+(-[A-Z0-9]+)+")
_LINE = re.compile(r"(?:Invoice|CreditNote)Line\[(\d+)\]")
_FIELDS = {"number": "Number", "order_reference": "Order number", "vendor_name": "Vendor"}
_TONES = {"pass": "good", "flag": "wait", "wait": "wait", "exception": "bad", "block": "bad"}
_STOPPED = {
    Invoice.Status.RETURNED,
    Invoice.Status.REJECTED,
    Invoice.Status.VOID,
    Invoice.Status.DISPUTED,
}


def check_name(name: str) -> str:
    return CHECK_NAMES.get(name, name.replace("_", " "))


def checks(run: MatchRun | None) -> list[dict[str, Any]]:
    """Rows of the check table: what stopped the invoice first, then flags, then what passed."""
    if run is None:
        return []
    gravity = list(_TONES)
    rows = [
        {
            "name": check_name(result["check"]),
            "line_number": result["line_number"],
            "outcome": result["outcome"],
            "tone": _TONES[result["outcome"]],
            "sentence": result["sentence"],
            "rule": result["rule"],
        }
        for result in run.results
    ]
    return sorted(rows, key=lambda row: -gravity.index(row["outcome"]))


def life(invoice: Invoice, lines: Sequence[LineTrio]) -> list[dict[str, Any]]:
    """Captured → matched → cleared → paid, and where it stopped if it did."""
    reached = {
        Invoice.Status.CAPTURED: 0,
        Invoice.Status.MATCHING: 1,
        Invoice.Status.IN_EXCEPTION: 1,
        Invoice.Status.MATCHED: 2,
        Invoice.Status.CLEARED: 3,
        Invoice.Status.IN_PAYMENT: 3,
        Invoice.Status.PAID: 4,
    }.get(invoice.status, 1)
    steps = [
        {"label": "Captured", "at": invoice.created_at},
        {"label": "Matched", "note": _ways(lines)},
        {"label": "Cleared", "at": invoice.cleared_at},
        {"label": "Paid"},
    ]
    for position, step in enumerate(steps):
        done = position < reached or (position == 0)
        step["state"] = "done" if done else "next"
    if reached < len(steps):
        steps[max(reached, 1)]["state"] = "failed" if invoice.status in _STOPPED else "now"
    if invoice.status == Invoice.Status.IN_EXCEPTION:
        steps[1] |= {"state": "failed", "note": "needs a decision"}
    if invoice.status in _STOPPED:
        steps[1]["note"] = invoice.get_status_display().lower()
    return steps


def _ways(lines: Sequence[LineTrio]) -> str:
    """How it is matched: 3-way, or each way that its lines are; empty before an order is known."""
    return " and ".join(sorted({each.order_line.match_type for each in lines if each.order_line}))


def comparison(exception: MatchException) -> dict[str, Any]:
    """Order, receipt and invoice side by side; the cell that differs is marked."""
    invoice = exception.invoice
    rows: list[dict[str, Any]] = []
    for trio in trios(invoice):
        if exception.line_id and trio.line.pk != exception.line_id:
            continue
        rows += _line_rows(trio, exception)
    return {
        "columns": ["Order", "Received", "Invoice"],
        "rows": rows,
        "check": check_name(exception.check_name),
        "invoice": invoice,
        "route": ROUTES.get(exception.route, exception.route),
        "arithmetic": _arithmetic(exception),
    }


def _arithmetic(exception: MatchException) -> str:
    """`110.00 − 100.00 = 10.00`, amounts with all their decimals; empty for words."""
    figures = [exception.actual, exception.expected, exception.variance]
    try:
        values = [Decimal(each) for each in figures]
    except InvalidOperation:
        return ""
    if exception.check_name.startswith("quantity"):
        actual, expected, variance = (plain_figure(each) for each in values)
    else:
        units = minor_units(exception.invoice.currency)
        actual, expected, variance = (money(each, units).replace("-", "−") for each in values)
    return f"{actual} − {expected} = {variance}"


def _line_rows(trio: Any, exception: MatchException) -> list[dict[str, Any]]:
    line, ordered = trio.line, trio.order_line
    check = exception.check_name if exception.line_id in (None, line.pk) else ""
    quantity_odd = 2 if check.startswith("quantity") else None
    price_odd = 2 if check == "unit_price" else None
    amount_odd = 2 if check in ("line_amount", "cumulative_amount") else None
    return [
        {"group": f"Line {line.line_number} · {line.description or '–'}"},
        {
            "label": "Quantity",
            "values": [ordered and ordered.quantity, trio.received, line.quantity],
            "kind": "quantity",
            "unit": line.unit,
            "odd": quantity_odd,
        },
        {
            "label": "Billed before",
            "values": [ordered and ordered.billed_quantity, None, None],
            "kind": "quantity",
            "unit": line.unit,
        },
        {
            "label": "Unit price",
            "values": [ordered and ordered.unit_price, None, line.unit_price],
            "kind": "price",
            "odd": price_odd,
        },
        {
            "label": "Net",
            "values": [ordered and ordered.net, None, line.net],
            "kind": "money",
            "odd": amount_odd,
        },
        {
            "label": "Receipts",
            "values": [None, ", ".join(str(each.receipt) for each in trio.receipts), None],
            "kind": "text",
        },
    ]


def faults(errors: Sequence[FieldError]) -> list[dict[str, str]]:
    """What is wrong with a file: the rule of the standard where it is one, the place, the words."""
    return [
        {
            "rule": each.code if _RULE.fullmatch(each.code) else "",
            "place": _place(each.pointer),
            "words": each.detail,
        }
        for each in errors
    ]


def _place(pointer: str) -> str:
    """A pointer in words: /file/Line 3 → Line 3, /lines/2/unit → Line 3, unit, /number → Number.

    Of what cannot be read, the element: Invoice/InvoiceLine[1]/Price → Line 1, Price.
    """
    first, *rest = pointer.strip("/").split("/")
    if first == "file":
        below = rest[1:] if rest and rest[0] in ("Invoice", "CreditNote") else rest
        return ", ".join(_LINE.sub(r"Line \1", each) for each in below)
    if rest and rest[0].isdecimal():
        name = f"{first.removesuffix('s').capitalize()} {int(rest[0]) + 1}"
        return ", ".join([name, *(each.replace("_", " ") for each in rest[1:])])
    return _FIELDS.get(first, first.replace("_", " ").capitalize())
