"""What budgets and approvals need to know of a change order."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from budgets.ledger import BelowUsed, FundsCheck, Source, Wanted
from budgets.ledger.funds import judge
from budgets.models import BudgetCell, Commitment, Stage
from core.errors import FieldError
from core.money import HUNDRED, ZERO, to_base
from purchase_orders import agreement_changes, changed, policy_facts
from purchase_orders.locks import source as order_source
from purchase_orders.models import (
    ChangeOrder,
    ChangeOrderLine,
    OrderDistribution,
    PurchaseOrder,
    PurchaseOrderLine,
)


def source(change: ChangeOrder) -> Source:
    """The change as the ledger knows it: at the rate of its order."""
    return replace(
        order_source(change.order),
        document_type=change.document_type,
        document_id=change.pk,
        number=str(change),
    )


def checks(change: ChangeOrder) -> list[FundsCheck]:
    """What the budgets say to what it holds, as if it were not held yet. Statements: 2."""
    held: dict[int, Decimal] = defaultdict(Decimal)
    for row in Commitment.objects.filter(document_id=change.pk, stage=Stage.PRE):
        held[row.cell_id] += row.open
    named = ("cost_center", "gl_account", "project", "fiscal_year")
    cells = BudgetCell.objects.select_related(*named).in_bulk([pk for pk in held if held[pk]])
    found = []
    for pk in sorted(cells):
        cells[pk].pre_encumbered -= held[pk]
        found.append(judge(cells[pk], held[pk], currency=change.entity.currency))
    return found


def wanted(
    change: ChangeOrder,
    lines: list[PurchaseOrderLine],
    changes: list[ChangeOrderLine],
    *,
    waits: bool = False,
) -> list[Wanted]:
    """What each distribution of the lines that change shall come to; `waits` while it is held only.

    `lines` are the order's as they are. A new line and a new part are known by the change's own
    ids, under which they will be stored. A blanket order commits its limit or a minimum, or its
    releases do.
    """
    if change.order.is_blanket:
        return agreement_changes.wanted(change, lines, changes, waits=waits)
    return _wanted_of_lines(lines, changes)


def _wanted_of_lines(
    lines: list[PurchaseOrderLine], changes: list[ChangeOrderLine]
) -> list[Wanted]:
    stored = {line.pk: line for line in lines}
    found: list[Wanted] = []
    for change in changes:
        line = stored.get(change.order_line_id)
        old: list[OrderDistribution] = line.parts if line else []
        for position, part in enumerate(change.parts):
            standing = old[position] if position < len(old) else None
            more = _quantity(change.quantity, part) - (
                _quantity(line.quantity, standing) if line and standing else ZERO
            )
            row = standing or part
            found.append(_wanted(change, row.pk, part, amount=part.amount, quantity=more))
        for part in old[len(change.parts) :]:
            less = -_quantity(line.quantity, part) if line else ZERO
            found.append(_wanted(change, part.pk, part, amount=ZERO, quantity=less, goes=True))
    return found


def _wanted(
    change: ChangeOrderLine,
    row: Any,
    part: Any,
    *,
    amount: Decimal,
    quantity: Decimal,
    goes: bool = False,
) -> Wanted:
    return Wanted(
        line_id=change.order_line_id or change.pk,
        line_number=change.line_number,
        distribution_id=row,
        held_as=None if goes else part.pk,
        cost_center_id=part.cost_center_id,
        gl_account_id=part.gl_account_id,
        project_id=part.project_id,
        amount=amount,
        quantity=quantity,
        period=change.period,
    )


def _quantity(whole: Decimal, part: Any) -> Decimal:
    return round(whole * part.percent / HUNDRED, 6)


def require_room(
    order: PurchaseOrder,
    lines: list[PurchaseOrderLine],
    changes: list[ChangeOrderLine],
    places: dict[int, int],
) -> None:
    """Raise BelowUsed, at the line, where less would be left than came, was billed or used up.

    `places` says where each line number stands in what was sent. What a blanket order commits is
    no matter of single lines. Statements: 1.
    """
    used = {} if order.is_blanket else _used(order)
    stored = {line.pk: line for line in lines}
    errors = [
        FieldError(f"/lines/{places.get(change.line_number, 0)}/{field}", "below_used", words)
        for change in changes
        if change.order_line_id
        for field, words in _too_little(order, stored[change.order_line_id], change, used)
    ]
    if errors:
        raise BelowUsed(errors[0].detail, errors=errors)


def _used(order: PurchaseOrder) -> dict[Any, Decimal]:
    rows = Commitment.objects.filter(document_id=order.pk, stage=Stage.ENC)
    return dict(rows.values_list("distribution_id", "document_liquidated"))


def _too_little(
    order: PurchaseOrder, line: PurchaseOrderLine, change: ChangeOrderLine, used: dict[Any, Decimal]
) -> Iterable[tuple[str, str]]:
    name, unit = f"Line {line.line_number}", line.unit
    received, billed = line.received, line.billed_quantity
    by_amount = line.basis == line.Basis.AMOUNT
    if line.is_final and (change.quantity != line.quantity or change.net != line.net):
        yield "quantity", f"{name}: its final invoice came; add a line for what is new."
        return
    if change.quantity < received:
        yield "quantity", f"{name}: {_plain(received)} {unit} were received already."
    if not by_amount and change.quantity < billed:
        yield "quantity", f"{name}: {_plain(billed)} {unit} were billed already."
    if by_amount and change.net < line.billed_amount:
        sum_ = f"{line.billed_amount:,.2f} {order.currency}"
        yield "unit_price", f"{name}: {sum_} were billed already."
    touched = received or billed or line.billed_amount or line.rejected
    if change.is_cancelled and touched:
        yield "is_cancelled", f"{name}: something of it came or was billed; order less of it."
    if touched and _coding_of(change) != _coding_of(line):
        yield "distributions", f"{name}: something of it came or was billed; who pays stays."
        return
    gone = sum((used.get(part.pk, ZERO) for part in line.parts), ZERO)
    if any(
        part.amount < used.get(old.pk, ZERO)
        for part, old in zip(change.parts, line.parts, strict=False)
    ):
        yield "unit_price", f"{name}: {gone:,.2f} {order.currency} of it were used up already."


def _coding_of(line: Any) -> list[tuple[Any, ...]]:
    return [
        (part.cost_center_id, part.gl_account_id, part.project_id, part.percent)
        for part in line.parts
    ]


def _plain(value: Decimal) -> str:
    return f"{value.normalize():,f}"


def approval_facts(
    change: ChangeOrder, changes: list[ChangeOrderLine], *, budget_state: str
) -> dict[str, Any]:
    """The facts that policy rules ask about; amounts are the order's new net in base currency, of a
    blanket order its new limit.

    The coding is that of the lines that change, so that who pays for the rest is not asked again;
    of all lines where only terms change. Statements: 3.
    """
    order = change.order
    parts: list[Any] = [part for line in changes for part in line.parts]
    if not parts:
        coded = OrderDistribution.objects.filter(line__order=order)
        parts = list(coded.select_related("cost_center", "gl_account"))
    amount = changed.decides(change.after)
    return policy_facts.of(
        order,
        parts,
        amount=to_base(amount, rate=order.rate, base_currency=change.entity.currency),
        catalog_only=bool(changes) and all(line.catalog_item_id for line in changes),
        budget_state=budget_state,
    )
