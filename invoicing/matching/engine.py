"""The match: every check runs, so that a clerk sees every reason at once."""

import hashlib
import json
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Context, Decimal, localcontext
from typing import Any

from .case import Case
from .checks import IN_ORDER
from .types import (
    BLOCK,
    BLOCKED,
    EXCEPTION,
    IN_EXCEPTION,
    MATCHED,
    WAIT,
    WAITING,
    CheckResult,
    MatchInput,
    MatchOutcome,
)

# Wide enough that products of the longest stored prices and quantities stay exact.
EXACT = Context(prec=50)


def match(given: MatchInput) -> MatchOutcome:
    """Judge an invoice against its order. Pure: same input, same outcome; changes nothing."""
    with localcontext(EXACT):
        case = Case(given)
        results = tuple(result for check in IN_ORDER for result in check(case))
    return MatchOutcome(_overall(results), results)


def _overall(results: tuple[CheckResult, ...]) -> str:
    outcomes = {result.outcome for result in results}
    if BLOCK in outcomes:
        return BLOCKED
    if EXCEPTION in outcomes:
        return IN_EXCEPTION
    return WAITING if WAIT in outcomes else MATCHED


def inputs_hash(given: MatchInput) -> str:
    """SHA-256 of the input in canonical JSON: equal inputs, equal hash, however they are spelled.

    10.0 and 10.00 are one figure; the order of lines, charges and tolerances does not count.
    """
    text = json.dumps(_canonical(given), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(EXACT), "f") if value else "0"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return sorted((_canonical(item) for item in value), key=_as_text)
    if is_dataclass(value):
        return {entry.name: _canonical(getattr(value, entry.name)) for entry in fields(value)}
    return value


def _as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
