"""Which limit holds for a check, and whether a variance keeps it."""

from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from . import words
from .types import EXCEPTION, FLAG, GRAVITY, PASS, Tolerance

HUNDRED = Decimal(100)
EXACT = Decimal(0)

# An action as the outcome beyond the limit: "pass" still shows.
OUTCOME_BEYOND = {"pass": FLAG, "exception": EXCEPTION, "block": "block"}

# Checks in which too little is as wrong as too much when no rule says otherwise.
TWO_SIDED = frozenset({"tax", "invoice_total"})


class Limit(NamedTuple):
    """A tolerance made ready: its words and the outcome beyond it."""

    percent: Decimal | None
    absolute: Decimal | None
    either: bool
    beyond: str
    text: str
    rule: str


class Verdict(NamedTuple):
    """How a variance stands against its limits; the limit and rule that decided."""

    outcome: str
    limit: str
    rule: str


def _per_unit(rule: Tolerance) -> Tolerance:
    """What a line rule says about the price: its percentage, unless an amount may do instead."""
    either = rule.combine.upper() == "OR" and rule.absolute is not None
    return replace(rule, absolute=None, percent=None if either else rule.percent)


def _limit(tolerance: Tolerance) -> Limit:
    return Limit(
        percent=tolerance.percent,
        absolute=tolerance.absolute,
        either=tolerance.combine.upper() == "OR",
        beyond=OUTCOME_BEYOND[tolerance.action],
        text=words.limit(tolerance),
        rule=tolerance.name,
    )


NO_LIMIT = (Limit(None, None, False, FLAG, words.NO_LIMIT, ""),)
EXACTLY = (Limit(EXACT, EXACT, False, EXCEPTION, "0", ""),)


class Limits:
    """The limits of one match, by check and direction.

    Where a check has no rule of its own: more than expected must be exact, less has no limit
    (figures recomputed from the document itself must be exact both ways). The cumulative amount
    follows the rules of the line amount; the unit price follows their percentage, for their
    absolute part belongs to the line as a whole and is tested there.
    """

    def __init__(self, tolerances: tuple[Tolerance, ...]):
        self._rules: dict[tuple[str, str], tuple[Limit, ...]] = {}
        by_key: dict[tuple[str, str], list[Tolerance]] = {}
        for tolerance in sorted(tolerances, key=repr):
            by_key.setdefault((tolerance.check, tolerance.direction), []).append(tolerance)
        for direction in ("over", "under"):
            line_rules = by_key.get(("line_amount", direction), [])
            by_key.setdefault(("cumulative_amount", direction), list(line_rules))
            by_key.setdefault(("unit_price", direction), [_per_unit(rule) for rule in line_rules])
        for key, rules in by_key.items():
            if rules:
                self._rules[key] = tuple(_limit(rule) for rule in rules)

    def has(self, check: str, direction: str) -> bool:
        """Whether a rule was set for this check and direction."""
        return (check, direction) in self._rules

    def of(self, check: str, direction: str) -> tuple[Limit, ...]:
        """The limits that apply."""
        rules = self._rules.get((check, direction))
        if rules is not None:
            return rules
        return EXACTLY if direction == "over" or check in TWO_SIDED else NO_LIMIT


@lru_cache(maxsize=512)
def limits(tolerances: tuple[Tolerance, ...]) -> Limits:
    """Limits of a tolerance set; sets repeat from invoice to invoice."""
    return Limits(tolerances)


def exceeds(limit: Limit, variance: Decimal, base: Decimal) -> bool:
    """Whether a variance (≥ 0) lies beyond the limit. Unrounded; exactly on the limit passes.

    Multiplied out rather than divided, so that no rounding of a percentage decides.
    """
    over_percent = limit.percent is not None and variance * HUNDRED > limit.percent * base
    over_absolute = limit.absolute is not None and variance > limit.absolute
    if limit.either and limit.percent is not None and limit.absolute is not None:
        return over_percent and over_absolute
    return over_percent or over_absolute


def judge(rules: tuple[Limit, ...], variance: Decimal, base: Decimal) -> Verdict:
    """The gravest outcome of all limits for a variance of this size on this base."""
    worst, decided = PASS, rules[0]
    for limit in rules:
        if exceeds(limit, variance, base) and GRAVITY[limit.beyond] > GRAVITY[worst]:
            worst, decided = limit.beyond, limit
    return Verdict(worst, decided.text, decided.rule)
