"""What callers hand to the ledger and get back. Amounts say which currency they are in."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from accounts.models import Entity
from core.money import ZERO

Period = tuple[date, date]  # the first and the last day of a service


@dataclass(frozen=True, slots=True)
class Source:
    """The document that causes entries. `rate` is base currency for one unit of `currency`."""

    entity: Entity
    document_type: str
    document_id: UUID
    number: str
    currency: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Share:
    """One distribution of one document line; `amount` is in the document's currency, rounded.

    `converts` names the requisition distribution whose reservation this share uses up, and
    `converts_amount` how much of it, in the requisition's currency; capped at what remains.
    `period` is the service period that is paid for: later fiscal years pay their own part (C29).
    """

    line_id: UUID
    line_number: int
    distribution_id: UUID
    cost_center_id: UUID
    gl_account_id: UUID
    project_id: UUID | None
    amount: Decimal
    quantity: Decimal = ZERO
    converts: UUID | None = None
    converts_amount: Decimal = ZERO
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class Draw:
    """What a release does to what its blanket order commits itself (C24).

    `drawn` is what all releases draw of it from now on, in its currency; what it commits beyond
    that stays there. `first` are its lines that this release takes from. One that does not go on
    holds nothing that comes back. `release` is named where another
    document moves it.
    """

    agreement_id: UUID
    drawn: Decimal
    first: frozenset[UUID] = frozenset()
    goes_on: bool = True
    release: Source | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one invoice line does to one order distribution.

    `liquidate` and `reencumber` are in the order's currency: what to take of the encumbrance
    (capped at what remains) and what to put back (capped at what was taken). `actual` is signed,
    in the invoice's currency. `final` takes the exact rest whatever `liquidate` says.
    """

    line_id: UUID
    line_number: int
    order_distribution_id: UUID
    quantity: Decimal
    liquidate: Decimal
    reencumber: Decimal
    actual: Decimal
    final: bool = False


@dataclass(frozen=True, slots=True)
class Demand:
    """What somebody wants of a budget; `amount` is base currency."""

    cost_center_id: UUID
    gl_account_id: UUID
    project_id: UUID | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class FundsCheck:
    """What one budget cell says to what is asked of it. All amounts are base currency.

    `budget` includes an allowed overdraft and what earlier periods left to a cumulative cell;
    `remaining` = available − requested. `verdict` is ok, warn (a reason is needed) or refuse;
    `message` is empty when it is ok.
    """

    label: str
    budget: Decimal
    pre_encumbered: Decimal
    encumbered: Decimal
    spent: Decimal
    available: Decimal
    requested: Decimal
    remaining: Decimal
    control: str
    verdict: str
    cell_id: int | None
    message: str
