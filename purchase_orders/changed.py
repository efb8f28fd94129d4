"""An order as a change order would make it: its rows, not stored, and everything it would say."""

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from accounts.models import TaxCode
from core.money import ZERO, allocate, line_net
from purchase_orders import agreement_changes, drafting
from purchase_orders.inputs import (
    KEEP,
    ChangedLine,
    ChangeInput,
    DistributionInput,
    OrderLineInput,
)
from purchase_orders.models import (
    Agreement,
    ChangeOrder,
    ChangeOrderDistribution,
    ChangeOrderLine,
    OrderDistribution,
    PurchaseOrder,
    PurchaseOrderLine,
)
from requisitions.storing import shared

TERMS = ("delivery_terms", "payment_terms_days", "ship_to", "note", "valid_from", "valid_to")
_LINE = (
    *("line_number", "kind", "sku", "description", "quantity", "unit", "unit_price", "tax_code"),
    *("net", "need_by", "is_cancelled"),
)
_COPIED = (
    *("kind", "catalog_item_id", "sku", "description", "quantity", "unit", "unit_price"),
    *("tax_code", "net", "need_by", "basis", "match_type", "over_receipt_percent"),
    *("period_from", "period_to"),
)


@dataclass(frozen=True)
class Whole:
    """An order with its lines in order; every line carries its `parts`. Nothing of it is stored.

    `terms` are the limits of a blanket order, where its content shall state them.
    """

    order: PurchaseOrder
    lines: list[PurchaseOrderLine]
    terms: Agreement | None = None


def lines_of(
    order: PurchaseOrder, *, locked: bool = False, catalog: bool = False
) -> list[PurchaseOrderLine]:
    """Its lines in order, each with its coded `parts`; locked by key if wanted. Statements: 2."""
    rows: QuerySet[PurchaseOrderLine] = PurchaseOrderLine.objects.filter(order=order)
    if locked:
        rows = rows.select_for_update(of=("self",), no_key=True)
    if catalog:
        rows = rows.select_related("catalog_item")
    coded = OrderDistribution.objects.select_related("cost_center", "gl_account", "project")
    lines = list(rows.order_by("pk").prefetch_related(Prefetch("distributions", coded)))
    for line in lines:
        line.order = order
        line.parts = list(line.distributions.all())
    return sorted(lines, key=lambda line: line.line_number)


def changes_of(change: ChangeOrder) -> list[ChangeOrderLine]:
    """The lines of a change in order, each with its coded `parts`. Statements: 2."""
    coded = ChangeOrderDistribution.objects.select_related("cost_center", "gl_account", "project")
    rows = change.lines.select_related("order_line", "catalog_item")
    lines = list(rows.prefetch_related(Prefetch("distributions", coded)))
    for line in lines:
        line.parts = list(line.distributions.all())
    return lines


def build(
    change: ChangeOrder, lines: list[PurchaseOrderLine], data: ChangeInput, *, every: bool = False
) -> list[ChangeOrderLine]:
    """The rows of a change, not stored: lines that differ, then new ones with numbers that follow.

    `lines` are the order's; the input was checked. `every` line that stands is in it where the
    order commits as a whole.
    """
    stored = {line.pk: line for line in lines}
    number = max((line.line_number for line in lines), default=0)
    built = []
    for said in [*data.lines, *(_unsaid(lines, data) if every else ())]:
        if isinstance(said, ChangedLine):
            made = _changed(change, stored[said.order_line.pk], said, every=every)
        else:
            number += 1
            made = _added(change, said, number)
        if made is not None:
            built.append(made)
    return sorted(built, key=lambda line: line.line_number)


def _unsaid(lines: list[PurchaseOrderLine], data: ChangeInput) -> list[ChangedLine]:
    said = {each.order_line.pk for each in data.lines if isinstance(each, ChangedLine)}
    return [ChangedLine(line) for line in lines if line.pk not in said and not line.is_cancelled]


