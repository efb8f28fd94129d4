"""What a requisition says, as plain data: the basis of its digest, its trail and its copies."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Prefetch

from core import events
from core.composed import Composed
from requisitions.inputs import DistributionInput, LineInput, RequisitionInput
from requisitions.models import Requisition, RequisitionDistribution, RequisitionLine
from vendors.models import Vendor

HEADER = (
    "title",
    "currency",
    "service_type",
    "need_by",
    "ship_to",
    "justification",
    "external_reference",
    "budget_reason",
    "emergency",
    "emergency_reason",
    "personal_data",
    "data_residency",
    "regulated",
    "third_party_access",
    "references",
)
RISK = ("service_type", "personal_data", "data_residency", "regulated", "third_party_access")
LINE = (
    "line_number",
    "kind",
    "sku",
    "description",
    "quantity",
    "unit",
    "unit_price",
    "tax_code",
    "net",
    "need_by",
    "basis",
)
PERIOD = ("period_from", "period_to")  # stated by those lines only that have one
_KEYS = ("vendor", "catalog_item")


_lines = Composed[RequisitionLine](
    lambda requisition: (
        RequisitionLine.objects.filter(requisition=requisition)
        .select_related("catalog_item")
        .prefetch_related(coded_distributions())
    )
)


def lines_of(requisition: Requisition) -> list[RequisitionLine]:
    """Its lines in order with coding, items and vendors at hand. Statements: 2, and 1 where there
    are other vendors than the header's."""
    lines = _lines(requisition.pk)
    vendors = _vendors_of(requisition, lines)
    for line in lines:
        line.requisition = requisition
        line.vendor = vendors.get(line.vendor_id)
        if line.catalog_item:
            line.catalog_item.vendor = vendors[line.catalog_item.vendor_id]
    return lines


def _vendors_of(
    requisition: Requisition, lines: Iterable[RequisitionLine]
) -> dict[UUID | None, Vendor]:
    """Who sells its lines, each once: the rows of many lines would repeat one vendor."""
    known: dict[UUID | None, Vendor] = {}
    if requisition.vendor:
        known[requisition.vendor.pk] = requisition.vendor
    named = {line.vendor_id for line in lines}
    named |= {line.catalog_item.vendor_id for line in lines if line.catalog_item}
    if missing := named - known.keys() - {None}:
        known |= {vendor.pk: vendor for vendor in _vendors(missing)}
    return known


_vendors = Composed[Vendor](lambda pks: Vendor.objects.filter(pk__in=pks))


_HEAD = ("pk", "requester_id", "vendor_id", *HEADER)
_OF_LINE = (*LINE, *PERIOD, *_KEYS)
_CODING = ("cost_center__code", "gl_account__code", "project__code", "percent", "amount")
_stored = Composed[tuple[Any, ...]](
    lambda pk: (
        Requisition.objects.filter(pk=pk)
        .order_by("lines__line_number", "lines__distributions__position")
        .values_list(
            *_HEAD,
            *(f"lines__{name}" for name in _OF_LINE),
            *(f"lines__distributions__{name}" for name in _CODING),
        )
    )
)


def stored_content(requisition_id: UUID) -> dict[str, Any]:
    """`content` of what is stored now, read without making rows into objects. Statements: 1.

    Raises Requisition.DoesNotExist.
    """
    rows = _stored(requisition_id)
    if not rows:
        raise Requisition.DoesNotExist
    lines: dict[int, dict[str, Any]] = {}
    for row in rows:
        said = dict(zip(_OF_LINE, row[len(_HEAD) : -len(_CODING)], strict=True))
        line = lines.get(said["line_number"])
        if line is None:
            line = lines[said["line_number"]] = _stated(said)
        *codes, percent, amount = row[-len(_CODING) :]
        line["distributions"].append(_part(*codes, percent=percent, amount=amount))
    return {**_header(dict(zip(_HEAD, rows[0], strict=False))), "lines": list(lines.values())}


def _stated(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: _plain(row[name]) for name in LINE},
        **{name: _plain(row[name]) for name in PERIOD if row[name]},
        **{name: _key(row[name]) for name in _KEYS},
        "distributions": [],
    }


def coded_distributions() -> Prefetch:
    """The distributions of lines with their cost centre, account and project in one statement."""
    coded = RequisitionDistribution.objects.select_related("cost_center", "gl_account", "project")
    return Prefetch("distributions", queryset=coded)


def content(requisition: Requisition, lines: list[RequisitionLine]) -> dict[str, Any]:
    """Everything an approver agrees to, as JSON data with exact figures as text."""
    said = {name: getattr(requisition, name) for name in _HEAD}
    return {**_header(said), "lines": [_line(line) for line in lines]}


