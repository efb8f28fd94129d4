"""Where the demo's vendors are paid: made-up accounts with right check digits, one a vendor."""

from stdnum import iban
from stdnum.us import rtn

from vendors.inputs import BankInput, VendorInput
from vendors.models import Vendor

# What stands before the number of the account in an IBAN: banks that do not exist.
_BANKS = {"DE": "99999999", "DK": "9999", "FI": "999999", "GB": "DEMO999999"}
_DIGITS = {"DE": 10, "DK": 10, "FI": 8, "GB": 8}
_ROUTING = "99900000"  # of no American bank; the ninth digit is its check digit


def of(vendor: Vendor | VendorInput, *, series: int = 7) -> str:
    """The vendor's account as its invoices print it; another `series`, another account."""
    digits = vendor.code.removeprefix("V-")
    if vendor.country == "US":
        return f"{_ROUTING}{rtn.calc_check_digit(_ROUTING)}/4000{digits}{series}"
    number = f"{digits.zfill(_DIGITS[vendor.country] - 1)}{series}"
    bban = f"{_BANKS[vendor.country]}{number}"
    return f"{vendor.country}{iban.calc_check_digits(f'{vendor.country}00{bban}')}{bban}"


def as_input(vendor: Vendor | VendorInput, *, series: int = 7) -> BankInput:
    """The account as somebody would enter it."""
    country = "" if vendor.country != "US" else "US"
    return BankInput(vendor.name, of(vendor, series=series), country=country)
