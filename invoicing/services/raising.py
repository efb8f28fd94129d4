"""The exceptions of an invoice kept in step with its newest judgement."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from core import events
from core.money import ZERO, to_base
from core.transitions import perform
from invoicing import matching as engine
from invoicing.matching.types import BLOCK
from invoicing.models import Invoice, MatchException, MatchRun

_SETTLED = (MatchException.Status.RESOLVED, MatchException.Status.WAIVED)


def in_words(value: Any) -> str:
    """A figure of a check as it is stored: plain decimals, empty for none."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value else "0"
    return str(value)


def locked_exceptions(invoice: Invoice) -> list[MatchException]:
    """All that stopped a locked invoice so far, settled or not, locked in key order."""
    found = invoice.exceptions.select_related("line")
    return list(found.select_for_update(of=("self",), no_key=True).order_by("pk"))


def not_yet_accepted(
    before: list[MatchException], verdict: engine.MatchOutcome
) -> list[engine.CheckResult]:
    """What stops the invoice, less what a person accepted at these very figures before."""
    accepted = {
        _of_exception(each)
        for each in before
        if each.resolution == MatchException.Resolution.ACCEPTED
    }
    return [
        result
        for result in verdict.exceptions
        if result.outcome == BLOCK or _of_result(result) not in accepted
    ]


def reconcile(
    invoice: Invoice,
    before: list[MatchException],
    run: MatchRun,
    stopping: list[engine.CheckResult],
    *,
    at: datetime,
) -> None:
    """Open what is new, settle what is gone; what still stands at the same figures stays as it is,
    with its owner and its age."""
    standing = {_of_result(result): result for result in stopping}
    kept = set()
    for exception in before:
        if exception.status in _SETTLED:
            continue
        if _of_exception(exception) in standing:
            kept.add(_of_exception(exception))
        else:
            _settle(exception, run, at=at)
    lines = {str(line.line_number): line for line in invoice.lines.all()}
    for key, result in standing.items():
        if key not in kept:
            _open(invoice, run, result, lines.get(result.line_number or ""), at=at)


def _key(check: str, line_number: Any, expected: str, actual: str, sentence: str) -> tuple:
    figures = (expected, actual) if expected or actual else (sentence, "")
    return (check, str(line_number or ""), *figures)


def _of_exception(each: MatchException) -> tuple:
    number = each.line.line_number if each.line else ""
    return _key(each.check_name, number, each.expected, each.actual, each.sentence)


def _of_result(result: engine.CheckResult) -> tuple:
    expected, actual = in_words(result.expected)[:100], in_words(result.actual)[:100]
    return _key(result.check, result.line_number, expected, actual, result.sentence)


def _settle(exception: MatchException, run: MatchRun, *, at: datetime) -> None:
    perform(
        exception.resolve,
        actor=None,
        at=at,
        resolution=MatchException.Resolution.REMATCHED,
        comment="Judged again.",
    )
    exception.save()
    events.publish(
        "match_exception.resolved", exception, actor=None, at=at, data={"run": str(run.pk)}
    )


def _open(
    invoice: Invoice, run: MatchRun, result: engine.CheckResult, line: Any, *, at: datetime
) -> None:
    exception = MatchException(
        entity_id=invoice.entity_id,
        created_at=at,
        invoice=invoice,
        run=run,
        check_name=result.check,
        outcome=result.outcome,
        expected=in_words(result.expected)[:100],
        actual=in_words(result.actual)[:100],
        variance=in_words(result.variance)[:100],
        limit=result.limit[:100],
        rule=result.rule[:100],
        sentence=result.sentence,
        line=line,
        route=result.route,
        value_at_stake=_at_stake(invoice, result, line),
    )
    exception.save()
    events.publish("match_exception.opened", exception, actor=None, at=at)


def _at_stake(invoice: Invoice, result: engine.CheckResult, line: Any) -> Decimal:
    """What accepting would cost in base currency; where no figure says so, all that is billed."""
    if invoice.rate is None:
        return ZERO
    amount = abs(line.net if line else invoice.net)
    if isinstance(result.variance, Decimal):
        amount = abs(result.variance)
        if result.measure != invoice.currency or result.check == "unit_price":
            per_unit = line.unit_price / line.price_base_quantity if line else Decimal(1)
            quantity = line.quantity if line else Decimal(1)
            amount *= abs(quantity) if result.check == "unit_price" else per_unit
    return to_base(amount, rate=invoice.rate, base_currency=invoice.entity.currency)
