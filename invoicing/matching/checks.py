"""The checks of the whole document, and the order in which all checks run."""

from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal

from . import line_checks, party_checks, words
from .case import KEPT, ZERO, Case, compared, stated
from .types import (
    AP,
    AP_MANAGER,
    BLOCK,
    BUYER,
    EXCEPTION,
    FLAG,
    PASS,
    Charge,
    CheckResult,
    InvoiceLine,
    TaxRow,
    Twin,
)

HUNDRED = Decimal(100)

# What each tier of the duplicate rules means for the match. D2 asks a person for a reason.
DUPLICATE_TIERS = {
    "D1": (BLOCK, AP, "This vendor's number {} was invoiced before."),
    "D2": (EXCEPTION, AP, "This vendor used the number {} in another year."),
    "D3": (FLAG, AP, "Same vendor, amount and date as invoice {}."),
    "D4": (FLAG, AP, "Same order lines and amount, or nearly the same number, as invoice {}."),
    "D5": (EXCEPTION, AP_MANAGER, "Another vendor with this account or tax id sent invoice {}."),
    "D6": (BLOCK, AP, "The very same file came as invoice {}."),
}

# An order in one of these states may be billed, or credited.
BILLABLE = frozenset({"issued"})
CREDITABLE = frozenset({"issued", "on_hold", "closed"})


def check_duplicate(case: Case) -> Iterator[CheckResult]:
    """No earlier invoice looks like this one."""
    if not case.given.duplicates:
        yield stated("duplicate", PASS, "No earlier invoice looks like this one.", route=AP)
    for twin in sorted(case.given.duplicates, key=lambda twin: (twin.tier, twin.number)):
        yield _twin(twin)


def check_currency(case: Case) -> Iterator[CheckResult]:
    """One currency from order to invoice."""
    if case.order is None:
        return
    same = case.currency == case.order.currency
    yield stated(
        "currency",
        PASS if same else EXCEPTION,
        f"Billed in {case.currency}"
        + (" as ordered." if same else f", ordered in {case.order.currency}."),
        route=AP,
        expected=case.order.currency,
        actual=case.currency,
    )


def check_order_state(case: Case) -> Iterator[CheckResult]:
    """There is an order, and it can be billed: a blanket order is billed by its releases."""
    if case.order is None:
        reference = case.invoice.order_reference
        sentence = (
            f"No order {reference} was found." if reference else "The invoice names no order."
        )
        yield stated("order_state", EXCEPTION, sentence, route=AP, actual=reference)
        return
    if case.order.releases is not None:
        named = ", ".join(case.order.releases) or "none yet"
        yield stated(
            "order_state",
            EXCEPTION,
            f"{case.order.number} is a blanket order and gets no invoices itself. Name the release "
            f"that was delivered ({named}).",
            route=AP,
            expected="release",
            actual="blanket",
        )
        return
    status = case.order.status
    allowed = status in (CREDITABLE if case.credit else BILLABLE)
    state = status.replace("_", " ")
    yield stated(
        "order_state",
        PASS if allowed else EXCEPTION,
        f"Order {case.order.number} is {state}" + ("." if allowed else " and cannot be billed."),
        route=BUYER,
        expected="issued",
        actual=status,
    )


def check_charges(case: Case) -> Iterator[CheckResult]:
    """Freight and other charges of the document that the order does not name."""
    if case.order is None or case.credit:
        return
    charged = [charge for charge in case.invoice.charges if charge.charge]
    actual = sum((charge.amount for charge in charged), ZERO)
    expected = case.order.charges
    over = actual - expected
    verdict = case.verdict("charges", over, expected)
    sentence = f"Charges of {case.money(actual)}" if charged else "No charges"
    if over > ZERO:
        reasons = words.listed(sorted({charge.reason or "no reason" for charge in charged}))
        sentence += (
            f" ({reasons}); the order allows {case.money(expected)}: {case.money(over)} more "
            f"(tolerance {verdict.limit})"
        )
    yield compared(
        "charges",
        None,
        verdict,
        expected=expected,
        actual=actual,
        measure=case.currency,
        route=BUYER,
        sentence=f"{sentence}.",
    )


