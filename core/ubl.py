"""The vocabulary of UBL 2.0 and 2.1 documents: texts, figures, dates and parties.

Only the elements of a document at their own place are read, never "any such element below": what is
wrapped somewhere else in the file has no meaning. Figures keep their digits as written. What cannot
be read is collected as a problem, so that everything wrong with a file can be said at once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from lxml import etree

CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
NAMESPACES = {"cbc": CBC, "cac": CAC}

# xs:decimal in ASCII digits. Decimal() itself would take NaN, 1e9, 1_000 and Arabic digits.
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\Z")
DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?\Z")
MAX_INTEGER_DIGITS = 12
MAX_DECIMALS = 12
MOST_PROBLEMS = 100

# Characters that turn the direction of text round (a name that reads as another name), and
# characters nobody sees. The second sort is dropped, the first refuses the document.
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
UNSEEN = re.compile("[\u200b\u200e\u200f\u2060\ufeff\u061c]")

VAT = "VAT"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the file that cannot be taken as it is."""

    code: str
    message: str
    location: str
    actual: str


@dataclass(frozen=True, slots=True)
class Party:
    """A business partner as it names itself."""

    name: str = ""  # trading name, else legal name
    legal_name: str = ""
    tax_id: str = ""  # the VAT number where there is one, else the first tax registration
    tax_ids: tuple[str, ...] = ()
    vat_ids: tuple[str, ...] = ()
    company_id: str = ""
    identifiers: tuple[str, ...] = ()
    endpoint: str = ""
    endpoint_scheme: str = ""
    has_address: bool = False
    address: tuple[str, ...] = ()  # lines as printed on a letter
    city: str = ""
    postal_zone: str = ""
    address_id: str = ""
    country: str = ""
    contact_name: str = ""
    email: str = ""


class Reader:
    """Reads parts of one document and keeps what was wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, code: str, message: str, element: etree._Element, actual: str) -> None:
        """Note something that cannot be taken as it is; beyond a hundred nobody reads on."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(code, message, location(element), actual[:100]))

    def text(self, element: etree._Element | None, path: str = ".") -> str:
        """Trimmed text at a path, empty if it is not there."""
        found = find(element, path)
        if found is None or not found.text:
            return ""
        value: str = found.text.strip()
        if value.isascii():
            return value
        if TURNING.search(value):
            self.problem("turned-text", "Text that changes its direction.", found, ascii(value))
            value = TURNING.sub("", value)
        return UNSEEN.sub("", value)

    def texts(self, element: etree._Element | None, path: str) -> tuple[str, ...]:
        """All texts at a path that are not empty."""
        values = (self.text(found) for found in findall(element, path))
        return tuple(value for value in values if value)

    def number(self, element: etree._Element | None, path: str = ".") -> Decimal | None:
        """A figure as written; None if it is not there or is none."""
        found = find(element, path)
        if found is None:
            return None
        value = (found.text or "").strip()
        if not NUMBER.match(value):
            self.problem("not-a-number", "This is no number.", found, value)
            return None
        figure = Decimal(value)
        whole, _, decimals = format(figure, "f").lstrip("+-").partition(".")
        if len(whole) > MAX_INTEGER_DIGITS or len(decimals) > MAX_DECIMALS:
            self.problem("number-out-of-range", "The figure is out of range.", found, value)
            return None
        return figure

    def day(self, element: etree._Element | None, path: str) -> date | None:
        """A date; its time zone does not matter. None if it is not there or is none."""
        found = find(element, path)
        value = self.text(found)
        if not value:
            return None
        matched = DAY.match(value)
        try:
            day = date.fromisoformat(matched.group(1)) if matched else None
        except ValueError:
            day = None
        if day is None or not 1900 <= day.year <= 2200:
            self.problem("not-a-date", "This is no date.", found, value)
            return None
        return day

    def flag(self, element: etree._Element | None, path: str) -> bool:
        """An xs:boolean."""
        return self.text(element, path).lower() in ("true", "1")

    def party(self, element: etree._Element | None) -> Party:
        """The party in an element such as cac:Party; an empty one if it is not there."""
        if element is None:
            return Party()
        trading = self.text(element, "cac:PartyName/cbc:Name")
        legal = self.text(element, "cac:PartyLegalEntity/cbc:RegistrationName")
        schemes = [
            (self.text(scheme, "cac:TaxScheme/cbc:ID").upper(), self.text(scheme, "cbc:CompanyID"))
            for scheme in findall(element, "cac:PartyTaxScheme")
        ]
        tax_ids = tuple(number for _, number in schemes if number)
        vat_ids = tuple(number for scheme, number in schemes if number and scheme == VAT)
        endpoint = find(element, "cbc:EndpointID")
        address = find(element, "cac:PostalAddress")
        return Party(
            name=trading or legal,
            legal_name=legal,
            tax_id=next(iter(vat_ids or tax_ids), ""),
            tax_ids=tax_ids,
            vat_ids=vat_ids,
            company_id=self.text(element, "cac:PartyLegalEntity/cbc:CompanyID"),
            identifiers=self.texts(element, "cac:PartyIdentification/cbc:ID"),
            endpoint=self.text(endpoint),
            endpoint_scheme="" if endpoint is None else endpoint.get("schemeID", ""),
            has_address=address is not None,
            address=self._address(address),
            city=self.text(address, "cbc:CityName"),
            postal_zone=self.text(address, "cbc:PostalZone"),
            address_id=self.text(address, "cbc:ID"),
            country=self.text(address, "cac:Country/cbc:IdentificationCode"),
            contact_name=self.text(element, "cac:Contact/cbc:Name"),
            email=self.text(element, "cac:Contact/cbc:ElectronicMail"),
        )

    def _address(self, address: etree._Element | None) -> tuple[str, ...]:
        street = " ".join(
            filter(None, [self.text(address, f"cbc:{n}") for n in ("StreetName", "BuildingNumber")])
        )
        town = " ".join(
            filter(None, [self.text(address, f"cbc:{name}") for name in ("PostalZone", "CityName")])
        )
        lines = (
            street,
            self.text(address, "cbc:BuildingName"),
            self.text(address, "cbc:AdditionalStreetName"),
            *self.texts(address, "cac:AddressLine/cbc:Line"),
            town,
            self.text(address, "cbc:CountrySubentity"),
        )
        return tuple(line for line in lines if line)


def find(element: etree._Element | None, path: str) -> etree._Element | None:
    """First element at a path written with cbc: and cac:."""
    if element is None or path == ".":
        return element
    return element.find(path, NAMESPACES)


def findall(element: etree._Element | None, path: str) -> list[etree._Element]:
    """All elements at a path written with cbc: and cac:."""
    return [] if element is None else element.findall(path, NAMESPACES)


def attribute(element: etree._Element | None, name: str) -> str:
    """An attribute, empty if it or its element is not there."""
    return "" if element is None else (element.get(name) or "").strip()


def location(element: etree._Element) -> str:
    """Where an element stands, by local names: Invoice/InvoiceLine[2]/Price/PriceAmount."""
    return "/".join(reversed(list(_steps(element))))


def _steps(element: etree._Element) -> Iterator[str]:
    while element is not None:
        parent = element.getparent()
        name = etree.QName(element).localname
        if parent is not None:
            twins = parent.findall(element.tag)
            if len(twins) > 1:
                name += f"[{twins.index(element) + 1}]"
        yield name
        element = parent
