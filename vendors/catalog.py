"""The catalog from a CSV file: good rows go in, bad rows are reported by their number."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.models import Entity, Role, TaxCode, User
from accounts.permissions import role
from core import delimited, events, text
from core.decimals import NotADecimal, parse, places
from core.errors import FieldError, Invalid, NotAllowed, TooLarge
from core.money import UnknownCurrency, minor_units
from core.transactions import atomic
from core.units import UNITS
from vendors.models import CatalogItem, Contract, ServiceType, Vendor

MAX_BYTES = 5 * 1024 * 1024
MOST_ROWS = 20_000
REQUIRED = ("vendor_code", "sku", "name", "unit", "unit_price", "currency")
OPTIONAL = ("description", "category", "service_type", "tax_code", "gl_account", "active")
CONTRACT = "contract"  # a file without this column leaves contracts as they are
_MAINTAINS = role(Role.VENDOR_MANAGER, Role.BUYER)
_YES_NO = {"": True, "yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that did not go in. `row` counts as a spreadsheet does: the header is row 1."""

    row: int
    errors: list[FieldError]

    def __str__(self) -> str:
        return f"row {self.row}: " + " ".join(
            f"{error.pointer.lstrip('/')}: {error.detail}" for error in self.errors
        )


@dataclass(slots=True)
class Report:
    """What became of the rows."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)


@atomic
def import_catalog(*, entity: Entity, data: bytes, actor: User | None, at: datetime) -> Report:
    """Create or update items by vendor code and SKU; UTF-8, comma or semicolon, header in row 1.

    Price changes are kept in the item's history. Raises NotAllowed for all but vendor managers,
    buyers and the portal itself; TooLarge above 5 MB; Invalid when it is not such a file.
    """
    if actor is not None and not _MAINTAINS(Vendor(entity=entity), actor):
        raise NotAllowed("You are not allowed to maintain the catalog.")
    report = Report()
    judge = _Judge(entity)
    known = _known_items(entity)
    touched: Counter[Vendor] = Counter()
    for number, row in _rows(data):
        vendor, fields, errors = judge.judge(row)
        if errors or vendor is None:
            report.bad_rows.append(BadRow(number, errors))
            continue
        item = known.get((vendor.pk, fields["sku"]))
        changed = _put(item, vendor, fields, known, actor)
        report.created += item is None
        report.updated += item is not None and changed
        report.unchanged += not changed
        touched[vendor] += changed
    for vendor, count in sorted(touched.items(), key=lambda pair: pair[0].code):
        if count:
            events.publish(
                "vendor.catalog_imported", vendor, actor=actor, at=at, data={"items": count}
            )
    return report


def _known_items(entity: Entity) -> dict[tuple[Any, str], CatalogItem]:
    own = CatalogItem.objects.filter(vendor__entity=entity).order_by("pk")
    items = own.select_for_update(of=("self",), no_key=True)
    return {(item.vendor_id, item.sku): item for item in items}


def _put(
    item: CatalogItem | None,
    vendor: Vendor,
    fields: dict[str, Any],
    known: dict[tuple[Any, str], CatalogItem],
    actor: User | None,
) -> bool:
    """Store a row; False when the item said all of it already."""
    if item is None:
        item = CatalogItem(vendor=vendor, **fields)
        known[vendor.pk, item.sku] = item
    elif all(getattr(item, name) == value for name, value in fields.items()):
        return False
    else:
        for name, value in fields.items():
            setattr(item, name, value)
    item._history_user = actor
    item.save()
    return True


def _rows(data: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    content, delimiter = delimited.opened(data, most_bytes=MAX_BYTES)
    reader = csv.DictReader(content, delimiter=delimiter, strict=True)
    names = [name.strip().lower() for name in reader.fieldnames or []]
    if missing := [name for name in REQUIRED if name not in names]:
        raise Invalid(f"The header lacks: {', '.join(missing)}.")
    if unknown := [name for name in names if name not in (*REQUIRED, *OPTIONAL, CONTRACT)]:
        raise Invalid(f"Unknown columns: {', '.join(map(repr, unknown))}.")
    reader.fieldnames = names
    try:
        for count, row in enumerate(reader, 1):
            if count > MOST_ROWS:
                raise TooLarge(f"More than {MOST_ROWS} rows.")
            yield count + 1, row
    except csv.Error as error:
        raise Invalid(f"Row {reader.line_num} is not CSV: {error}.") from error


class _Judge:
    """Judges rows against what the entity knows, read once."""

    def __init__(self, entity: Entity) -> None:
        self.vendors = {each.code: each for each in Vendor.objects.filter(entity=entity)}
        codes = TaxCode.objects.filter(entity=entity).values_list("code", flat=True)
        self.tax_codes = {"", *codes}
        contracts = Contract.objects.filter(entity=entity)
        self.contracts = {(each.vendor_id, each.number): each for each in contracts}

    def judge(self, row: dict[str, Any]) -> tuple[Vendor | None, dict[str, Any], list[FieldError]]:
        if None in row or None in row.values():
            return None, {}, [FieldError("", "columns", "It has another number of columns.")]
        given = {name: value.strip() for name, value in row.items()}
        vendor = self.vendors.get(given["vendor_code"])
        price, errors = _price(given["unit_price"])
        service_type = given.get("service_type") or ServiceType.OTHER
        errors += [
            *([] if vendor else [FieldError("/vendor_code", "unknown", "No such vendor.")]),
            *text.check(given["sku"], "/sku", most=64, required=True, name=True),
            *text.check(given["name"], "/name", most=200, required=True, name=True),
            *text.check(given.get("description", ""), "/description", most=5000, multiline=True),
            *text.check(given.get("category", ""), "/category", most=64, name=True),
            *text.check(given.get("gl_account", ""), "/gl_account", most=32, name=True),
            *_known(given["unit"], UNITS, "/unit"),
            *_known(service_type, ServiceType.values, "/service_type"),
            *_known(given.get("tax_code", ""), self.tax_codes, "/tax_code"),
            *_known(given.get("active", "").lower(), _YES_NO, "/active"),
            *_currency(given["currency"], vendor),
        ]
        number = given.get(CONTRACT, "")
        contract = self.contracts.get((vendor.pk, number)) if vendor else None
        if number and not contract:
            errors.append(FieldError("/contract", "unknown", f"Unknown: {number!r}."))
        if errors:
            return vendor, {}, errors
        under = {"contract": contract} if CONTRACT in given else {}
        return vendor, {**_fields(given, price, service_type), **under}, []


def _fields(given: dict[str, str], price: Any, service_type: str) -> dict[str, Any]:
    return {
        "sku": given["sku"],
        "name": given["name"],
        "description": given.get("description", ""),
        "category": given.get("category", ""),
        "service_type": service_type,
        "unit": given["unit"],
        "unit_price": price,
        "currency": given["currency"],
        "tax_code": given.get("tax_code", ""),
        "gl_account_code": given.get("gl_account", ""),
        "is_active": _YES_NO[given.get("active", "").lower()],
    }


def _price(value: str) -> tuple[Any, list[FieldError]]:
    try:
        price = parse(value)
    except NotADecimal:
        return None, [FieldError("/unit_price", "invalid", "Not a plain number.")]
    if price <= 0 or price > 10**9 or places(price) > 6:
        detail = "More than 0, at most 10⁹, at most 6 decimals."
        return None, [FieldError("/unit_price", "range", detail)]
    return price, []


def _known(value: str, allowed: Any, pointer: str) -> list[FieldError]:
    return [] if value in allowed else [FieldError(pointer, "unknown", f"Unknown: {value!r}.")]


def _currency(currency: str, vendor: Vendor | None) -> list[FieldError]:
    try:
        minor_units(currency)
    except UnknownCurrency:
        return [FieldError("/currency", "unknown", f"Unknown: {currency!r}.")]
    if vendor and vendor.currency != currency:
        return [FieldError("/currency", "vendor", f"The vendor is paid in {vendor.currency}.")]
    return []