def _header(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "requisition": str(said["pk"]),
        "requester": str(said["requester_id"]),
        "vendor": _key(said["vendor_id"]),
        **{name: _plain(said[name]) for name in HEADER},
    }


def _line(line: RequisitionLine) -> dict[str, Any]:
    return {
        **{name: _plain(getattr(line, name)) for name in LINE},
        **{name: _plain(getattr(line, name)) for name in PERIOD if getattr(line, name)},
        **{name: _key(getattr(line, f"{name}_id")) for name in _KEYS},
        "distributions": [
            _part(
                part.cost_center.code,
                part.gl_account.code,
                part.project.code if part.project else None,
                percent=part.percent,
                amount=part.amount,
            )
            for part in line.distributions.all()
        ],
    }


def _part(
    cost_center: str, gl_account: str, project: str | None, *, percent: Decimal, amount: Decimal
) -> dict[str, Any]:
    return {
        "cost_center": cost_center,
        "gl_account": gl_account,
        "project": project,
        "percent": _plain(percent),
        "amount": _plain(amount),
    }


def _key(value: Any) -> str | None:
    return None if value is None else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value.isoformat() if isinstance(value, date) else value


def digest(stated: Any) -> str:
    """SHA-256 of the canonical JSON of `content`, or of a part of it."""
    text = json.dumps(stated, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def parts(stated: dict[str, Any]) -> dict[str, str]:
    """Digests of the parts of a content, together all of it: a change of one touches only those
    who were asked about it. Coding is one part for each cost centre."""
    lines = stated["lines"]
    known: dict[str, Any] = {
        "lines": [_without(line, "net", "vendor", "distributions") for line in lines],
        "amount": [stated["currency"], [line["net"] for line in lines]],
        "vendor": [stated["vendor"], [line["vendor"] for line in lines]],
        "risk": [{name: stated[name] for name in RISK}, stated["references"]],
        "terms": _without(stated, "lines", "currency", "vendor", *RISK),
    }
    for part in [part for line in lines for part in line["distributions"]]:
        coding = known.setdefault(f"coding:{part['cost_center']}", [])
        coding.append([part["gl_account"], part["project"], part["amount"]])
    return {name: digest(part) for name, part in known.items()}


def _without(stated: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in stated.items() if name not in names}


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Field by field what changed: `[{"field": "lines/0/quantity", "old": "1", "new": "2"}]`."""
    found = events.differences(dict(_flat(old)), dict(_flat(new)))
    return sorted(found, key=lambda change: _in_order(change["field"]))


def _flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    else:
        return [(name, value)]
    return [
        leaf for key, each in pairs for leaf in _flat(each, f"{name}/{key}" if name else str(key))
    ]


def _in_order(name: str) -> list[tuple[int, str]]:
    """`lines/2/…` before `lines/10/…`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split("/")]


def as_input(
    requisition: Requisition, lines: list[RequisitionLine], *, fresh: bool = False
) -> RequisitionInput:
    """The stored requisition as input again. `fresh` drops what belongs to its own time: days,
    the reason given for its budget, its emergency, outside references and prices that the catalog
    sets. What it says of data and access stays."""
    return RequisitionInput(
        title=requisition.title,
        currency=requisition.currency,
        vendor=requisition.vendor,
        service_type=requisition.service_type,
        need_by=None if fresh else requisition.need_by,
        ship_to=requisition.ship_to,
        justification=requisition.justification,
        external_reference="" if fresh else requisition.external_reference,
        budget_reason="" if fresh else requisition.budget_reason,
        emergency=not fresh and requisition.emergency,
        emergency_reason="" if fresh else requisition.emergency_reason,
        personal_data=requisition.personal_data,
        data_residency=requisition.data_residency,
        regulated=requisition.regulated,
        third_party_access=requisition.third_party_access,
        references={} if fresh else requisition.references,
        lines=[_line_input(line, fresh=fresh) for line in lines],
    )


def _line_input(line: RequisitionLine, *, fresh: bool) -> LineInput:
    return LineInput(
        description=line.description,
        quantity=line.quantity,
        unit=line.unit,
        unit_price=None if fresh and line.catalog_item else line.unit_price,
        kind=line.kind,
        catalog_item=line.catalog_item,
        sku=line.sku,
        tax_code=line.tax_code,
        need_by=None if fresh else line.need_by,
        basis=line.basis,
        period_from=None if fresh else line.period_from,
        period_to=None if fresh else line.period_to,
        vendor=line.vendor,
        distributions=[
            DistributionInput(part.cost_center, part.gl_account, part.project, part.percent)
            for part in line.distributions.all()
        ],
    )
