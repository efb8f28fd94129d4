"""A statement as a file: a table for CSV and XLSX, a printed page for PDF."""

from typing import Any

from babel.dates import format_date

from chargeback.models import StatementLine
from chargeback.queries import LineView, StatementView
from core import tables
from core.money import minor_units
from core.printing import printed
from core.templatetags.figures import LOCALE, plain_figure

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COLUMNS = (
    *("line", "service", "kind", "basis", "units", "unit", "percent", "shared", "amount"),
    *("charged", "allocation", "status", "documents", "entries", "dispute", "answer"),
)


def table(view: StatementView) -> tables.Table:
    """One row a line; `shared` is the whole spend, `charged` what the ledger moved."""
    rows = [_row(number, each) for number, each in enumerate(view.lines, 1)]
    blanks = [""] * 6
    footer = [["Total", *blanks, "", view.total, view.charged]]
    statement = view.statement
    title = f"{statement.cost_center.code} {statement.month:%Y-%m}"
    return tables.Table(title, COLUMNS, rows, footer, statement.entity.currency)


def _row(number: int, each: LineView) -> list[Any]:
    line, revision = each.line, each.line.allocation.revision
    return [
        number,
        line.allocation.rule.name,
        revision.kind,
        revision.basis,
        line.units if line.units is not None else "",
        revision.unit,
        line.percent,
        line.allocation.total,
        line.amount,
        line.moved,
        line.allocation.number,
        words_of(line).lower(),
        ", ".join(row.number or row.document_type for row in each.behind),
        ", ".join(str(entry.pk) for entry in each.entries),
        line.dispute_reason,
        line.resolution,
    ]


def words_of(line: StatementLine) -> str:
    """What a line is, in a word or two."""
    if line.mirrors_id is not None:
        return "Taken back"
    if line.replaces_id is not None and line.status == StatementLine.Status.STANDS:
        return "Corrected amount"
    return str(line.get_status_display())


def pdf(view: StatementView) -> bytes:
    """The statement on paper, in the house style. The same statement gives the same bytes.

    Never call it inside a transaction. Raises PdfUnavailable.
    """
    return printed("pdf/statement.html", _page(view))


def file_name(view: StatementView, extension: str) -> str:
    statement = view.statement
    return f"statement-{statement.cost_center.code}-{statement.month:%Y-%m}.{extension}"


def _page(view: StatementView) -> dict[str, Any]:
    """What the template prints, every figure and date in words and digits already."""
    statement = view.statement
    currency = statement.entity.currency
    owner = statement.cost_center.owner
    return {
        "entity": statement.entity,
        "center": statement.cost_center,
        "owner": owner.name if owner else "",
        "month": format_date(statement.month, "MMMM y", locale=LOCALE),
        "currency": currency,
        "lines": [_printed(number, each, currency) for number, each in enumerate(view.lines, 1)],
        "total": _money(view.total, currency),
        "charged": _money(view.charged, currency),
        "is_charged": bool(view.charged),
    }


def _printed(number: int, each: LineView, currency: str) -> dict[str, Any]:
    line, allocation = each.line, each.line.allocation
    revision = allocation.revision
    return {
        "number": number,
        "service": allocation.rule.name,
        "kind": revision.get_kind_display(),
        "basis": revision.get_basis_display(),
        "allocation": allocation.number,
        "owner": revision.service_owner.name,
        "units": _units(line),
        "percent": f"{plain_figure(round(line.percent, 2))} %",
        "shared": _money(allocation.total, currency),
        "amount": _money(line.amount, currency),
        "words": words_of(line),
        "dispute": line.dispute_reason,
        "answer": line.resolution,
        "behind": [
            f"{row.number or row.document_type} {_money(row.amount, currency)}"
            for row in each.behind[:12]
        ],
        "more": max(0, len(each.behind) - 12),
        "entries": [entry.pk for entry in each.entries],
    }


def _units(line: StatementLine) -> str:
    unit = line.allocation.revision.unit
    return "" if line.units is None else f"{plain_figure(line.units)} {unit}".strip()


def _money(value: Any, currency: str) -> str:
    return plain_figure(value, minor_units(currency))