def _changed(
    change: ChangeOrder, line: PurchaseOrderLine, said: ChangedLine, *, every: bool
) -> ChangeOrderLine | None:
    """The line as it shall be; None where it stays."""
    made = ChangeOrderLine(
        change_order=change,
        order_line=line,
        line_number=line.line_number,
        is_cancelled=said.is_cancelled,
        **{name: getattr(line, name) for name in _COPIED},
    )
    if said.unit_price is not None:
        made.unit_price = said.unit_price
    if said.need_by is not KEEP:
        made.need_by = said.need_by
    if said.is_cancelled:
        made.quantity = ZERO
    elif said.quantity is not None:
        made.quantity = said.quantity
    made.net = _net(made, change.order.currency)
    coding = line.parts if said.distributions is None else said.distributions
    made.parts = _parts(made, coding, change.order.currency)
    same = all(getattr(made, name) == getattr(line, name) for name in _COPIED)
    recoded = [drafting.coding_key(part) for part in made.parts] != [
        drafting.coding_key(part) for part in line.parts
    ]
    return None if same and not recoded and not said.is_cancelled and not every else made


def _added(change: ChangeOrder, said: OrderLineInput, number: int) -> ChangeOrderLine:
    made = ChangeOrderLine(
        change_order=change,
        line_number=number,
        kind=said.kind,
        catalog_item=said.catalog_item,
        sku=said.sku,
        description=said.description.strip(),
        quantity=said.quantity,
        unit=said.unit,
        unit_price=said.unit_price,
        tax_code=said.tax_code,
        need_by=said.need_by,
        basis=said.basis,
        period_from=said.period_from,
        period_to=said.period_to,
        match_type=said.match_type or change.order.vendor.default_match_type,
        over_receipt_percent=said.over_receipt_percent,
    )
    made.net = _net(made, change.order.currency)
    made.parts = _parts(made, said.distributions, change.order.currency)
    return made


def _net(line: ChangeOrderLine, currency: str) -> Decimal:
    return line_net(quantity=line.quantity, unit_price=line.unit_price, currency=currency)


def _parts(
    line: ChangeOrderLine, coding: Iterable[Any], currency: str
) -> list[ChangeOrderDistribution]:
    coding = list(coding)
    amounts = allocate(line.net, [part.percent for part in coding], currency)
    return shared(ChangeOrderDistribution, line, coding, amounts)


def as_input(change: ChangeOrder) -> ChangeInput:
    """A stored change as the input it could have come from."""
    said: list[ChangedLine | OrderLineInput] = []
    for line in changes_of(change):
        parts = [
            DistributionInput(part.cost_center, part.gl_account, part.project, part.percent)
            for part in line.parts
        ]
        if line.order_line is not None:
            figures = {} if line.is_cancelled else {"quantity": line.quantity}
            said.append(
                ChangedLine(
                    order_line=line.order_line,
                    unit_price=line.unit_price,
                    need_by=line.need_by,
                    distributions=parts,
                    is_cancelled=line.is_cancelled,
                    **figures,
                )
            )
            continue
        names = (
            *("description", "quantity", "unit", "unit_price", "kind", "catalog_item", "sku"),
            *("tax_code", "need_by", "basis", "match_type", "over_receipt_percent"),
            *("period_from", "period_to"),
        )
        said.append(
            OrderLineInput(**{name: getattr(line, name) for name in names}, distributions=parts)
        )
    return ChangeInput(
        reason_code=change.reason_code,
        reason=change.reason,
        budget_reason=change.budget_reason,
        lines=said,
        terms={
            name: getattr(change, name)
            for name in terms_of(change.order)
            if name != "limit" or agreement_changes.states_limit(change.order)
        },
    )


def terms_of(order: PurchaseOrder) -> tuple[str, ...]:
    """What a change of it may say besides lines; of a blanket order its figures, too."""
    return (*TERMS, *Agreement.FIGURES) if order.is_blanket else TERMS


def whole(
    order: PurchaseOrder, lines: list[PurchaseOrderLine], terms: Agreement | None = None
) -> Whole:
    """The order as it stands."""
    return Whole(order, lines, terms)


