"""Bank account numbers: read, checked by their own digits, compared and masked. No database."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from stdnum import bic as bics
from stdnum import iban as ibans
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import InvalidChecksum
from stdnum.exceptions import ValidationError as NumberError
from stdnum.us import rtn as us_routing

from core import sealed, text
from core.errors import FieldError
from vendors.countries import NAMES

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{6,30}")
_PUNCTUATION = re.compile(r"[\s.\-–]")
_LOCAL = re.compile(r"[A-Z0-9]{4,34}")
_ROUTING = re.compile(r"[A-Z0-9]{3,15}")
# Where an account is known by its IBAN and nothing else.
BY_IBAN = frozenset(
    {*(each.upper() for each in eu_vat.MEMBER_STATES), "CH", "IS", "LI", "MC", "NO", "SM"} - {"EL"}
)
MOST = 64  # characters of a number as written


@dataclass(frozen=True)
class Number:
    """An account number without spelling. An IBAN has no routing number."""

    number: str = field(repr=False)
    routing: str = field(default="", repr=False)

    @property
    def is_iban(self) -> bool:
        return not self.routing and looks_like_iban(self.number)

    @property
    def words(self) -> str:
        """What is sealed, and shown to whoever may see it."""
        return self.number if not self.routing else f"{self.routing}/{self.number}"

    @property
    def index(self) -> str:
        """Equal where the account is the same, and no clue to what it is."""
        return sealed.index(f"account:{self.words}")

    @property
    def last_four(self) -> str:
        """What people see of it; of a short number only two, so that the rest stays unknown."""
        return self.number[-4:] if len(self.number) >= 8 else self.number[-2:]

    @property
    def country(self) -> str:
        """The country that an IBAN names; empty for others."""
        return self.number[:2] if self.is_iban else ""


def compact(said: str) -> str:
    return _PUNCTUATION.sub("", said).upper()


def looks_like_iban(number: str) -> bool:
    return _IBAN.fullmatch(number) is not None


def read(said: str, routing: str = "") -> Number:
    """A number as somebody wrote it; `routing/number` says both in one."""
    first, slash, second = said.rpartition("/")
    number = compact(second)
    if looks_like_iban(number):
        return Number(number)
    return Number(number, compact(routing or (first if slash else "")))


def as_written(number: Number) -> str:
    """For a person to read: an IBAN in groups of four."""
    return ibans.format(number.number) if number.is_iban else number.words


def iban_errors(number: Number, pointer: str) -> list[FieldError]:
    """What is wrong with an IBAN by its own check digits and its country's form."""
    try:
        # The lists of banks that some countries' checks rest on are older than the newest banks.
        ibans.validate(number.number, check_country=False)
    except InvalidChecksum:
        return [FieldError(pointer, "check_digits", "Its check digits are wrong: look for a typo.")]
    except NumberError:
        return [FieldError(pointer, "invalid", f"No IBAN of {number.country} looks like this.")]
    return []


def number_errors(said: str, routing: str, country: str) -> list[FieldError]:
    """What is wrong with an account that is to be kept; each fault at its field."""
    if faults := text.check(said, "/number", most=MOST, required=True):
        return faults
    number = read(said, routing)
    if number.is_iban:
        errors = iban_errors(number, "/number")
        if country and country != number.country:
            words = f"The IBAN is one of {NAMES.get(number.country, number.country)}."
            errors.append(FieldError("/country", "other_country", words))
        return errors
    if country in BY_IBAN:
        return [FieldError("/number", "invalid", f"Give the IBAN: {NAMES[country]} has them.")]
    return list(_local_errors(number, country))


def _local_errors(number: Number, country: str) -> Iterator[FieldError]:
    if country not in NAMES:
        yield FieldError("/country", "required", "Say the country, for what is no IBAN.")
    if not _LOCAL.fullmatch(number.number):
        yield FieldError("/number", "invalid", "An IBAN, or 4 to 34 letters and digits.")
    if not _ROUTING.fullmatch(number.routing):
        yield FieldError("/routing", "required", "Say the bank's routing number or sort code.")
    elif country == "US":
        try:
            us_routing.validate(number.routing)
        except NumberError:
            yield FieldError("/routing", "check_digits", "Not a routing number of a US bank.")


def bic_errors(bic: str) -> list[FieldError]:
    """What is wrong with a BIC; empty is allowed."""
    if bic and not is_bic(bic):
        return [
            FieldError("/bic", "invalid", "A BIC has 8 or 11 characters: bank, country, place.")
        ]
    return []


def is_bic(said: str) -> bool:
    return bool(bics.is_valid(said))


def compact_bic(bic: str) -> str:
    return str(bics.compact(bic))
