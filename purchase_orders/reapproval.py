"""Whether a change of an order needs to be approved again, and why (rule of semantics 6).

The change is held against the version in force and against the one that was first approved. Not
needed for less money, for text, or for a day that moves a little.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from accounts.models import Entity
from core.money import HUNDRED, ZERO, round_amount, to_base
from purchase_orders.models import ChangeOrder
from requisitions import tiers

_TERMS = {
    "delivery_terms": "the delivery terms",
    "payment_terms_days": "the payment terms",
    "ship_to": "the address of delivery",
}
_TOTAL, _LIMIT, _MINIMUM = "The total", "The limit", "The minimum"


@dataclass(frozen=True)
class _Case:
    """A change with both versions it is held against, as `changed.stated` makes them."""

    change: ChangeOrder
    before: dict[str, Any]
    after: dict[str, Any]
    first: dict[str, Any]

    @property
    def entity(self) -> Entity:
        return self.change.entity

    @property
    def old_lines(self) -> dict[int, dict[str, Any]]:
        return {line["line_number"]: line for line in self.before["lines"]}

    @property
    def measures(self) -> list[str]:
        """What may rise: the total; of a blanket order its limit, with the allowance, and what we
        promise to buy."""
        if "limit" not in self.before:
            return [_TOTAL]
        versions = (self.before, self.after)
        if all(each["limit"] in (None, each["net"]) for each in versions):
            found = [_TOTAL] if self.before["limit"] is None else [_LIMIT]
        else:
            found = [_TOTAL, _LIMIT]
        return [*found, _MINIMUM]

    def name(self, measure: str) -> str:
        """A measure in words; a limit that may be exceeded is judged with that."""
        shares = (version.get("allowance_percent") for version in (self.before, self.after))
        if measure == _LIMIT and any(share and Decimal(share) for share in shares):
            return "The limit with what it may be exceeded by"
        return measure

    def amount(self, measure: str, version: dict[str, Any]) -> Decimal:
        """What a version comes to by a measure, in base currency."""
        if measure == _TOTAL or "limit" not in version:
            return self.base(version["net"])
        if measure == _MINIMUM:
            return self.base(version["minimum"])
        allowed = (HUNDRED + Decimal(version["allowance_percent"])) / HUNDRED
        return self.base(Decimal(version["limit"]) * allowed)

    def base(self, text: str | Decimal) -> Decimal:
        """An amount of the order in base currency, at the order's rate."""
        rate, currency = self.change.order.rate, self.entity.currency
        return to_base(Decimal(text), rate=rate, base_currency=currency)

    def money(self, amount: Decimal) -> str:
        return f"{round_amount(amount, self.entity.currency):,} {self.entity.currency}"


def needs(change: ChangeOrder, *, first: dict[str, Any]) -> list[str]:
    """Why somebody has to agree, in whole sentences; empty where policy lets it pass.

    `change` knows what it is before and after; `first` is what was first approved. Base currency
    at the order's rate, without tax. Statements: 2.
    """
    case = _Case(change, change.before, change.after, first)
    return [
        *(words for measure in case.measures for words in _more(case, measure)),
        *_vendor(case),
        *_terms(case),
        *_coding(case),
        *_days(case),
    ]


def _more(case: _Case, measure: str) -> Iterator[str]:
    yield from _rise(case, measure)
    yield from _cumulative(case, measure)
    yield from _tier(case, measure)


def _rise(case: _Case, measure: str) -> Iterator[str]:
    """New lines count as a rise even where others fall: nobody agreed to what they buy."""
    before, after = case.amount(measure, case.before), case.amount(measure, case.after)
    new = ZERO if measure != _TOTAL else sum(
        (case.base(line["net"]) for line in case.after["lines"]
         if line["line_number"] not in case.old_lines),
        ZERO,
    )  # fmt: skip
    rise = max(after - before, new)
    by_percent = before * case.entity.change_order_percent / HUNDRED
    allowed = max(by_percent, case.entity.change_order_amount)
    if rise > allowed:
        what = "It adds" if rise > after - before else f"{case.name(measure)} rises by"
        yield f"{what} {case.money(rise)}; up to {case.money(allowed)} needs no approval."