def proposed(
    change: ChangeOrder,
    lines: list[PurchaseOrderLine],
    changes: list[ChangeOrderLine],
    tax_codes: Mapping[str, TaxCode],
    terms: Agreement | None = None,
) -> Whole:
    """The order as it would be: copies of its rows, with what the change makes of them.

    `terms` are the limits of a blanket order, as they stand.
    """
    order = copy.copy(change.order)
    for name in TERMS:
        setattr(order, name, getattr(change, name))
    by_line = {each.order_line_id: each for each in changes if each.order_line_id}
    made = [_with(copy.copy(line), by_line.get(line.pk)) for line in lines]
    made += [new_line(order, each, tax_codes) for each in changes if each.order_line_id is None]
    drafting.set_totals(order, made)
    return Whole(order, made, agreement_changes.proposed(terms, vars(change), net=order.net))


def _with(line: PurchaseOrderLine, change: ChangeOrderLine | None) -> PurchaseOrderLine:
    if change is not None:
        apply(line, change)
        line.parts = change.parts
    return line


def apply(line: PurchaseOrderLine, change: ChangeOrderLine) -> None:
    """Make the figures of a line of the order what the change says."""
    for name in ("quantity", "unit_price", "net", "need_by", "is_cancelled"):
        setattr(line, name, getattr(change, name))


def new_line(
    order: PurchaseOrder, change: ChangeOrderLine, tax_codes: Mapping[str, TaxCode]
) -> PurchaseOrderLine:
    """The order line that a new line of a change becomes, under its id, with the tax of today."""
    line = PurchaseOrderLine(
        id=change.pk,
        order=order,
        line_number=change.line_number,
        **drafting.taxed(tax_codes.get(change.tax_code)),
        **{name: getattr(change, name) for name in _COPIED},
    )
    line.parts = change.parts
    return line


def stated(whole: Whole) -> dict[str, Any]:
    """Everything an order says and who pays for it, as JSON data with exact figures as text."""
    order = whole.order
    return {
        "vendor": order.vendor.name,
        "currency": order.currency,
        **{name: plain(getattr(order, name)) for name in TERMS},
        **{name: plain(getattr(order, name)) for name in ("net", "tax", "total")},
        **{name: plain(getattr(whole.terms, name)) for name in Agreement.FIGURES if whole.terms},
        "lines": [
            {
                **{name: plain(getattr(line, name)) for name in _LINE},
                "coding": [_part(part) for part in line.parts],
            }
            for line in whole.lines
        ],
    }


def decides(said: dict[str, Any]) -> Decimal:
    """What agreeing to a content decides, net, in its currency: of a blanket order its limit."""
    return Decimal(said.get("limit") or said["net"])


def _part(part: Any) -> dict[str, Any]:
    return {
        "cost_center": part.cost_center.code,
        "gl_account": part.gl_account.code,
        "project": part.project.code if part.project else None,
        "percent": plain(part.percent),
        "amount": plain(part.amount),
    }


def plain(value: Any) -> Any:
    """A value of a row as JSON: figures as exact text, days by ISO 8601, keys as text."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def digest(said: Any) -> str:
    """SHA-256 of canonical JSON: what an approver signs is what is issued."""
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def signed(change: ChangeOrder) -> dict[str, Any]:
    """All that is agreed to: what the order says, what it would say, and why."""
    return {
        "order": str(change.order_id),
        "revision": change.base_revision,
        "before": change.before,
        "after": change.after,
        "reason": [change.reason_code, change.reason, change.budget_reason],
    }


def parts(change: ChangeOrder) -> dict[str, str]:
    """Digests of parts of `signed`: a change of one touches only who was asked about it."""
    return parts_of(change.after, terms=[change.reason_code, change.reason])


def parts_of(said: dict[str, Any], **more: list[Any]) -> dict[str, str]:
    """Digests of the parts of a content as `stated` makes it; `more` belongs to the part named."""
    known: dict[str, Any] = {
        "lines": [
            {name: value for name, value in line.items() if name not in ("net", "coding")}
            for line in said["lines"]
        ],
        "amount": [said["currency"], said["net"]]
        + [said[name] for name in Agreement.FIGURES if name in said],
        "vendor": [said["vendor"]],
        "terms": [said[name] for name in TERMS],
    }
    for name, further in more.items():
        known[name] = known[name] + further
    for line in said["lines"]:
        for part in line["coding"]:
            coding = known.setdefault(f"coding:{part['cost_center']}", [])
            coding.append([part["gl_account"], part["project"], part["amount"]])
    return {name: digest(part) for name, part in known.items()}
