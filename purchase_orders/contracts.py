"""Orders and contracts: under which one an order stands, which prices are above it, how much of its
cap is used."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Sum

from core.money import ZERO
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from vendors.coverage import Agreed, Bought, agreed
from vendors.models import Contract

COUNTED = (
    PurchaseOrder.Status.ISSUED,
    PurchaseOrder.Status.ON_HOLD,
    PurchaseOrder.Status.CLOSED,
)


@dataclass(frozen=True)
class AboveContract:
    """A line dearer than what was agreed. Prices are in the order's currency, which is the
    contract's."""

    line_number: int
    unit_price: Decimal
    agreed: Decimal
    currency: str
    contract: UUID
    number: str

    @property
    def share(self) -> Decimal:
        """By which share it is above; 0 beside an agreed price of nothing."""
        return round((self.unit_price - self.agreed) / self.agreed, 4) if self.agreed else ZERO


def covering(order: PurchaseOrder, lines: Iterable[PurchaseOrderLine], *, on: date) -> UUID | None:
    """The one contract that covers every line on a day, if there is one. Statements: 1."""
    found = _said(order, lines, on)
    if not found or not all(each is not None and each.covers for each in found):
        return None
    contracts = {each.contract for each in found if each is not None}
    currencies = {each.currency for each in found if each is not None}
    return contracts.pop() if len(contracts) == 1 and currencies == {order.currency} else None


def above(
    order: PurchaseOrder, lines: Iterable[PurchaseOrderLine], *, on: date
) -> list[AboveContract]:
    """The lines above what a contract in force on a day says of them. Statements: 1."""
    lines = list(lines)
    return [
        AboveContract(
            line_number=line.line_number,
            unit_price=line.unit_price,
            agreed=said.unit_price,
            currency=order.currency,
            contract=said.contract,
            number=said.number,
        )
        for line, said in zip(lines, _said(order, lines, on), strict=True)
        if said is not None and said.unit_price is not None and said.is_above
    ]


def ordered_under(contract: Contract, *, apart_from: PurchaseOrder | None = None) -> Decimal:
    """What issued orders under a contract come to, net, in its currency. Statements: 1."""
    orders = PurchaseOrder.objects.filter(contract=contract, status__in=COUNTED)
    if apart_from is not None and not apart_from._state.adding:
        orders = orders.exclude(pk=apart_from.pk)
    return orders.aggregate(sum=Sum("net"))["sum"] or ZERO


def over_cap(order: PurchaseOrder) -> Decimal:
    """By how much its contract's cap is exceeded with this order; nothing where it is kept, or
    where there is none."""
    contract = order.contract
    if contract is None or contract.spend_cap is None:
        return ZERO
    sum_ = ordered_under(contract, apart_from=order) + order.net
    return max(sum_ - contract.spend_cap, ZERO)


def noted(order: PurchaseOrder, lines: Iterable[PurchaseOrderLine], *, on: date) -> dict[str, Any]:
    """What the trail keeps of an order's issue: lines above contract, and a cap that is exceeded.

    Neither stops it: the contract is with the vendor, the budget is what stops. Statements: 1, and
    1 more for a contract with a cap.
    """
    noted: dict[str, Any] = {}
    if dear := above(order, lines, on=on):
        noted["above_contract"] = [
            {
                "line": each.line_number,
                "unit_price": str(each.unit_price),
                "agreed": str(each.agreed),
                "contract": each.number,
            }
            for each in dear
        ]
    if over := over_cap(order):
        noted["over_contract_cap"] = str(over)
    return noted


def _said(
    order: PurchaseOrder, lines: Iterable[PurchaseOrderLine], on: date
) -> list[Agreed | None]:
    return agreed([bought_line(order, line) for line in lines], on=on)


def bought_line(order: PurchaseOrder, line: PurchaseOrderLine) -> Bought:
    """A line of an order as contracts see it."""
    return Bought(
        vendor=order.vendor_id,
        sku=line.sku,
        unit=line.unit,
        unit_price=line.unit_price,
        currency=order.currency,
        prefers=order.contract_id,
    )