def _cumulative(case: _Case, measure: str) -> Iterator[str]:
    first, before = case.amount(measure, case.first), case.amount(measure, case.before)
    after = case.amount(measure, case.after)
    percent = case.entity.change_order_cumulative_percent
    if after > before and after - first > first * percent / HUNDRED:
        name = case.name(measure)
        what = "the order costs" if measure == _TOTAL else f"{name[0].lower()}{name[1:]} is"
        yield (
            f"With all changes {what} {case.money(after - first)} more than first approved; up to "
            f"{percent.normalize():f} % needs no approval."
        )


def _tier(case: _Case, measure: str) -> Iterator[str]:
    crossed = tiers.highest_crossed(
        case.entity,
        case.change.buyer,
        alone=case.amount(measure, case.before),
        together=case.amount(measure, case.after),
    )
    if crossed is not None:
        name = case.name(measure)
        yield f"{name} reaches {case.money(crossed)}, from where more people are asked."


def _vendor(case: _Case) -> Iterator[str]:
    for name in ("vendor", "currency"):
        if case.before[name] != case.after[name]:
            yield f"The {name} changes."


def _terms(case: _Case) -> Iterator[str]:
    changed = [words for name, words in _TERMS.items() if case.before[name] != case.after[name]]
    if changed:
        yield f"It changes {' and '.join(changed)}."
    least, most = (_bound(case, f"release_{end}") for end in ("minimum", "maximum"))
    if least[0] is not None and (least[1] is None or least[1] < least[0]):
        yield "One release may come to less than was agreed."
    if most[0] is not None and (most[1] is None or most[1] > most[0]):
        yield "One release may come to more than was agreed."


def _bound(case: _Case, name: str) -> list[Decimal | None]:
    """A bound of releases as it is and as it would be."""
    said = (version.get(name) for version in (case.before, case.after))
    return [None if text is None else Decimal(text) for text in said]


def _coding(case: _Case) -> Iterator[str]:
    """Who pays: a line that goes to somebody else, or a new one for who pays nothing yet."""
    paying = {_payer(part) for line in case.before["lines"] for part in line["coding"]}
    for line in case.after["lines"]:
        old = case.old_lines.get(line["line_number"])
        shares = [(*_payer(part), part["percent"]) for part in line["coding"]]
        if old is None:
            if any(_payer(part) not in paying for part in line["coding"]):
                yield f"Line {line['line_number']} is paid by who pays nothing on this order yet."
        elif shares != [(*_payer(part), part["percent"]) for part in old["coding"]]:
            yield f"Line {line['line_number']} is paid by somebody else."


def _payer(part: dict[str, Any]) -> tuple[str, str, str]:
    return part["cost_center"], part["gl_account"], part["project"] or ""


def _days(case: _Case) -> Iterator[str]:
    first = {line["line_number"]: line for line in case.first["lines"]}
    for line in case.after["lines"]:
        number = line["line_number"]
        if line["is_cancelled"]:
            continue
        if number in case.old_lines:
            versions = [case.old_lines[number], first.get(number, {})]
            yield from _moved(case, f"Line {number}", "need_by", line, versions)
        yield from _leaves_year(case, number, line)
    for name, words in (("valid_from", "Its validity"), ("valid_to", "Its validity")):
        yield from _moved(case, words, name, case.after, [case.before, case.first])


def _moved(
    case: _Case, what: str, name: str, new: dict[str, Any], versions: list[dict[str, Any]]
) -> Iterator[str]:
    """A day that this change moves too far, from where it is or from where it was first."""
    if new[name] == versions[0].get(name):
        return
    known = [each[name] for each in versions if each.get(name)]
    limit = case.entity.change_order_days
    moved = max((_days_between(each, new[name]) for each in known), default=None)
    if moved is None or new[name] is None:
        yield f"{what}: a day is named or taken away."
    elif moved > limit:
        yield f"{what} moves by {moved} days; up to {limit} need no approval."


def _days_between(one: str, other: str | None) -> int:
    return abs((date.fromisoformat(other) - date.fromisoformat(one)).days) if other else 0


def _leaves_year(case: _Case, number: int, line: dict[str, Any]) -> Iterator[str]:
    """Delivery in another fiscal year than the one in which it was promised, or ordered."""
    if line["need_by"] is None:
        return
    old = case.old_lines.get(number, {}).get("need_by")
    issued = case.change.order.issued_at
    promised = date.fromisoformat(old) if old else case.entity.day_of(issued)
    wanted = date.fromisoformat(line["need_by"])
    if line["need_by"] != old and case.entity.fiscal_year_of(wanted) != case.entity.fiscal_year_of(
        promised
    ):
        yield f"Line {number} is delivered in another fiscal year."
