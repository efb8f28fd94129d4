"""Facts for match tests: the order of the oracle tables (100 EA at 10.00) and its invoices."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from invoicing.matching import (
    CheckResult,
    InvoiceFacts,
    InvoiceLine,
    MatchInput,
    MatchOutcome,
    OrderFacts,
    OrderLine,
    Tolerance,
)


def d(value: str | int) -> Decimal:
    return Decimal(value)


def order_line(**changes) -> OrderLine:
    line = OrderLine(
        id="L1",
        line_number="1",
        quantity=d(100),
        unit="EA",
        unit_price=d("10.00"),
        net=d("1000.00"),
        received=d(100),
    )
    return replace(line, **changes)


def order(*lines: OrderLine, **changes) -> OrderFacts:
    lines = lines or (order_line(),)
    facts = OrderFacts(
        number="PO-2026-000001",
        status="issued",
        vendor="nordwind",
        currency="EUR",
        lines=lines,
        total=sum((line.net for line in lines), d(0)),
        billed_total=sum((line.billed_amount for line in lines), d(0)),
        issued_on=date(2026, 3, 2),
    )
    return replace(facts, **changes)


def billed(
    quantity: str | int | None,
    price: str | None = "10.00",
    *,
    net: str | None = None,
    number: str = "1",
    order_line: str | None = "L1",
    **changes,
) -> InvoiceLine:
    amount = d(net) if net else d(quantity) * d(price)
    line = InvoiceLine(
        line_number=number,
        order_line=order_line,
        quantity=None if quantity is None else d(quantity),
        unit="EA",
        unit_price=None if price is None else d(price),
        net=amount,
    )
    return replace(line, **changes)


def invoice(*lines: InvoiceLine, **changes) -> InvoiceFacts:
    facts = InvoiceFacts(
        number="R-77",
        kind="invoice",
        vendor="nordwind",
        currency="EUR",
        issue_date=date(2026, 3, 20),
        lines=lines,
    )
    return replace(facts, **changes)


def given(invoice_facts: InvoiceFacts, order_facts: OrderFacts | None = None, **changes):
    facts = MatchInput(
        invoice=invoice_facts,
        order=order() if order_facts is None else order_facts,
        today=date(2026, 3, 21),
    )
    return replace(facts, **changes)


def two_percent_and_fifteen() -> tuple[Tolerance, ...]:
    return (
        Tolerance("line_amount", percent=d(2), absolute=d(15), combine="AND", name="lines 2 %/15"),
    )


def results(outcome: MatchOutcome, check: str) -> list[CheckResult]:
    return [result for result in outcome.results if result.check == check]


def result(outcome: MatchOutcome, check: str) -> CheckResult:
    found = results(outcome, check)
    assert len(found) == 1, found
    return found[0]


def failing(outcome: MatchOutcome) -> set[str]:
    return {result.check for result in outcome.exceptions}
