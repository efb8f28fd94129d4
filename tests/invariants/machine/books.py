"""What the books must say, reckoned without the portal: dictionaries, decimals and semantics §3.

A document is paid by one or two budgets in equal parts. Amounts are chosen so that halves and rates
leave no rounding: how cents are shared has tests of its own.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

ZERO = Decimal(0)

Moves = dict[str, list[Decimal]]  # PRE, ENC and ACT by budget


def nothing() -> Moves:
    return defaultdict(lambda: [ZERO, ZERO, ZERO])


@dataclass
class Cell:
    amount: Decimal
    control: str
    overdraft: Decimal = ZERO
    stages: list[Decimal] = field(default_factory=lambda: [ZERO] * 3)

    @property
    def used(self) -> Decimal:
        return sum(self.stages, ZERO)

    def bears(self, takes: Decimal) -> bool:
        fits = self.used + takes <= self.amount + self.overdraft
        return takes <= 0 or fits or self.control != "stop"


@dataclass
class Share:
    """What one budget pays of a document. `used` other documents took, `given` it gave back."""

    cell: str
    amount: Decimal
    used: Decimal = ZERO
    given: Decimal = ZERO

    @property
    def held(self) -> Decimal:
        return self.amount - self.used - self.given


@dataclass
class Request:
    quantity: int
    price: Decimal
    shares: list[Share]
    ordered: int = 0


@dataclass
class Order:
    """`shares` in base currency at the order's `rate`; `price` in its own currency."""

    quantity: int
    price: Decimal
    rate: Decimal
    shares: list[Share]
    request: Request | None = None
    billed: Decimal = ZERO
    received: Decimal = ZERO
    accrues: bool = True

    def waits(self) -> Decimal:
        """Received, not invoiced, of each share, in base currency."""
        value = (self.received - self.billed) * self.price
        if not self.accrues or self.received <= 0 or value <= 0:
            return ZERO
        return value / len(self.shares) * self.rate


@dataclass
class Bill:
    """`rate` is that of the day it was written. What clearing took of each share of the order is
    kept, so that a void can give back exactly that."""

    order: Order
    sign: int
    quantity: Decimal
    price: Decimal
    rate: Decimal
    taken: list[Decimal] = field(default_factory=list)
    cost: Decimal = ZERO
    pieces: Decimal = ZERO
    is_cleared: bool = False


