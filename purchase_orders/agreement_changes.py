"""What a change order does to a blanket order: to its limits and what it commits (C18, C24).

What limits it and what of it is committed stay; the figures change. What is committed moves by the
difference only, as the lines pay for it.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from budgets.ledger import BelowUsed, Demand, Wanted
from budgets.models import Commitment, Stage
from core.errors import FieldError
from core.money import ZERO, allocate, round_amount, to_base
from purchase_orders import agreements, drawing
from purchase_orders.models import Agreement, ChangeOrder, ChangeOrderLine, PurchaseOrder

_BY, _COMMITS = Agreement.LimitBy, Agreement.Commits


def standing(order: PurchaseOrder) -> Agreement | None:
    """The limits of a blanket order as they are stored; None of another. Statements: 1 or none."""
    return Agreement.objects.get(order=order) if order.is_blanket else None


def states_limit(order: PurchaseOrder) -> bool:
    """Whether somebody says its limit: by quantity it follows from the lines, by price is none."""
    terms = standing(order)
    return terms is not None and terms.limit_by == _BY.AMOUNT


def proposed(
    terms: Agreement | None, figures: Mapping[str, Any], *, net: Decimal
) -> Agreement | None:
    """A copy of the limits with other figures; by quantity the limit is what the lines come to."""
    if terms is None:
        return None
    made = copy.copy(terms)
    for name in Agreement.FIGURES:
        if figures["minimum"] is not None:  # else it was drafted before changes knew of figures
            setattr(made, name, figures[name])
    if made.limit_by == _BY.QUANTITY:
        made.limit = net
    return made


def require_room(order: PurchaseOrder, then: Agreement, lines: Iterable[Any]) -> None:
    """Raise BelowUsed where less would be allowed than was released, or waits for approval, and
    BeyondAgreement where a line would be. Under the lock of the order. Statements: 4."""
    now = Agreement.objects.get(order=order)
    errors = [*_below_limit(order, now, then), *_below_minimum(order, now, then)]
    if errors:
        raise BelowUsed(errors[0].detail, errors=errors)
    if then.limit_by == _BY.QUANTITY:
        agreements.require_taken_fits(agreements.Agreed(order, then), lines)


def _below_limit(order: PurchaseOrder, now: Agreement, then: Agreement) -> Iterator[FieldError]:
    if then.limit_by != _BY.AMOUNT or now.limit is None or then.limit is None:
        return
    lowers = then.limit < now.limit
    ceiling = agreements.most_of(then, then.limit)
    if not lowers and ceiling >= agreements.most_of(now, now.limit):
        return
    if lowers and then.limit < now.released:
        words = f"{_money(now.released, order)} are released already."
        yield FieldError("/limit", "below_released", words)
        return
    waits = agreements.waiting(order)
    if ceiling < now.released + waits:
        words = f"{_money(now.released, order)} are released already"
        words += f" and {_money(waits, order)} wait for approval." if waits else "."
        yield FieldError("/limit" if lowers else "/allowance_percent", "below_released", words)


def _below_minimum(order: PurchaseOrder, now: Agreement, then: Agreement) -> Iterator[FieldError]:
    """A committed minimum never falls below what releases took of it."""
    taken = min(now.released, now.minimum)
    if then.commits == _COMMITS.MINIMUM and then.minimum < taken:
        words = f"{_money(taken, order)} of it are released already."
        yield FieldError("/minimum", "below_released", words)


def _money(amount: Decimal, order: PurchaseOrder) -> str:
    return f"{round_amount(amount, order.currency):,} {order.currency}"


def apply(change: ChangeOrder) -> None:
    """Write the figures that an issued change says. Nothing for an order without limits."""
    terms = standing(change.order)
    then = proposed(terms, vars(change), net=change.order.net)
    if then is not None:
        then.save(update_fields=Agreement.FIGURES)
        change.order.agreement_terms = then


@dataclass
class _Part:
    """A distribution as it shall be, beside what it commits now. `weight` is its share of what the
    lines come to; a part that `goes` keeps only what releases took of it."""

    change: ChangeOrderLine
    pk: UUID
    coding: Any
    held: Commitment | None
    weight: Decimal
    goes: bool = False
    target: Decimal = ZERO

    @property
    def used(self) -> Decimal:
        return self.held.document_liquidated + self.held.document_released if self.held else ZERO

    @property
    def open(self) -> Decimal:
        return self.held.document_open if self.held and self.held.holds else ZERO


def wanted(
    change: ChangeOrder,
    lines: Iterable[Any],
    changes: Iterable[ChangeOrderLine],
    *,
    waits: bool = False,
) -> list[Wanted]:
    """What each distribution of a blanket order shall commit; nothing where its releases do.

    `changes` hold every line that stands. While the change `waits`, what releases would take of a
    rise at once is not asked for: they commit it already. Statements: 1, 4 where it waits.
    """
    order = change.order
    now = Agreement.objects.get(order=order)
    then = proposed(now, vars(change), net=change.net_after)
    assert then is not None  # a blanket order has its limits
    if now.commits == _COMMITS.RELEASES:
        return []
    whole = then.committed
    if waits:
        drawn = drawing.drawn_in_all(order, now)
        whole -= max(min(drawn, then.committed) - min(drawn, now.committed), ZERO)
    parts = _parts(order, lines, changes)
    _aim(parts, whole - now.committed, order.currency)
    return [_wanted(part) for part in parts if part.held is not None or part.target]


def _parts(
    order: PurchaseOrder, lines: Iterable[Any], changes: Iterable[ChangeOrderLine]
) -> list[_Part]:
    rows = Commitment.objects.filter(document_id=order.pk, stage=Stage.ENC)
    held = {row.distribution_id: row for row in rows}
    stored = {line.pk: line for line in lines}
    found = []
    for change in changes:
        old = stored[change.order_line_id].parts if change.order_line_id else []
        for position, part in enumerate(change.parts):
            pk = old[position].pk if position < len(old) else part.pk
            goes = change.is_cancelled
            found.append(_Part(change, pk, part, held.get(pk), part.amount, goes=goes))
        for part in old[len(change.parts) :]:
            found.append(_Part(change, part.pk, part, held.get(part.pk), ZERO, goes=True))
    return found


def _aim(parts: list[_Part], difference: Decimal, currency: str) -> None:
    """Give the difference, and what goes, to the parts that stay as they pay; take it from what is
    open of them."""
    for part in parts:
        part.target = part.used + (ZERO if part.goes else part.open)
        if part.goes:
            difference += part.open
    staying = [part for part in parts if not part.goes]
    if difference >= ZERO:
        weights = [part.weight for part in staying]
        weights = weights if any(weights) else [part.coding.percent for part in staying]
        for part, more in zip(staying, allocate(difference, weights, currency), strict=True):
            part.target += more
        return
    less, left = -difference, sum((part.open for part in staying), ZERO)
    for part in staying:
        if not left:
            break
        taken = round_amount(min(less, left) * part.open / left, currency)
        part.target -= taken
        less, left = less - taken, left - part.open


def _wanted(part: _Part) -> Wanted:
    change, coding = part.change, part.coding
    return Wanted(
        line_id=change.order_line_id or change.pk,
        line_number=change.line_number,
        distribution_id=part.pk,
        held_as=None if part.goes else coding.pk,
        cost_center_id=coding.cost_center_id,
        gl_account_id=coding.gl_account_id,
        project_id=coding.project_id,
        amount=part.target,
    )


def demands(
    change: ChangeOrder, lines: Iterable[Any], changes: Iterable[ChangeOrderLine]
) -> list[Demand]:
    """What the change asks of budgets more, or less, in base currency at the order's rate."""
    asked = wanted(change, lines, changes, waits=True)
    rows = Commitment.objects.filter(document_id=change.order_id, stage=Stage.ENC)
    now = {row.distribution_id: row.document_amount for row in rows}
    return [
        Demand(
            each.cost_center_id,
            each.gl_account_id,
            each.project_id,
            to_base(
                each.amount - now.get(each.distribution_id, ZERO),
                rate=change.order.rate,
                base_currency=change.entity.currency,
            ),
        )
        for each in asked
    ]
