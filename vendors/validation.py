"""Judging vendor master data: codes, names, addresses and tax ids by their format."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError as NumberError
from stdnum.gb import vat as gb_vat

from accounts.models import Entity
from core import text
from core.errors import FieldError, Invalid
from core.money import UnknownCurrency, minor_units
from vendors.countries import NAMES
from vendors.inputs import ContactInput, VendorInput
from vendors.models import MatchType, Vendor

MOST_CONTACTS = 50
MOST_TERMS_DAYS = 365


def judge(*, entity: Entity, data: VendorInput, vendor: Vendor | None = None) -> None:
    """Raise Invalid naming every fault. `vendor` is the one being changed, if any."""
    errors = [
        *text.check(data.code, "/code", most=32, required=True, name=True),
        *text.check(data.name, "/name", most=200, required=True, name=True),
        *text.check(data.family, "/family", most=64, name=True),
        *text.check(data.address, "/address", most=1000, multiline=True),
        *_country_errors(data.country),
        *currency_errors(data.currency),
        *_email_errors(data.order_email, "/order_email", required=False),
        *_tax_id_errors(data.tax_id, data.country),
    ]
    if not 0 <= data.payment_terms_days <= MOST_TERMS_DAYS:
        detail = f"From 0 to {MOST_TERMS_DAYS} days."
        errors.append(FieldError("/payment_terms_days", "range", detail))
    if data.default_match_type not in MatchType.values:
        errors.append(FieldError("/default_match_type", "unknown", "2-way, 3-way or 4-way."))
    if len(data.contacts) > MOST_CONTACTS:
        errors.append(FieldError("/contacts", "max_length", f"At most {MOST_CONTACTS}."))
    for index, contact in enumerate(data.contacts[:MOST_CONTACTS]):
        errors += _contact_errors(contact, f"/contacts/{index}")
    if not errors:
        errors = _twin_errors(entity, data, vendor)
    if errors:
        raise Invalid(errors=errors)


def _contact_errors(contact: ContactInput, at: str) -> list[FieldError]:
    return [
        *text.check(contact.name, f"{at}/name", most=120, required=True, name=True),
        *text.check(contact.role, f"{at}/role", most=64, name=True),
        *_email_errors(contact.email, f"{at}/email", required=True),
    ]


def _country_errors(country: str) -> list[FieldError]:
    return (
        []
        if country in NAMES
        else [FieldError("/country", "unknown", "A country code of ISO 3166.")]
    )


def currency_errors(currency: str) -> list[FieldError]:
    """What is wrong with a code of a currency."""
    try:
        minor_units(currency)
    except UnknownCurrency:
        return [FieldError("/currency", "unknown", "Not a currency of ISO 4217.")]
    return []


def _email_errors(email: str, pointer: str, *, required: bool) -> list[FieldError]:
    if not email and not required:
        return []
    try:
        validate_email(email)
    except ValidationError:
        return [FieldError(pointer, "invalid", "Not an email address.")]
    return text.check(email, pointer, most=254, name=True)


def _tax_id_errors(tax_id: str, country: str) -> list[FieldError]:
    """VAT numbers of the EU and of Britain by their check digits; others only as text."""
    if not tax_id:
        return []
    if faults := text.check(tax_id, "/tax_id", most=32, name=True):
        return faults
    try:
        if country.lower() in eu_vat.MEMBER_STATES:
            eu_vat.validate(tax_id)
        elif country == "GB":
            gb_vat.validate(tax_id)
    except NumberError:
        return [FieldError("/tax_id", "invalid", f"Not a VAT number of {country}.")]
    return []


def _twin_errors(entity: Entity, data: VendorInput, vendor: Vendor | None) -> list[FieldError]:
    """The code must be free; so must the name, however it is written."""
    others = Vendor.objects.filter(entity=entity).exclude(pk=vendor.pk if vendor else None)
    if others.filter(code=data.code).exists():
        return [FieldError("/code", "taken", "Another vendor has this code.")]
    if vendor is not None and text.folded(vendor.name) == text.folded(data.name):
        return []
    names = others.values_list("name", flat=True).iterator()
    if text.folded(data.name) in {text.folded(name) for name in names}:
        return [FieldError("/name", "taken", "Another vendor has this name.")]
    return []