class Books:
    """Each event says what it would move; `apply` moves it."""

    def __init__(self, cells: dict[str, Cell]) -> None:
        self.cells = cells
        self.requests: dict[Any, Request] = {}
        self.orders: dict[Any, Order] = {}
        self.bills: dict[Any, Bill] = {}

    def bears(self, moves: Moves) -> bool:
        return all(self.cells[name].bears(sum(stages)) for name, stages in moves.items())

    def apply(self, moves: Moves) -> None:
        for name, stages in moves.items():
            cell = self.cells[name]
            cell.stages = [old + new for old, new in zip(cell.stages, stages, strict=True)]

    def accrued(self) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = dict.fromkeys(self.cells, ZERO)
        for order in self.orders.values():
            for share in order.shares:
                sums[share.cell] += order.waits()
        return sums

    # ---- requests: C1, C2, C4

    def reserving(self, shares: list[Share]) -> Moves:
        moves = nothing()
        for share in shares:
            moves[share.cell][0] += share.amount
        return moves

    def unreserving(self, request: Request) -> Moves:
        moves = nothing()
        for share in request.shares:
            moves[share.cell][0] -= share.held
        return moves

    # ---- orders: C3, C5, C19, C20, C21

    def issuing(self, order: Order) -> Moves:
        moves = nothing()
        for share in order.shares:
            moves[share.cell][1] += share.amount
        for share, part in self._conversions(order):
            moves[share.cell][0] -= part
        return moves

    def issue(self, key: Any, order: Order) -> None:
        self.apply(self.issuing(order))
        for share, part in self._conversions(order):
            share.used += part
        if order.request:
            order.request.ordered += order.quantity
        self.orders[key] = order

    def _conversions(self, order: Order) -> list[tuple[Share, Decimal]]:
        """C3: the estimate × q_order/q_requested, at most what remains; the last takes the rest."""
        request = order.request
        if request is None:
            return []
        done = request.ordered + order.quantity >= request.quantity
        return [
            (share, share.held if done else min(share.held, share.amount * order.quantity
                                                / request.quantity))
            for share in request.shares
        ]  # fmt: skip

    def releasing(self, order: Order) -> Moves:
        moves = nothing()
        for share in order.shares:
            moves[share.cell][1] -= share.held
        return moves

    def release(self, order: Order) -> None:
        self.apply(self.releasing(order))
        for share in order.shares:
            share.given += share.held

    def reopening(self, order: Order) -> Moves:
        moves = nothing()
        for share in order.shares:
            moves[share.cell][1] += share.given
        return moves

    def reopen(self, order: Order) -> None:
        self.apply(self.reopening(order))
        for share in order.shares:
            share.given = ZERO

    # ---- invoices: C7 to C12, C14, C16, C17

    def clearing(self, bill: Bill, pieces: Decimal) -> Moves:
        """−ENC at the order's price and rate, +ACT at the invoice's. A credit gives none back."""
        moves, order = nothing(), bill.order
        cost = self._cost(bill)
        for share, taken in zip(order.shares, self._taken(bill, pieces), strict=True):
            moves[share.cell][1] -= taken
            moves[share.cell][2] += cost
        return moves

    def _taken(self, bill: Bill, pieces: Decimal) -> list[Decimal]:
        order = bill.order
        if bill.sign < 0:
            return [ZERO] * len(order.shares)
        final = order.billed + pieces >= order.quantity
        part = pieces * order.price * order.rate / len(order.shares)
        return [share.held if final else min(share.held, part) for share in order.shares]

    def _cost(self, bill: Bill) -> Decimal:
        return bill.sign * bill.quantity * bill.price * bill.rate / len(bill.order.shares)

    def clear(self, bill: Bill, pieces: Decimal) -> None:
        moves = self.clearing(bill, pieces)
        bill.taken, bill.cost = self._taken(bill, pieces), self._cost(bill)
        bill.pieces, bill.is_cleared = bill.sign * pieces, True
        for share, taken in zip(bill.order.shares, bill.taken, strict=True):
            share.used += taken
        bill.order.billed += bill.pieces
        self.apply(moves)

    def voiding(self, bill: Bill, *, closed: bool) -> Moves:
        """C17: the mirror; what comes back to a closed order is given up with all that it holds."""
        moves = nothing()
        for share, taken in zip(bill.order.shares, bill.taken, strict=True):
            moves[share.cell][1] += taken
            moves[share.cell][2] -= bill.cost
            if closed and taken > 0:
                moves[share.cell][1] -= share.held + taken
        return moves

    def void(self, bill: Bill, *, closed: bool) -> None:
        self.apply(self.voiding(bill, closed=closed))
        for share, taken in zip(bill.order.shares, bill.taken, strict=True):
            share.used -= taken
            if closed and taken > 0:
                share.given += share.held
        bill.order.billed -= bill.pieces
        bill.is_cleared = False

    # ---- budgets

    def transfer(self, source: str, target: str, amount: Decimal) -> None:
        self.cells[source].amount -= amount
        self.cells[target].amount += amount

    def spend_outside(self, name: str, amount: Decimal) -> None:
        """Other books say so: a stop lets it pass, and allows what it lacks."""
        cell = self.cells[name]
        cell.stages[2] += amount
        lacks = cell.used - cell.amount - cell.overdraft
        if cell.control == "stop" and amount > 0 and lacks > 0:
            cell.overdraft += lacks
