"""What a vendor manager says about a vendor, before it is judged."""

from dataclasses import dataclass, field

from vendors.models import MatchType


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