def check_tax(case: Case) -> Iterator[CheckResult]:
    """Tax recomputed per category on the summed base, never per line."""
    for row in sorted(case.invoice.tax_breakdown, key=lambda row: (row.category, str(row.percent))):
        yield _tax_row(case, row)
    if case.invoice.tax is None:
        return
    rows = sum((row.tax for row in case.invoice.tax_breakdown), ZERO)
    if case.invoice.tax_breakdown or not case.invoice.tax:
        yield _recomputed(case, "tax", "Tax", expected=rows, actual=case.invoice.tax)
    else:
        yield stated(
            "tax", FLAG, "Tax is stated without its breakdown; it cannot be recomputed.", route=AP
        )


def check_invoice_total(case: Case) -> Iterator[CheckResult]:
    """The document's own totals add up, within the rounding allowance of its lines."""
    invoice = case.invoice
    net = sum((line.net for line in case.lines), ZERO)
    for charge in invoice.charges:
        net += charge.amount if charge.charge else -charge.amount
    if invoice.net is not None:
        yield _recomputed(case, "invoice_total", "Net total", expected=net, actual=invoice.net)
        net = invoice.net
    gross = net + (invoice.tax or ZERO)
    if invoice.gross is not None:
        yield _recomputed(case, "invoice_total", "Total", expected=gross, actual=invoice.gross)
        gross = invoice.gross
    if invoice.payable is not None:
        yield _recomputed(
            case, "invoice_total", "Amount due", expected=gross, actual=invoice.payable
        )


def check_order_total(case: Case) -> Iterator[CheckResult]:
    """All invoices together keep the order's total.

    Without a rule of its own, what single lines run over is not counted again: it was judged, and
    allowed or stopped, by their own checks.
    """
    order = case.order
    if order is None or case.credit:
        return
    expected = order.total + order.charges
    actual = order.billed_total + _net_and_charges(case)
    over = actual - expected
    if not case.limits.has("order_total", "over"):
        over -= _judged_by_lines(case)
    allowance = case.given.rounding_allowance * max(1, len(case.lines))
    verdict = case.verdict("order_total", over, expected) if over > allowance else KEPT
    sentence = f"Billed {case.money(actual)} in all; the order's total is {case.money(expected)}"
    if verdict.outcome != PASS:
        sentence += f": {case.money(actual - expected)} more (tolerance {verdict.limit})"
    yield compared(
        "order_total",
        None,
        verdict,
        expected=expected,
        actual=actual,
        measure=case.currency,
        route=AP,
        sentence=f"{sentence}.",
    )


def check_blanket_cap(case: Case) -> Iterator[CheckResult]:
    """All invoices on all releases keep the limit of their blanket order. It counts everything."""
    cap = case.order.cap if case.order is not None else None
    if cap is None or case.credit:
        return
    actual = cap.billed + _net_and_charges(case)
    over = actual - cap.limit
    allowance = case.given.rounding_allowance * max(1, len(case.lines))
    verdict = case.verdict("blanket_cap", over, cap.limit) if over > allowance else KEPT
    sentence = (
        f"Billed {case.money(actual)} in all under {cap.number}; its limit is "
        f"{case.money(cap.limit)}"
    )
    if verdict.outcome != PASS:
        sentence += f": {case.money(over)} more (tolerance {verdict.limit})"
    yield compared(
        "blanket_cap",
        None,
        verdict,
        expected=cap.limit,
        actual=actual,
        measure=case.currency,
        route=BUYER,
        sentence=f"{sentence}.",
    )


def _net_and_charges(case: Case) -> Decimal:
    sums = [line.net for line in case.lines]
    sums += [each.amount if each.charge else -each.amount for each in case.invoice.charges]
    return sum(sums, ZERO)


def check_dates(case: Case) -> Iterator[CheckResult]:
    """Not billed before the order was placed, nor after it expired. Both days count as inside."""
    order, issued = case.order, case.invoice.issue_date
    if order is None or case.credit:
        return
    starts = [day for day in (order.issued_on, order.valid_from) if day is not None]
    first, last = (min(starts) if starts else None), order.valid_to
    if first is not None and issued < first:
        outcome = EXCEPTION
        sentence = f"Dated {words.day(issued)}, before order {order.number} of {words.day(first)}."
    elif last is not None and issued > last:
        outcome = EXCEPTION
        sentence = (
            f"Dated {words.day(issued)}, after order {order.number} ended on {words.day(last)}."
        )
    elif issued > case.given.today:
        outcome, sentence = FLAG, f"Dated {words.day(issued)}, which is still to come."
    else:
        outcome = PASS
        sentence = f"Dated {words.day(issued)}, within the life of order {order.number}."
    yield stated(
        "dates",
        outcome,
        sentence,
        route=BUYER,
        expected=" – ".join(str(day) if day else "…" for day in (first, last)),
        actual=str(issued),
    )


