"""Judging what a requester said: every rule is checked, every fault named at its field.

The same judgement stands behind the form, the API and a second look at submission, when coding,
vendors or catalog prices may have changed since the draft was saved.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from accounts.models import Entity, TaxCode
from accounts.tax import tax_codes
from approvals.models import PolicyRequirement
from core import text
from core.decimals import NotADecimal, parse, places
from core.errors import FieldError, Invalid
from core.money import HUNDRED, ZERO, UnknownCurrency, allocate, line_net, minor_units
from core.units import UNITS
from requisitions.inputs import DistributionInput, LineInput, RequisitionInput
from requisitions.models import RequisitionLine
from vendors import countries
from vendors.models import ServiceType, Vendor

MOST_YEARS = 10  # of a service period
MOST_LINES = 500
MOST_DISTRIBUTIONS = 50
MOST_QUANTITY = Decimal(1_000_000_000)
MOST_PRICE = Decimal(1_000_000_000)
MOST_TOTAL = Decimal(100_000_000_000)
MOST_DECIMALS = 6
MOST_REFERENCE = 64
_KINDS = frozenset(RequisitionLine.Kind.values)
_BASES = frozenset(RequisitionLine.Basis.values)


@dataclass(frozen=True, slots=True)
class JudgedLine:
    """A line as it will be stored, with its net and the amount of each distribution."""

    said: LineInput
    description: str
    sku: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    tax_code: str
    vendor: Vendor | None
    net: Decimal
    amounts: list[Decimal]


@dataclass(frozen=True, slots=True)
class Judged:
    lines: list[JudgedLine]
    total: Decimal
    tax_codes: Mapping[str, TaxCode]


def judge(*, entity: Entity, data: RequisitionInput, today: date) -> Judged:
    """The lines with their figures, or Invalid naming every fault by its JSON pointer.

    `today` is the entity's day. Limits: 500 lines, quantities and prices up to 10⁹ with six
    decimals, a total below 10¹¹. Amounts are in the document's currency.
    """
    errors = _header_errors(entity, data, today)
    if _currency_error(data.currency):
        raise Invalid(errors=errors)
    codes = tax_codes(entity)
    lines: list[JudgedLine] = []
    for index, line in enumerate(data.lines[:MOST_LINES]):
        judged, faults = _judge_line(entity, data, line, f"/lines/{index}", today, codes)
        errors += faults
        if judged:
            lines.append(judged)
    total = sum((line.net for line in lines), ZERO)
    if total > MOST_TOTAL:
        errors.append(FieldError("/lines", "max_value", f"The total is above {MOST_TOTAL:,f}."))
    if errors:
        raise Invalid(errors=errors)
    return Judged(lines, total, codes)


def _header_errors(entity: Entity, data: RequisitionInput, today: date) -> list[FieldError]:
    errors = [
        *text.check(data.title, "/title", most=200, required=True, name=True),
        *text.check(data.ship_to, "/ship_to", most=1000, multiline=True),
        *text.check(data.justification, "/justification", most=5000, multiline=True),
        *text.check(data.external_reference, "/external_reference", most=64, name=True),
        *text.check(data.budget_reason, "/budget_reason", most=2000, multiline=True),
        *_currency_error(data.currency),
        *_choice_error(data.service_type, ServiceType.values, "/service_type"),
        *_day_error(data.need_by, today, "/need_by"),
        *_vendor_errors(entity, data, data.vendor, "/vendor"),
        *text.check(data.emergency_reason, "/emergency_reason", most=2000, multiline=True),
        *_choice_error(data.data_residency, {"", *countries.NAMES}, "/risk/data_residency"),
        *_reference_errors(data.references),
    ]
    if not data.lines:
        errors.append(FieldError("/lines", "required", "At least one line is needed."))
    if len(data.lines) > MOST_LINES:
        errors.append(FieldError("/lines", "max_length", f"At most {MOST_LINES} lines."))
    return errors


def _reference_errors(references: Mapping[str, str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for kind, value in references.items():
        pointer = f"/references/{text.escaped(kind)}"
        if kind not in PolicyRequirement.Reference.values:
            errors.append(FieldError(pointer, "unknown", "There is no such kind of reference."))
        elif not isinstance(value, str):
            errors.append(FieldError(pointer, "invalid", "A reference is text."))
        else:
            errors += text.check(value, pointer, most=MOST_REFERENCE, name=True)
    return errors


def _judge_line(
    entity: Entity,
    data: RequisitionInput,
    line: LineInput,
    at: str,
    today: date,
    codes: Collection[str],
) -> tuple[JudgedLine | None, list[FieldError]]:
    quantity, errors = _figure(line.quantity, f"{at}/quantity", MOST_QUANTITY)
    item = line.catalog_item
    if item is None:
        price, faults = _figure(line.unit_price, f"{at}/unit_price", MOST_PRICE)
        errors += faults
    else:
        price = item.unit_price
    fixed = {
        "description": line.description.strip() or (item.name if item else ""),
        "sku": item.sku if item else line.sku,
        "unit": item.unit if item else line.unit,
        "tax_code": line.tax_code or (item.tax_code if item else ""),
        "vendor": item.vendor if item else line.vendor,
    }
    errors += [
        *_item_errors(entity, data, line, at),
        *text.check(fixed["description"], f"{at}/description", most=500, required=True),
        *text.check(fixed["sku"], f"{at}/sku", most=64, name=True),
        *_choice_error(fixed["unit"], UNITS, f"{at}/unit"),
        *_choice_error(line.kind, _KINDS, f"{at}/kind"),
        *_choice_error(line.basis, _BASES, f"{at}/basis"),
        *_choice_error(fixed["tax_code"], {"", *codes}, f"{at}/tax_code"),
        *_day_error(line.need_by, today, f"{at}/need_by"),
        *period_errors(line.period_from, line.period_to, at),
        *_distribution_errors(entity, line.distributions, f"{at}/distributions"),
    ]
    if item is None:
        errors += _vendor_errors(entity, data, line.vendor, f"{at}/vendor")
    if errors or quantity is None or price is None:
        return None, errors
    net = line_net(quantity=quantity, unit_price=price, currency=data.currency)
    amounts, errors = _shares(net, line.distributions, data.currency, at)
    judged = JudgedLine(
        said=line, quantity=quantity, unit_price=price, net=net, amounts=amounts, **fixed
    )
    return (None if errors else judged), errors


def _shares(
    net: Decimal, parts: list[DistributionInput], currency: str, at: str
) -> tuple[list[Decimal], list[FieldError]]:
    if net <= 0:
        return [], [
            FieldError(f"{at}/quantity", "min_value", "The line's amount would round to zero.")
        ]
    if net > MOST_TOTAL:
        return [], [
            FieldError(f"{at}/quantity", "max_value", f"The line is above {MOST_TOTAL:,f}.")
        ]
    amounts = allocate(net, [parse(part.percent) for part in parts], currency)
    small = [index for index, amount in enumerate(amounts) if amount <= 0]
    return amounts, [
        FieldError(
            f"{at}/distributions/{index}/percent",
            "min_value",
            "This share of the line is less than the smallest amount of the currency.",
        )
        for index in small
    ]


def _figure(
    value: Any, pointer: str, most: Decimal, *, least_excluded: Decimal = ZERO
) -> tuple[Decimal | None, list[FieldError]]:
    if value is None or value == "":
        return None, [FieldError(pointer, "required", "This is needed.")]
    try:
        number = parse(value)
    except NotADecimal:
        return None, [FieldError(pointer, "invalid", "Write a plain number such as 1250.00.")]
    if number <= least_excluded:
        return None, [FieldError(pointer, "min_value", f"Must be more than {least_excluded}.")]
    if number > most:
        return None, [FieldError(pointer, "max_value", f"At most {most:,f}.")]
    if places(number) > MOST_DECIMALS:
        return None, [
            FieldError(pointer, "max_decimal_places", f"At most {MOST_DECIMALS} decimals.")
        ]
    return number, []


def _item_errors(
    entity: Entity, data: RequisitionInput, line: LineInput, at: str
) -> list[FieldError]:
    item, pointer = line.catalog_item, f"{at}/catalog_item"
    if item is None:
        return []
    if item.vendor.entity_id != entity.pk:
        return [FieldError(pointer, "unknown", "There is no such catalog item.")]
    if not item.is_active or item.vendor.status != Vendor.Status.APPROVED:
        return [FieldError(pointer, "not_orderable", f"{item.name} cannot be ordered any more.")]
    errors = []
    if item.currency != data.currency:
        errors.append(FieldError(pointer, "currency", f"{item.name} is priced in {item.currency}."))
    if line.vendor is not None and line.vendor.pk != item.vendor_id:
        errors.append(FieldError(f"{at}/vendor", "catalog_vendor", f"{item.vendor} sells it."))
    if line.unit_price not in (None, "", item.unit_price):
        price = f"{item.unit_price:,f} {item.currency}"
        errors.append(
            FieldError(f"{at}/unit_price", "catalog_price", f"The catalog price is {price}.")
        )
    return errors


def _vendor_errors(
    entity: Entity, data: RequisitionInput, vendor: Vendor | None, pointer: str
) -> list[FieldError]:
    if vendor is None:
        return []
    if vendor.entity_id != entity.pk:
        return [FieldError(pointer, "unknown", "There is no such vendor.")]
    if vendor.status != Vendor.Status.APPROVED:
        state = vendor.get_status_display().lower()
        return [
            FieldError(pointer, "not_approved", f"{vendor} is {state}; only an approved one sells.")
        ]
    if vendor.currency != data.currency:
        return [FieldError(pointer, "currency", f"{vendor} is paid in {vendor.currency}.")]
    return []


def _distribution_errors(
    entity: Entity, parts: list[DistributionInput], pointer: str
) -> list[FieldError]:
    if not parts:
        return [FieldError(pointer, "required", "Say which cost centre and account pay for it.")]
    if len(parts) > MOST_DISTRIBUTIONS:
        return [FieldError(pointer, "max_length", f"At most {MOST_DISTRIBUTIONS} parts.")]
    errors: list[FieldError] = []
    whole = ZERO
    for index, part in enumerate(parts):
        at = f"{pointer}/{index}"
        percent, faults = _figure(part.percent, f"{at}/percent", HUNDRED)
        whole += percent or ZERO
        errors += [
            *faults,
            *_coding_errors(entity, part.cost_center, f"{at}/cost_center", required=True),
            *_coding_errors(entity, part.gl_account, f"{at}/gl_account", required=True),
            *_coding_errors(entity, part.project, f"{at}/project", required=False),
        ]
    if not errors and whole != HUNDRED:
        errors.append(
            FieldError(pointer, "sum", f"The parts add up to {whole.normalize():f} %, not 100 %.")
        )
    return errors


def _coding_errors(
    entity: Entity, coding: Any, pointer: str, *, required: bool
) -> list[FieldError]:
    if coding is None:
        return [FieldError(pointer, "required", "This is needed.")] if required else []
    if coding.entity_id != entity.pk:
        return [FieldError(pointer, "unknown", "There is no such code.")]
    if not coding.is_active:
        return [FieldError(pointer, "inactive", f"{coding} is not in use any more.")]
    return []


def _currency_error(currency: str) -> list[FieldError]:
    try:
        minor_units(currency)
    except UnknownCurrency:
        return [FieldError("/currency", "unknown", "Not a currency of ISO 4217.")]
    return []


def _choice_error(value: str, allowed: Any, pointer: str) -> list[FieldError]:
    known = isinstance(value, str) and value in allowed
    return [] if known else [FieldError(pointer, "unknown", "Not one of the known values.")]


def period_errors(first: date | None, last: date | None, at: str) -> list[FieldError]:
    """A service period has both its days, in order, and ends within ten years."""
    if first is None and last is None:
        return []
    if first is None or last is None:
        missing = "period_from" if first is None else "period_to"
        return [FieldError(f"{at}/{missing}", "required", "A service period has both its days.")]
    if last < first:
        return [FieldError(f"{at}/period_to", "min_value", "It ends before it begins.")]
    if last.year - first.year > MOST_YEARS:
        return [FieldError(f"{at}/period_to", "max_value", f"At most {MOST_YEARS} years.")]
    return []


def _day_error(day: date | None, today: date, pointer: str) -> list[FieldError]:
    past = day is not None and day < today
    return [FieldError(pointer, "past", "This day has passed.")] if past else []
