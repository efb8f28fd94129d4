"""What is said about a vendor, or about a contract with it, before it is judged."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from vendors.models import MatchType, Vendor


@dataclass(frozen=True)
class ContactInput:
    name: str
    email: str
    role: str = ""


@dataclass(frozen=True)
class VendorInput:
    """A vendor's master data. `country` and `currency` are ISO codes."""

    code: str
    name: str
    country: str
    currency: str
    family: str = ""
    tax_id: str = ""
    address: str = ""
    order_email: str = ""
    payment_terms_days: int = 30
    default_match_type: str = MatchType.THREE_WAY
    contacts: list[ContactInput] = field(default_factory=list)


@dataclass(frozen=True)
class BankInput:
    """A bank account as somebody says it: an IBAN, or a number with its routing number.

    An IBAN names its country itself. Without a currency it is the vendor's own.
    """

    holder: str
    number: str = field(repr=False)
    routing: str = field(default="", repr=False)
    bic: str = ""
    country: str = ""
    currency: str = ""


@dataclass(frozen=True)
class PriceInput:
    """An agreed price, in the contract's currency. Without a unit it holds for any."""

    sku: str
    unit_price: Decimal | None
    unit: str = ""


@dataclass(frozen=True)
class ContractInput:
    """What was agreed with a vendor. Without a number it takes one; without an end it lasts until
    somebody ends it; without prices it covers whatever the vendor sells."""

    vendor: Vendor | None
    title: str
    valid_from: date | None
    currency: str
    number: str = ""
    valid_to: date | None = None
    notice_days: int = 0
    spend_cap: Decimal | None = None
    sla_terms: list[str] = field(default_factory=list)
    prices: list[PriceInput] = field(default_factory=list)
