"""The printed order: frozen content in, PDF bytes out. No database, no clock, no network."""

from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_date

from core.money import minor_units
from core.printing import PdfUnavailable, missing_library, printed
from core.templatetags.figures import LOCALE, plain_figure, unit_name

__all__ = ["PdfUnavailable", "missing_library", "render_order"]


def render_order(content: dict[str, Any]) -> bytes:
    """The PDF of a revision's frozen content. The same content gives the same bytes.

    Raises PdfUnavailable where Pango is missing.
    """
    return printed("pdf/order.html", _page(content))


def _page(content: dict[str, Any]) -> dict[str, Any]:
    """What the template prints, every figure and date in words and digits already."""
    currency = content["currency"]
    return {
        **content,
        "label": f"{content['number']} rev {content['revision']}"
        if content["revision"] > 1
        else content["number"],
        "issued": _day(content["issued_on"]),
        "revised": _day(content.get("revised_on")),
        "valid_from": _day(content["valid_from"]),
        "valid_to": _day(content["valid_to"]),
        "lines": [_line(line, currency) for line in content["lines"]],
        "limit": _money(content["limit"], currency) if content.get("limit") else "",
        "has_need_by": any(line["need_by"] for line in content["lines"]),
        "taxes": [_tax(row, currency) for row in content["taxes"]],
        "net": _money(content["net"], currency),
        "tax": _money(content["tax"], currency),
        "total": _money(content["total"], currency),
    }


def _line(line: dict[str, Any], currency: str) -> dict[str, Any]:
    return {
        **line,
        "quantity": plain_figure(Decimal(line["quantity"])),
        "unit": unit_name(line["unit"]),
        "unit_price": _money(line["unit_price"], currency),
        "net": _money(line["net"], currency),
        "need_by": _day(line["need_by"], "d MMM y"),
        "period": _period(line),
        "tax_percent": f"{plain_figure(Decimal(line['tax_percent']))} %",
    }


def _tax(row: dict[str, Any], currency: str) -> dict[str, Any]:
    return {
        **row,
        "percent": f"{plain_figure(Decimal(row['percent']))} %",
        "taxable": _money(row["taxable"], currency),
        "tax": _money(row["tax"], currency),
    }


def _money(value: str, currency: str) -> str:
    return plain_figure(Decimal(value), minor_units(currency))


def _period(line: dict[str, Any]) -> str:
    if not line.get("period_from"):
        return ""
    first, last = (_day(line[name], "d MMM y") for name in ("period_from", "period_to"))
    return f"Service from {first} to {last}"


def _day(value: str | None, form: str = "d MMMM y") -> str:
    return format_date(date.fromisoformat(value), form, locale=LOCALE) if value else ""
