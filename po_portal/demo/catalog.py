"""Vendors, entered and approved as a vendor manager would, and the catalog from its CSV file."""

from datetime import datetime
from pathlib import Path

import vendors.catalog
import vendors.services
from accounts.models import Entity, User
from po_portal.demo import accounts
from po_portal.demo.organisation import BRITAIN, GERMANY
from vendors.inputs import ContactInput, VendorInput
from vendors.models import MatchType, Vendor

CATALOG = Path(__file__).with_name("catalog.csv")
MANAGERS = {GERMANY: "vera", BRITAIN: "gwen"}


def _vendor(
    code: str,
    name: str,
    domain: str,
    address: str,
    tax_id: str,
    contacts: dict[str, str],
    *,
    country: str = "DE",
    currency: str = "EUR",
    terms: int = 30,
    match_type: str = MatchType.THREE_WAY,
) -> VendorInput:
    """`contacts`: role by name; addresses follow from the name."""
    return VendorInput(
        code=code,
        name=name,
        country=country,
        currency=currency,
        tax_id=tax_id,
        address=address,
        order_email=f"orders@{domain}",
        payment_terms_days=terms,
        default_match_type=match_type,
        contacts=[
            ContactInput(person, f"{_mailbox(person)}@{domain}", role)
            for person, role in contacts.items()
        ],
    )


def _mailbox(person: str) -> str:
    plain = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
    return person.lower().translate(plain).replace(" ", ".")


VENDORS = {
    GERMANY: [
        _vendor(
            *("V-1001", "Elbe IT Handel GmbH", "elbe-it.example"),
            *("Großmannstraße 118\n20539 Hamburg\nGermany", "DE314077252"),
            {"Jana Petersen": "Account manager", "Malte Voss": "Order desk"},
        ),
        _vendor(
            *("V-1002", "Hanse Cloud Services GmbH", "hanse-cloud.example"),
            *("Überseeallee 10\n20457 Hamburg\nGermany", "DE246180939"),
            {"Leon Behrens": "Account manager", "Service desk": "First line, 24/7"},
            match_type=MatchType.TWO_WAY,
            terms=14,
        ),
        _vendor(
            *("V-1003", "Alster Consulting GmbH", "alster-consulting.example"),
            *("Ballindamm 27\n20095 Hamburg\nGermany", "DE299304166"),
            {"Ines Wolter": "Partner", "Tim Schröder": "Staffing"},
        ),
        _vendor(
            *("V-1004", "Kranich Software AG", "kranich-software.example"),
            *("Theresienhöhe 11\n80339 München\nGermany", "DE301722580"),
            {"Sabine Huber": "Licensing"},
            match_type=MatchType.TWO_WAY,
        ),
        _vendor(
            *("V-1005", "Nordnetz Telekom GmbH", "nordnetz.example"),
            *("Nagelsweg 40\n20097 Hamburg\nGermany", "DE227956313"),
            {"Ole Matthiesen": "Business customers", "Network operations": "Escalation"},
            match_type=MatchType.TWO_WAY,
            terms=14,
        ),
        _vendor(
            *("V-1006", "Øresund Security ApS", "oresund-security.example"),
            *("Nordre Toldbod 9\n1259 København K\nDenmark", "DK39313367"),
            {"Mette Sørensen": "Engagement lead", "Duty officer": "Incidents, 24/7"},
            country="DK",
        ),
        _vendor(
            *("V-1007", "Boreal Data Oy", "boreal-data.example"),
            *("Kalevankatu 30\n00100 Helsinki\nFinland", "FI33364644"),
            {"Aino Virtanen": "Customer success"},
            country="FI",
            match_type=MatchType.TWO_WAY,
        ),
        _vendor(
            *("V-1008", "Liberty Metrics Inc.", "liberty-metrics.example"),
            *("410 Townsend Street\nSan Francisco, CA 94107\nUSA", "94-3318822"),
            {"Grace Holloway": "Renewals", "Billing": "Invoices"},
            country="US",
            currency="USD",
            match_type=MatchType.TWO_WAY,
        ),
        _vendor(
            *("V-1009", "Wiese Büro & Technik KG", "wiese-buero.example"),
            *("Süderstraße 75\n20097 Hamburg\nGermany", "DE266809144"),
            {"Karin Wiese": "Order desk"},
        ),
        _vendor(
            *("V-1010", "Fachakademie Lorenz GmbH", "akademie-lorenz.example"),
            *("Rheinstraße 4\n64283 Darmstadt\nGermany", "DE319550270"),
            {"Uwe Lorenz": "Course office"},
        ),
        _vendor(
            *("V-1011", "Werft Systeme GmbH", "werft-systeme.example"),
            *("Hermann-Blohm-Straße 3\n20457 Hamburg\nGermany", "DE234711805"),
            {"Henning Krohn": "Service"},
        ),
        _vendor(
            *("V-1012", "Blockwerk KI GmbH", "blockwerk.example"),
            *("Torstraße 201\n10115 Berlin\nGermany", "DE285506399"),
            {"Nele Sander": "Founder"},
        ),
    ],
    BRITAIN: [
        _vendor(
            *("V-2001", "Humber Supplies Ltd", "humber-supplies.example"),
            *("7 Albert Dock\nHull HU1 2DQ\nUnited Kingdom", "GB902439933"),
            {"Owen Clarke": "Sales"},
            country="GB",
            currency="GBP",
        ),
        _vendor(
            *("V-2002", "Pennine Cloud Ltd", "pennine-cloud.example"),
            *("3 Station Approach\nSheffield S1 2BX\nUnited Kingdom", "GB468070184"),
            {"Priya Nair": "Account manager"},
            country="GB",
            currency="GBP",
            match_type=MatchType.TWO_WAY,
        ),
    ],
}
IN_REVIEW, SUSPENDED = "V-1012", "V-1011"


def load(*, at: datetime) -> None:
    """Enter all vendors and items; one vendor stays in review, one is suspended."""
    for code, inputs in VENDORS.items():
        entity = Entity.objects.get(code=code)
        manager = User.objects.get(email=f"{MANAGERS[code]}@demo.example")
        for data in inputs:
            _enter(entity, data, manager, at)
    content = CATALOG.read_text(encoding="utf-8").splitlines()
    for code, inputs in VENDORS.items():
        rows = [row for row in content[1:] if row.split(",")[0] in {each.code for each in inputs}]
        report = vendors.catalog.import_catalog(
            entity=Entity.objects.get(code=code),
            data="\n".join([content[0], *rows]).encode(),
            actor=User.objects.get(email=f"{MANAGERS[code]}@demo.example"),
            at=at,
        )
        if report.bad_rows:
            raise ValueError(f"demo catalog: {report.bad_rows[0]}")


def _enter(entity: Entity, data: VendorInput, manager: User, at: datetime) -> Vendor:
    vendor = vendors.services.create(entity=entity, data=data, actor=manager, at=at)
    vendor = vendors.services.submit(vendor=vendor, actor=manager, at=at)
    if data.code == IN_REVIEW:
        return vendor
    vendor = vendors.services.approve(vendor=vendor, actor=manager, at=at)
    vendors.services.bank.take_over(
        vendor=vendor,
        data=accounts.as_input(data),
        at=at,
        note="Taken over from the accounting system, where it was verified.",
    )
    if data.code == SUSPENDED:
        reason = "Liability insurance expired; waiting for the new certificate."
        vendor = vendors.services.suspend(vendor=vendor, actor=manager, at=at, reason=reason)
    return vendor
