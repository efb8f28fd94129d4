"""Everything an issued order prints, frozen as data: later master data does not touch it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from babel import Locale

from accounts.models import TaxCode
from core.composed import Composed
from purchase_orders import drafting
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine

SCHEMA = 1
_TERRITORIES = Locale("en").territories


def of(
    order: PurchaseOrder,
    lines: Iterable[PurchaseOrderLine],
    *,
    requisitions: Iterable[str] = (),
    tax_names: dict[str, str] | None = None,
    revised_at: datetime | None = None,
) -> dict[str, Any]:
    """The content of an order that has its number. Amounts are text, days ISO 8601.

    `requisitions` are the numbers it came from, `tax_names` the entity's tax codes where the caller
    has them at hand; `revised_at` is when a later revision was issued. `purchase_orders.pdf`
    prints it.
    """
    lines = sorted(lines, key=lambda line: line.line_number)
    return {
        "schema": SCHEMA,
        "number": order.number,
        "revision": order.revision,
        "kind": order.kind,
        "kind_label": order.get_kind_display(),
        "legacy_number": order.legacy_number,
        "title": order.title,
        "issued_on": order.entity.day_of(order.issued_at).isoformat(),
        **_revised(order, revised_at),
        "currency": order.currency,
        **_parties(order),
        **_agreed(order),
        "requisitions": list(requisitions),
        "ship_to": order.ship_to,
        "bill_to": order.bill_to,
        "delivery_terms": order.delivery_terms,
        "payment_terms_days": order.payment_terms_days,
        "valid_from": order.valid_from.isoformat() if order.valid_from else None,
        "valid_to": order.valid_to.isoformat() if order.valid_to else None,
        "note": order.note,
        "terms": order.entity.purchase_terms,
        "lines": [_line(line) for line in lines],
        "taxes": _taxes(order, lines, tax_names),
        "net": _text(order.net),
        "tax": _text(order.tax),
        "total": _text(order.total),
    }


_tax_names = Composed[tuple[str, str]](
    lambda entity: TaxCode.objects.filter(entity=entity).values_list("code", "name")
)


def _revised(order: PurchaseOrder, at: datetime | None) -> dict[str, Any]:
    """The day of a later revision; the first one knows none."""
    if at is None or order.revision == 1:
        return {}
    return {"revised_on": order.entity.day_of(at).isoformat()}


def _agreed(order: PurchaseOrder) -> dict[str, Any]:
    """The blanket order of a release, and what a blanket order is limited to; others state none."""
    if order.agreement is not None:
        return {"agreement": order.agreement.number}
    if not order.is_blanket:
        return {}
    terms = order.agreement_terms
    return {
        "limited_by": terms.limit_by,
        "limit": _text(terms.limit) if terms.limit is not None else None,
    }


def _parties(order: PurchaseOrder) -> dict[str, Any]:
    entity, vendor, buyer = order.entity, order.vendor, order.buyer
    return {
        "entity": {
            "name": entity.name,
            "address": entity.address,
            "country": entity.country,
            "tax_id": entity.tax_id,
            "registration": entity.registration,
            "email": entity.purchasing_email,
        },
        "vendor": {
            "code": vendor.code,
            "name": vendor.name,
            "address": vendor.address,
            "country": vendor.country,
            "country_name": _TERRITORIES.get(vendor.country, ""),
            "tax_id": vendor.tax_id,
            "email": vendor.order_email,
        },
        "buyer": {"name": buyer.name, "email": buyer.email} if buyer else {"name": "", "email": ""},
    }


def _line(line: PurchaseOrderLine) -> dict[str, Any]:
    return {
        "line_number": line.line_number,
        "kind": line.kind,
        "sku": line.sku,
        "description": line.description + (" (cancelled)" if line.is_cancelled else ""),
        "quantity": _text(line.quantity),
        "unit": line.unit,
        "unit_price": _text(line.unit_price),
        "net": _text(line.net),
        "need_by": line.need_by.isoformat() if line.need_by else None,
        **_period(line),
        "tax_code": line.tax_code,
        "tax_category": line.tax_category,
        "tax_percent": _text(line.tax_percent),
    }


def _period(line: PurchaseOrderLine) -> dict[str, Any]:
    """Stated by those lines only that have one: frozen content stays what it was."""
    if line.period is None:
        return {}
    first, last = line.period
    return {"period_from": first.isoformat(), "period_to": last.isoformat()}


def _taxes(
    order: PurchaseOrder, lines: list[PurchaseOrderLine], names: dict[str, str] | None
) -> list[dict[str, Any]]:
    rows = drafting.taxes([each for each in lines if not each.is_cancelled], order.currency)
    if names is None:
        names = dict(_tax_names(order.entity_id))
    return [
        {
            "category": row.category,
            "percent": _text(row.percent),
            "name": names.get(row.code)
            or (f"Tax {_text(row.percent)} %" if row.percent else "No tax"),
            "taxable": _text(row.taxable),
            "tax": _text(row.tax),
        }
        for row in rows
    ]


def _text(value: Any) -> str:
    return f"{value.normalize():f}"