Check = Callable[[Case], Iterator[CheckResult]]

IN_ORDER: tuple[Check, ...] = (
    check_duplicate,
    party_checks.check_vendor,
    party_checks.check_remit_to,
    check_currency,
    check_order_state,
    line_checks.check_line_link,
    line_checks.check_unit,
    line_checks.check_quantity_ordered,
    line_checks.check_quantity_received,
    line_checks.check_quantity_accepted,
    line_checks.check_unit_price,
    line_checks.check_line_amount,
    line_checks.check_cumulative_amount,
    check_charges,
    check_tax,
    check_invoice_total,
    check_order_total,
    check_blanket_cap,
    check_dates,
)


def _twin(twin: Twin) -> CheckResult:
    outcome, route, sentence = DUPLICATE_TIERS[twin.tier]
    return stated(
        "duplicate",
        outcome,
        sentence.format(twin.number),
        route=route,
        actual=twin.number,
        rule=twin.tier,
    )


def _recomputed(
    case: Case, check: str, name: str, *, expected: Decimal, actual: Decimal
) -> CheckResult:
    variance = actual - expected
    allowance = case.given.rounding_allowance * max(1, len(case.lines))
    verdict = KEPT if abs(variance) <= allowance else case.verdict(check, variance, expected)
    sentence = f"{name} {case.money(actual)}"
    if variance:
        sentence += (
            f", recomputed {case.money(expected)}: {case.money(abs(variance))} "
            f"{'more' if variance > ZERO else 'less'} (rounding {case.money(allowance)})"
        )
    else:
        sentence += " as recomputed"
    return compared(
        check,
        None,
        verdict,
        expected=expected,
        actual=actual,
        measure=case.currency,
        route=AP,
        sentence=f"{sentence}.",
    )


def _tax_row(case: Case, row: TaxRow) -> CheckResult:
    percent = row.percent if row.percent is not None else _percent_of_lines(case, row)
    if percent is None:
        outcome = FLAG if row.tax else PASS
        sentence = f"Tax {row.category} {case.money(row.tax)} is stated without a rate."
        return stated("tax", outcome, sentence, route=AP)
    base = _tax_base(case, row)
    quantum = Decimal(1).scaleb(-case.given.minor_units)
    expected = (base * percent / HUNDRED).quantize(quantum, rounding=ROUND_HALF_UP)
    name = f"Tax {row.category} {words.number(percent)} % on {case.money(base)}"
    if base != row.taxable:
        name += f" (stated base {case.money(row.taxable)})"
    return _recomputed(case, "tax", f"{name}:", expected=expected, actual=row.tax)


def _percent_of_lines(case: Case, row: TaxRow) -> Decimal | None:
    """The one rate of all lines of a category, where the breakdown leaves it out."""
    rates = {line.tax_percent for line in case.lines if line.tax_category == row.category}
    return rates.pop() if len(rates) == 1 else None


def _tax_base(case: Case, row: TaxRow) -> Decimal:
    """Lines + charges − allowances of a row's category; what names none belongs to the only row.

    Where something cannot be assigned, the stated base has to do.
    """
    only = len(case.invoice.tax_breakdown) == 1
    base = ZERO
    signed: list[tuple[InvoiceLine | Charge, Decimal]] = [(line, line.net) for line in case.lines]
    signed += [(c, c.amount if c.charge else -c.amount) for c in case.invoice.charges]
    for item, amount in signed:
        if not item.tax_category and not only:
            return row.taxable
        same_rate = None in (item.tax_percent, row.percent) or item.tax_percent == row.percent
        if only or (item.tax_category == row.category and same_rate):
            base += amount
    return base


def _judged_by_lines(case: Case) -> Decimal:
    now = {group.order_line.id: group.net for group in case.groups}
    overs = (
        line.billed_amount + now.get(line.id, ZERO) - line.net
        for line in (case.order.lines if case.order else ())
    )
    return sum((over for over in overs if over > ZERO), ZERO)
