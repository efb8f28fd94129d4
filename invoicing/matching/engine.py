"""The match: every check runs, so that a clerk sees every reason at once."""

import hashlib
import json
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Context, Decimal, localcontext
from functools import cache
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
    return hash_of(canonical(given))


def canonical(given: MatchInput) -> dict[str, Any]:
    """The input as plain data for JSON, spelled in the one way that its hash is made of."""
    plain: dict[str, Any] = _plain(given)
    return plain


def hash_of(canonical: dict[str, Any]) -> str:
    """The hash of an input in its canonical form, also of one that was stored as JSON."""
    return hashlib.sha256(_as_text(canonical).encode()).hexdigest()


_as_text = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _plain(value: Any) -> Any:
    kind: Any = type(value)
    if kind is str or value is None:
        return value
    if kind is Decimal:
        return format(value.normalize(EXACT), "f") if value else "0"
    if kind is tuple:
        plain = [_plain(item) for item in value]
        return sorted(plain, key=_as_text) if len(plain) > 1 else plain
    if kind is date:
        return value.isoformat()
    names = _names(kind)
    return {name: _plain(getattr(value, name)) for name in names} if names else value


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(entry.name for entry in fields(kind)) if is_dataclass(kind) else ()
