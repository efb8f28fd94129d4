"""The checks of single lines, in their order: link, unit, quantities, price, amounts."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from core import units

from . import words
from .case import KEPT, ZERO, Case, Group, compared, stated
from .tolerance import Verdict
from .types import (
    AP,
    BUYER,
    EXCEPTION,
    FLAG,
    PASS,
    RECEIVER,
    WAIT,
    CheckResult,
    InvoiceLine,
    OrderLine,
)


def check_line_link(case: Case) -> Iterator[CheckResult]:
    """Every line bills a line of the order."""
    if case.order is None:
        return
    known: dict[str | None, OrderLine] = {line.id: line for line in case.order.lines}
    for line in case.lines:
        order_line = known.get(line.order_line)
        if order_line is None:
            outcome = EXCEPTION
            sentence = f"Line {line.line_number} bills no line of order {case.order.number}."
        else:
            outcome = PASS
            sentence = f"Bills line {order_line.line_number} of order {case.order.number}."
        yield stated(
            "line_link",
            outcome,
            sentence,
            route=AP,
            actual=order_line.line_number if order_line else None,
            line_number=line.line_number,
        )


def check_unit(case: Case) -> Iterator[CheckResult]:
    """Billed in the unit in which it was ordered; a line that names no unit is only flagged."""
    for group in case.groups:
        if group.by_amount:
            continue
        ordered = group.order_line.unit
        for line in group.lines:
            if not line.unit:
                outcome, sentence = FLAG, f"No unit is stated; taken as {units.name(ordered)}."
            elif line.unit.upper() != ordered.upper():
                outcome = EXCEPTION
                sentence = f"Billed in {units.name(line.unit)}, ordered in {units.name(ordered)}."
            else:
                outcome, sentence = PASS, f"Billed in {units.name(ordered)} as ordered."
            yield stated(
                "unit",
                outcome,
                sentence,
                route=AP,
                expected=ordered,
                actual=line.unit,
                line_number=line.line_number,
            )


def check_quantity_ordered(case: Case) -> Iterator[CheckResult]:
    """Billed so far and now ≤ ordered; credited now ≤ billed before."""
    for group in case.groups:
        missing = _quantity_missing(case, group)
        if missing:
            yield missing
        elif case.credit:
            yield from _credited(case, group)
        else:
            order_line = group.order_line
            ordered = order_line.net if group.by_amount else order_line.quantity
            result = _billed_against(case, group, "quantity_ordered", "ordered", ordered)
            yield _below_nothing(case, group) or result


def check_quantity_received(case: Case) -> Iterator[CheckResult]:
    """Three- and four-way: billed so far and now ≤ received."""
    yield from _against_receipts(case, "quantity_received", "received", ("3-way", "4-way"))


def check_quantity_accepted(case: Case) -> Iterator[CheckResult]:
    """Four-way: billed so far and now ≤ accepted."""
    yield from _against_receipts(case, "quantity_accepted", "accepted", ("4-way",))


def check_unit_price(case: Case) -> Iterator[CheckResult]:
    """Dearer than ordered within limits; cheaper passes, flagged beyond its own limit.

    A credit for returned goods is compared with the price they were billed at.
    """
    for group, line, quantity in _priced_lines(case):
        if line.unit_price is None:
            continue
        expected = _expected_price(case, group.order_line)
        actual = line.unit_price / line.price_base_quantity
        variance = actual - expected
        against_us = variance
        if case.credit:  # to our disadvantage is less, and the average billed price is a quotient
            is_rounding = abs(variance * quantity) <= case.given.rounding_allowance
            against_us = ZERO if is_rounding else -variance
        verdict = case.verdict("unit_price", against_us, expected, group.order_line)
        yield compared(
            "unit_price",
            line.line_number,
            verdict,
            expected=expected,
            actual=actual,
            measure=case.currency,
            route=BUYER,
            sentence=_price_sentence(case, group, expected, actual, verdict),
        )


def check_line_amount(case: Case) -> Iterator[CheckResult]:
    """The line's net beside its quantity at the order price; rounding has its own allowance."""
    for group, line, quantity in _priced_lines(case):
        expected = quantity * _expected_price(case, group.order_line)
        variance = line.net - expected
        verdict = _amount_verdict(case, "line_amount", variance, expected, group.order_line)
        if variance:
            unit = units.short(line.unit or group.order_line.unit, quantity)
            sentence = (
                f"Net {case.money(line.net)} for {words.number(quantity)} {unit}; "
                f"at the {case.basis} "
                f"price that is {case.money(expected)}: {_difference(case, variance, expected)} "
                f"(tolerance {verdict.limit})."
            )
        else:
            sentence = f"Net {case.money(line.net)} as at the {case.basis} price."
        yield compared(
            "line_amount",
            line.line_number,
            verdict,
            expected=expected,
            actual=line.net,
            measure=case.currency,
            route=BUYER,
            sentence=sentence,
        )


