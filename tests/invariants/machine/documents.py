"""The documents of the model: what each is paid by, and what became of that."""

from dataclasses import dataclass, field
from decimal import Decimal

from tests.invariants.machine.cells import ZERO, Key


@dataclass
class Share:
    """What a budget pays of a document, from the cell where it stands.

    `used` other documents took, `given` it gave back. `later` waits for the next fiscal year;
    `drawn` came of that already, `lapsed` went with the document. `whole` is all years together.
    """

    cell: Key
    amount: Decimal
    later: Decimal = ZERO
    used: Decimal = ZERO
    given: Decimal = ZERO
    drawn: Decimal = ZERO
    lapsed: Decimal = ZERO
    whole: Decimal = ZERO

    @property
    def held(self) -> Decimal:
        return self.amount - self.used - self.given

    def draw(self, part: Decimal) -> None:
        self.amount += part
        self.later -= part
        self.drawn += part

    def lapse(self) -> None:
        self.given += self.held
        self.lapsed += self.later
        self.later = ZERO


@dataclass
class Request:
    payers: tuple[str, ...]
    quantity: int
    price: Decimal
    spans: bool = False
    emergency: bool = False
    shares: list[Share] = field(default_factory=list)  # once it is approved
    ordered: int = 0


@dataclass
class Order:
    """`price` in its own currency, of which one is `rate` in base currency, as are the shares."""

    payers: tuple[str, ...]
    quantity: int
    price: Decimal
    rate: Decimal
    spans: bool = False
    request: Request | None = None
    took: int = 0  # of its request, when it was issued
    shares: list[Share] = field(default_factory=list)
    billed: Decimal = ZERO
    received: Decimal = ZERO
    accrues: bool = True
    ended: str = ""
    blanket: "Blanket | None" = None  # what it draws on
    drawn: Decimal = ZERO
    late: Decimal = ZERO  # what of that was billed after it was closed, whatever was left

    @property
    def total(self) -> Decimal:
        return self.quantity * self.price * self.rate

    @property
    def used(self) -> Decimal:
        """What is billed of it, at its own price."""
        return min(max(self.billed, ZERO), self.quantity) * self.price * self.rate

    @property
    def is_closed_release(self) -> bool:
        return self.blanket is not None and self.ended == "closed"

    def waits(self) -> Decimal:
        """Received, not invoiced, of each share, in base currency."""
        value = (self.received - self.billed) * self.price
        if not self.accrues or self.received <= 0 or value <= 0:
            return ZERO
        return value / len(self.shares) * self.rate


@dataclass
class Blanket(Order):
    """One piece whose price is what it commits itself, its limit or nothing (C24)."""

    limit: Decimal = ZERO
    releases: list[Order] = field(default_factory=list)

    def drawing(self, release: Order, drawn: Decimal) -> list[tuple[Share, Decimal]]:
        """What goes over to releases, or comes back, when one of them draws so much in all.

        What others gave back comes when the worker has taken it off them.
        """
        others = [each for each in self.releases if each is not release]
        waits = sum((s.held for each in others if each.ended for s in each.shares), ZERO)
        used = sum((share.used for share in self.shares), ZERO)
        whole = used + sum((share.held for share in self.shares), ZERO)
        asked = min(drawn + sum((each.drawn for each in others), ZERO) + waits, whole) - used
        found = []
        for share in self.shares:
            part = min(asked, share.held) if asked > 0 else max(asked, -share.used)
            asked -= part
            found.append((share, part))
        return found


@dataclass
class Change:
    """What shall become of an order; what it costs more is held while it waits."""

    order: Order
    quantity: int
    price: Decimal
    shares: list[Share] = field(default_factory=list)


@dataclass
class Bill:
    """`rate` is that of the day it was written. `taken` says what clearing took of each share, drew
    of its next year and ended there, and in which cell, so that a void gives back exactly that."""

    order: Order
    sign: int
    quantity: Decimal
    price: Decimal
    rate: Decimal
    taken: list[tuple[Key, Decimal, Decimal, Decimal]] = field(default_factory=list)
    pieces: Decimal = ZERO
    is_cleared: bool = False

    @property
    def cost(self) -> Decimal:
        return self.sign * self.quantity * self.price * self.rate / len(self.order.shares)
