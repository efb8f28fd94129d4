"""What the match is given and what it answers. Plain data: no models, no clock, no database."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

# Outcomes of one check, from harmless to grave. A flag is shown and stops nothing.
PASS = "pass"  # noqa: S105 - an outcome, no secret
FLAG = "flag"
WAIT = "wait"
EXCEPTION = "exception"
BLOCK = "block"
GRAVITY = {PASS: 0, FLAG: 1, WAIT: 2, EXCEPTION: 3, BLOCK: 4}

# Outcomes of the whole match.
MATCHED = "matched"
WAITING = "waiting"
IN_EXCEPTION = "in_exception"
BLOCKED = "blocked"

# Who is asked about an exception.
RECEIVER = "receiver"
BUYER = "buyer"
AP = "ap"
AP_MANAGER = "ap_manager"

INVOICE = "invoice"
CREDIT_NOTE = "credit_note"

# Names of the checks in the order in which they run.
CHECKS = (
    "duplicate",
    "vendor",
    "remit_to",
    "currency",
    "order_state",
    "line_link",
    "unit",
    "quantity_ordered",
    "quantity_received",
    "quantity_accepted",
    "unit_price",
    "line_amount",
    "cumulative_amount",
    "charges",
    "tax",
    "invoice_total",
    "order_total",
    "blanket_cap",
    "dates",
)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """One limit, its scope already resolved.

    `percent` of the expected figure and `absolute` in document currency or unit. Both empty = no
    limit; 0 = exact. One empty part takes no part in AND or OR. `action` says what happens beyond
    the limit: pass (only flagged), exception or block. Several for one check are all applied.
    `lines` are the ids of the order lines that it is for, None: all; whole documents keep to all.
    """

    check: str
    direction: str = "over"  # over | under
    percent: Decimal | None = None
    absolute: Decimal | None = None
    combine: str = "AND"  # AND | OR
    action: str = EXCEPTION  # pass | exception | block
    name: str = ""
    lines: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Twin:
    """An earlier invoice that looks like this one; `tier` D1…D6 of the duplicate rules."""

    tier: str
    number: str


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """A line as billed. `order_line` is the id of the linked order line, None if there is none.

    Amounts of a credit note are positive, as in the document. `credits` says of a credit line
    whether goods go back ("quantity") or only money ("price").
    """

    line_number: str
    order_line: str | None
    quantity: Decimal | None
    unit: str
    unit_price: Decimal | None
    net: Decimal
    price_base_quantity: Decimal = Decimal(1)
    tax_category: str = ""
    tax_percent: Decimal | None = None
    credits: str = "quantity"  # quantity | price; read on credit notes only


@dataclass(frozen=True, slots=True)
class Charge:
    """An allowance (`charge=False`) or charge of the whole document; `amount` is positive."""

    charge: bool
    amount: Decimal
    tax_category: str = ""
    tax_percent: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TaxRow:
    """One row of the stated tax breakdown."""

    category: str
    percent: Decimal | None
    taxable: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """A bank account without its number: `key` is equal where accounts are, people see `shown`.

    `counts_from` is the day on which the cooling time of a verified one ends.
    """

    key: str
    shown: str
    counts_from: date | None = None


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """The document as captured. Empty totals are not compared; `payable` is to equal `gross`."""

    number: str
    kind: str  # invoice | credit_note
    vendor: str
    currency: str
    issue_date: date
    lines: tuple[InvoiceLine, ...]
    charges: tuple[Charge, ...] = ()
    tax_breakdown: tuple[TaxRow, ...] = ()
    net: Decimal | None = None
    tax: Decimal | None = None
    gross: Decimal | None = None
    payable: Decimal | None = None
    order_reference: str = ""
    remit_to: tuple[Account, ...] = ()  # accounts named on the document


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order line as of now, read under a lock.

    `billed_quantity` and `billed_amount` hold cleared and in-process invoices minus credit notes,
    without this one; `price_variance` is their net difference from order price. On a line by
    amount, `received` and `accepted` are amounts.
    """

    id: str
    line_number: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net: Decimal
    match_type: str = "3-way"  # 2-way | 3-way | 4-way
    basis: str = "quantity"  # quantity | amount
    received: Decimal = Decimal(0)
    accepted: Decimal = Decimal(0)
    billed_quantity: Decimal = Decimal(0)
    billed_amount: Decimal = Decimal(0)
    price_variance: Decimal = Decimal(0)
    price_base_quantity: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Cap:
    """The limit of the blanket order that a release draws on, with its allowance; net.

    `billed` is what all its releases were billed, cleared and in process, without this invoice.
    """

    number: str
    limit: Decimal
    billed: Decimal


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """The order the invoice names. `issued_on` is the date printed on the order."""

    number: str
    status: str
    vendor: str
    currency: str
    lines: tuple[OrderLine, ...]
    total: Decimal  # net
    cap: Cap | None = None  # of a release: nothing beyond it, whatever its lines allow
    releases: tuple[str, ...] | None = None  # of a blanket order: what is billed instead of it
    billed_total: Decimal = Decimal(0)  # net, cleared and in process, without this one
    issued_on: date | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    charges: Decimal = Decimal(0)  # charges agreed on the order and not billed yet


@dataclass(frozen=True, slots=True)
class VendorFacts:
    """The vendor record behind the invoice. `accounts` may be paid to; those of `later` are on
    file but wait for their verification, or for the end of their cooling time."""

    status: str = "approved"
    accounts: tuple[Account, ...] = ()
    later: tuple[Account, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchInput:
    """Everything the match depends on. Same input, same outcome, whatever the order of its lines.

    `rounding_allowance` is per line in document currency (default one minor unit of a currency
    with two decimals). `waiting_until` is the last day on which an invoice without a receipt
    waits; None = does not wait.
    """

    invoice: InvoiceFacts
    order: OrderFacts | None
    today: date
    tolerances: tuple[Tolerance, ...] = ()
    duplicates: tuple[Twin, ...] = ()
    vendor: VendorFacts = field(default_factory=VendorFacts)
    rounding_allowance: Decimal = Decimal("0.01")
    minor_units: int = 2
    waiting_until: date | None = None


class CheckResult(NamedTuple):
    """What one check found, with the figures it compared and the limit it applied.

    `variance` = actual − expected, never rounded; `variance_percent` is for reading (4 decimals).
    `measure` is the unit or currency of the figures, `limit` the limit in words, `rule` its name.
    """

    check: str
    line_number: str | None
    outcome: str
    expected: Decimal | str | None
    actual: Decimal | str | None
    variance: Decimal | None
    variance_percent: Decimal | None
    measure: str
    limit: str
    rule: str
    route: str
    sentence: str


class MatchOutcome(NamedTuple):
    """The verdict and every result it rests on, in the order of CHECKS."""

    outcome: str  # matched | waiting | in_exception | blocked
    results: tuple[CheckResult, ...]

    @property
    def exceptions(self) -> tuple[CheckResult, ...]:
        """Results a person must deal with."""
        return tuple(r for r in self.results if GRAVITY[r.outcome] >= GRAVITY[EXCEPTION])

    @property
    def flags(self) -> tuple[CheckResult, ...]:
        """Results worth a look that stop nothing."""
        return tuple(r for r in self.results if r.outcome == FLAG)
