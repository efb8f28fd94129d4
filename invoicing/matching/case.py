"""One match in preparation: lines in stable order, linked and grouped by order line."""

from decimal import Decimal
from typing import NamedTuple

from . import words
from .tolerance import Limits, Verdict, judge, limits
from .types import (
    CREDIT_NOTE,
    PASS,
    CheckResult,
    InvoiceLine,
    MatchInput,
    OrderLine,
)

ZERO = Decimal(0)
QUANTITY = "quantity"


class Group(NamedTuple):
    """All lines of the document that bill one order line, judged together: a line cut in two
    must not slip under a limit that the whole would break."""

    order_line: OrderLine
    lines: tuple[InvoiceLine, ...]
    quantity: Decimal  # of lines that state one; on credit notes only where goods go back
    net: Decimal

    @property
    def line_number(self) -> str:
        """Number shown with a result about the whole group: that of its last line."""
        return self.lines[-1].line_number

    @property
    def by_amount(self) -> bool:
        """Whether the order line is measured in money."""
        return self.order_line.basis == "amount"


def _stable(line: InvoiceLine) -> tuple:
    return (len(line.line_number), line.line_number, str(line.net), str(line.quantity))


class Case:
    """What the checks look at."""

    __slots__ = (
        *("by_line", "credit", "currency", "given", "groups", "invoice", "limits", "lines"),
        "order",
    )

    def __init__(self, given: MatchInput):
        self.given = given
        self.invoice = given.invoice
        self.order = given.order
        self.currency = given.invoice.currency
        self.credit = given.invoice.kind == CREDIT_NOTE
        self.limits: Limits = limits(given.tolerances)
        self.by_line: dict[str, Limits] = self._scoped()
        self.lines = sorted(given.invoice.lines, key=_stable)
        self.groups = self._grouped()

    def _scoped(self) -> dict[str, Limits]:
        """The limits of each order line, where rules are for some of the lines only."""
        rules = self.given.tolerances
        if self.order is None or all(rule.lines is None for rule in rules):
            return {}
        return {
            line.id: limits(tuple(r for r in rules if r.lines is None or line.id in r.lines))
            for line in self.order.lines
        }

    def _grouped(self) -> list[Group]:
        if self.order is None:
            return []
        order_lines = {line.id: line for line in self.order.lines}
        linked: dict[str, list[InvoiceLine]] = {}
        for line in self.lines:
            if line.order_line in order_lines:
                linked.setdefault(line.order_line, []).append(line)
        return [
            Group(
                order_lines[key],
                tuple(lines),
                sum((line.quantity or ZERO for line in lines if self.counts(line)), ZERO),
                sum((line.net for line in lines), ZERO),
            )
            for key, lines in linked.items()
        ]

    def counts(self, line: InvoiceLine) -> bool:
        """Whether the quantity of a line moves the billed quantity of its order line."""
        return line.quantity is not None and not (self.credit and line.credits != QUANTITY)

    @property
    def basis(self) -> str:
        """The price that a line is held against: what was billed, for a credit note."""
        return "billed" if self.credit else "order"

    def money(self, value: Decimal) -> str:
        """An amount in document currency, in words."""
        return f"{words.money(value, self.given.minor_units)} {self.currency}"

    def verdict(
        self, check: str, variance: Decimal, base: Decimal, line: OrderLine | None = None
    ) -> Verdict:
        """The variance against the limits of its direction: those of the order line, or all."""
        rules = self.by_line.get(line.id, self.limits) if line else self.limits
        if variance < ZERO:
            return judge(rules.of(check, "under"), -variance, abs(base))
        return judge(rules.of(check, "over"), variance, abs(base))


def compared(
    check: str,
    line_number: str | None,
    verdict: Verdict,
    *,
    expected: Decimal,
    actual: Decimal,
    measure: str,
    route: str,
    sentence: str,
) -> CheckResult:
    """A result about two figures."""
    variance = actual - expected
    # By position, in the order of CheckResult: this runs eight times a line.
    return CheckResult(
        check,
        line_number,
        verdict.outcome,
        expected,
        actual,
        variance,
        words.percent(variance, expected) if variance else ZERO,
        measure,
        verdict.limit,
        verdict.rule,
        route,
        sentence,
    )


def stated(
    check: str,
    outcome: str,
    sentence: str,
    *,
    route: str,
    expected: str | None = None,
    actual: str | None = None,
    line_number: str | None = None,
    rule: str = "",
) -> CheckResult:
    """A result about a fact rather than a figure."""
    return CheckResult(
        check=check,
        line_number=line_number,
        outcome=outcome,
        expected=expected,
        actual=actual,
        variance=None,
        variance_percent=None,
        measure="",
        limit="",
        rule=rule,
        route=route,
        sentence=sentence,
    )


KEPT = Verdict(PASS, "0", "")
