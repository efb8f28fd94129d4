"""Forecast, variance, burn-down and aging as tables; `core.tables` writes them as files."""

from collections.abc import Sequence
from typing import Any

from core.tables import Table
from reports.forecast import Ahead
from reports.orders import Aging, DrawDown
from reports.queries import BurnDownPoint
from reports.variance import VarianceReport, VarianceRow

_AHEAD = ("on_order", "reserved", "forward", "run_rate")


def budget_variance(report: VarianceReport) -> Table:
    """Budget, committed, actual, forecast and what that leaves, with the totals and the tie-out."""
    figures = (
        *("budget", "pre_encumbered", "encumbered", "spent"),
        *(*_AHEAD, "forecast", "variance"),
    )
    columns = [*_dimensions(report.group_by), *figures, "variance_percent", "method"]
    rows = ([*_coded(report, row), *_variance(row)] for row in report.rows)
    blanks = [""] * (len(_dimensions(report.group_by)) - 1)
    footer = [["Total", *blanks, *_variance(report.totals)], *_proof(report)]
    return Table("Budget variance", columns, rows, footer, report.scope.entity.currency)


def forecast(report: VarianceReport) -> Table:
    """The rolling twelve months, month by month, then three fiscal years and the tie-out."""
    columns = ["month", "spent", *_AHEAD, "forecast"]
    rows = [[day, *_ahead(ahead)] for day, ahead in report.outlook.rolling]
    footer: list[Sequence[Any]] = [["Twelve months", *_ahead(report.totals.rolling)]]
    footer += [
        [
            *(f"Fiscal year {year.fiscal_year}", year.figures.spent),
            *(*_ahead(year.ahead)[1:-1], year.forecast),
        ]
        for year in report.years
    ]
    return Table("Forecast", columns, rows, [*footer, *_proof(report)], _currency(report))


def burn_down(points: Sequence[BurnDownPoint], *, currency: str) -> Table:
    """Balances at the end of each month of a fiscal year."""
    columns = ["day", "budget", "pre_encumbered", "encumbered", "spent", "available"]
    rows = (
        [point.day, *(getattr(point.figures, name) for name in columns[1:])] for point in points
    )
    return Table("Commitment burn-down", columns, rows, (), currency)


def draw_downs(days: Sequence[DrawDown], *, currency: str) -> Table:
    """How the commitment of one order moved, day by day."""
    columns = ["day", "committed", "spent", "left"]
    rows = ([each.day, each.committed, each.spent, each.left] for each in days)
    return Table("Order burn-down", columns, rows, (), currency)


def open_orders_aging(report: Aging) -> Table:
    """Open orders by age, with what they hold together and the tie-out."""
    columns = ["order", "title", "vendor", "buyer", "issued_on", "age", "late", "bucket", "held"]
    rows = (
        [
            *(row.number, row.title, row.vendor, row.buyer, row.issued_on),
            *(row.age, row.late, row.bucket, row.held),
        ]
        for row in report.rows
    )
    blanks = [""] * (len(columns) - 2)
    footer = [
        ["Total", *blanks, report.total],
        *([words, count, *blanks[1:], held] for words, count, held in report.buckets),
        ["Ties to the ledger", "yes" if report.ties else "no"],
        ["Difference", report.difference],
        ["As of", report.as_of or "now"],
    ]
    return Table("Open orders by age", columns, rows, footer, report.entity.currency)


def _currency(report: VarianceReport) -> str:
    return report.scope.entity.currency


def _proof(report: VarianceReport) -> list[list[Any]]:
    scope = report.scope
    return [
        ["Ties to the ledger", "yes" if report.ties else "no"],
        ["Difference", report.difference],
        ["Fiscal year", scope.fiscal_year],
        ["As of", scope.as_of or "now"],
        *([["Recorded by", scope.known_on]] if scope.known_on else []),
    ]


def _dimensions(groups: Sequence[str]) -> list[str]:
    return [
        column
        for name in groups
        for column in ((name,) if name == "kind" else (name, f"{name}_name"))
    ]


def _coded(report: VarianceReport, row: VarianceRow) -> list[str]:
    found: list[str] = []
    for name in report.group_by:
        if name == "kind":
            found.append(row.kind or "")
        else:
            coding = getattr(row, name)
            found += [coding.code, coding.name]
    return found


def _variance(row: VarianceRow) -> list[Any]:
    held, ahead = row.figures, row.ahead
    return [
        *(held.budget, held.pre_encumbered, held.encumbered, held.spent),
        *(getattr(ahead, name) for name in _AHEAD),
        *(row.forecast, row.variance, row.percent, row.method),
    ]


def _ahead(ahead: Ahead) -> list[Any]:
    return [ahead.spent, *(getattr(ahead, name) for name in _AHEAD), ahead.forecast]