def check_cumulative_amount(case: Case) -> Iterator[CheckResult]:
    """The price differences of all invoices of an order line together keep the line's limit."""
    for group in case.groups:
        if group.by_amount:
            continue
        if case.credit:
            yield _credited_amount(case, group)
            continue
        price = _order_price(group.order_line)
        before = group.order_line
        at_price = (before.billed_quantity + group.quantity) * price
        actual = before.billed_quantity * price + before.price_variance + group.net
        # A line without a quantity is compared by its net: it is reported there, not twice here.
        if any(line.quantity is None for line in group.lines):
            continue
        variance = actual - at_price
        verdict = _amount_verdict(case, "cumulative_amount", variance, at_price, before)
        if variance:
            sentence = (
                f"All invoices of order line {before.line_number} together come to "
                f"{case.money(actual)}; at the order price that is {case.money(at_price)}: "
                f"{_difference(case, variance, at_price)} (tolerance {verdict.limit})."
            )
        else:
            sentence = f"All invoices of order line {before.line_number} are at the order price."
        yield compared(
            "cumulative_amount",
            group.line_number,
            verdict,
            expected=at_price,
            actual=actual,
            measure=case.currency,
            route=BUYER,
            sentence=sentence,
        )


def _quantity_missing(case: Case, group: Group) -> CheckResult | None:
    if group.by_amount or all(line.quantity is not None for line in group.lines):
        return None
    sentence = "No quantity is stated, but the order line is billed by quantity."
    return stated("quantity_ordered", EXCEPTION, sentence, route=AP, line_number=group.line_number)


def _billed(group: Group) -> tuple[Decimal, Decimal]:
    """Billed before, and before and now together, in the measure of the order line."""
    line = group.order_line
    if group.by_amount:
        return line.billed_amount, line.billed_amount + group.net
    return line.billed_quantity, line.billed_quantity + group.quantity


def _measured(case: Case, group: Group, value: Decimal) -> str:
    if group.by_amount:
        return case.money(value)
    return f"{words.number(value)} {units.short(group.order_line.unit, value)}"


def _billed_against(
    case: Case, group: Group, check: str, word: str, expected: Decimal
) -> CheckResult:
    before, total = _billed(group)
    over = total - expected
    # Billing less than ordered or received is the normal case: there is no limit below.
    verdict = case.verdict(check, over, expected, group.order_line) if over > ZERO else KEPT
    billed = f"Billed {_measured(case, group, total - before)}"
    if before:
        billed += (
            f" after {_measured(case, group, before)}, {_measured(case, group, total)} together"
        )
    sentence = f"{billed}, {word} {_measured(case, group, expected)}"
    if over > ZERO:
        more = _measured(case, group, over)
        sentence += f": {more} more than {word} (tolerance {verdict.limit})"
    return compared(
        check,
        group.line_number,
        verdict,
        expected=expected,
        actual=total,
        measure=case.currency if group.by_amount else group.order_line.unit,
        route=RECEIVER,
        sentence=f"{sentence}.",
    )


def _below_nothing(case: Case, group: Group) -> CheckResult | None:
    """A negative line that takes back more than was ever billed."""
    before, total = _billed(group)
    if total >= ZERO:
        return None
    return compared(
        "quantity_ordered",
        group.line_number,
        Verdict(EXCEPTION, "0", ""),
        expected=before,
        actual=before - total,
        measure=case.currency if group.by_amount else group.order_line.unit,
        route=RECEIVER,
        sentence=(
            f"Takes back {_measured(case, group, before - total)}, but only "
            f"{_measured(case, group, before)} were billed before."
        ),
    )


def _against_receipts(
    case: Case, check: str, word: str, match_types: tuple[str, ...]
) -> Iterator[CheckResult]:
    if case.credit:
        return
    for group in case.groups:
        line = group.order_line
        if line.match_type not in match_types or _quantity_missing(case, group):
            continue
        arrived = line.received if word == "received" else line.accepted
        result = _billed_against(case, group, check, word, arrived)
        until = case.given.waiting_until
        if until and result.outcome not in (PASS, FLAG) and _may_wait(case, group, until, arrived):
            result = result._replace(
                outcome=WAIT,
                sentence=f"Nothing {word} yet for what is billed; waits until {words.day(until)}.",
            )
        yield _more_than_ordered(case, group, result, arrived)


def _may_wait(case: Case, group: Group, until: date, arrived: Decimal) -> bool:
    """An invoice before its receipt waits while its window is open.

    It came before the receipt when nothing that arrived is still unbilled. Where a part arrived,
    the rest is a difference that a person should see at once.
    """
    before, _ = _billed(group)
    return case.given.today <= until and arrived <= before


def _more_than_ordered(
    case: Case, group: Group, result: CheckResult, arrived: Decimal
) -> CheckResult:
    ordered = group.order_line.net if group.by_amount else group.order_line.quantity
    _, billed = _billed(group)
    if result.outcome != PASS or arrived <= ordered or billed > ordered:
        return result
    surplus = _measured(case, group, arrived - ordered)
    return result._replace(
        outcome=FLAG, sentence=f"{result.sentence[:-1]}; {surplus} more arrived than was ordered."
    )


def _credited(case: Case, group: Group) -> Iterator[CheckResult]:
    if group.by_amount:
        yield _credited_amount(case, group)
        return
    billed = group.order_line.billed_quantity
    over = group.quantity - billed
    sentence = (
        f"Credited {_measured(case, group, group.quantity)}, "
        f"billed before {_measured(case, group, billed)}"
    )
    if over > ZERO:
        sentence += f": {_measured(case, group, over)} more than was billed"
    yield compared(
        "quantity_ordered",
        group.line_number,
        Verdict(EXCEPTION, "0", "") if over > ZERO else KEPT,
        expected=billed,
        actual=group.quantity,
        measure=group.order_line.unit,
        route=RECEIVER,
        sentence=f"{sentence}.",
    )


def _credited_amount(case: Case, group: Group) -> CheckResult:
    billed = group.order_line.billed_amount
    over = group.net - billed > case.given.rounding_allowance * len(group.lines)
    sentence = f"Credited {case.money(group.net)}, billed before {case.money(billed)}"
    if over:
        sentence += f": {case.money(group.net - billed)} more than was billed"
    return compared(
        "quantity_ordered" if group.by_amount else "cumulative_amount",
        group.line_number,
        Verdict(EXCEPTION, "0", "") if over else KEPT,
        expected=billed,
        actual=group.net,
        measure=case.currency,
        route=BUYER,
        sentence=f"{sentence}.",
    )


# ---- prices and amounts


def _priced_lines(case: Case) -> Iterator[tuple[Group, InvoiceLine, Decimal]]:
    """Lines whose price can be compared: by quantity, and not a credit of money only."""
    for group in case.groups:
        if group.by_amount:
            continue
        for line in group.lines:
            if line.quantity is not None and case.counts(line):
                yield group, line, line.quantity


def _order_price(line: OrderLine) -> Decimal:
    if line.price_base_quantity == 1:
        return line.unit_price
    return line.unit_price / line.price_base_quantity


def _expected_price(case: Case, line: OrderLine) -> Decimal:
    if case.credit and line.billed_quantity > ZERO:
        return line.billed_amount / line.billed_quantity
    return _order_price(line)


def _amount_verdict(
    case: Case, check: str, variance: Decimal, expected: Decimal, line: OrderLine
) -> Verdict:
    if abs(variance) <= case.given.rounding_allowance:
        variance = ZERO
    return case.verdict(check, -variance if case.credit else variance, expected, line)


def _difference(case: Case, variance: Decimal, expected: Decimal) -> str:
    share = words.percent(variance, expected)
    share_text = "" if share is None else f" ({words.number(abs(share))} %)"
    return f"{case.money(abs(variance))}{share_text} {'more' if variance > ZERO else 'less'}"


def _price_sentence(
    case: Case, group: Group, expected: Decimal, actual: Decimal, verdict: Verdict
) -> str:
    done, before = ("Credited", "billed") if case.credit else ("Billed", "ordered")
    unit = units.name(group.order_line.unit)
    variance = actual - expected
    if not variance:
        return f"{done} at {case.money(actual)} per {unit} as {before}."
    share = words.percent(variance, expected)
    share_text = "" if share is None else f" ({words.number(abs(share))} %)"
    return (
        f"{done} at {case.money(actual)} per {unit}, {before} at "
        f"{case.money(expected)}: {case.money(abs(variance))}{share_text} "
        f"{'dearer' if variance > ZERO else 'cheaper'} (tolerance {verdict.limit})."
    )
