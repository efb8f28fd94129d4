"""What each report is as a table; `core.tables` writes them as files."""

from collections.abc import Sequence
from datetime import date
from itertools import chain
from typing import Any

from core.tables import Table, csv, neutral, xlsx
from reports import segregation
from reports.accruals import AccrualReport
from reports.forecast import Ahead
from reports.orders import Aging, OrderBurnDown
from reports.queries import BurnDown, CommitmentReport
from reports.variance import VarianceReport, VarianceRow

__all__ = [
    "Table",
    "accruals",
    "budget_variance",
    "burn_down",
    "commitments",
    "csv",
    "duties_kept_apart",
    "forecast",
    "neutral",
    "open_orders_aging",
    "order_burn_down",
    "xlsx",
]

_AHEAD = ("on_order", "reserved", "forward", "run_rate")
_FIGURES = (
    "budget",
    "pre_encumbered",
    "encumbered",
    "received_not_invoiced",
    "spent",
    "available",
)


def commitments(report: CommitmentReport) -> Table:
    """The commitments report with its totals and its tie-out line.

    Months have movements; what is received and not invoiced is a balance, and none of theirs.
    """
    codings = [name for name in report.group_by if name != "period"]
    by_month = "period" in report.group_by
    figures = [name for name in _FIGURES if not (by_month and name == "received_not_invoiced")]
    columns = [
        "fiscal_year",
        *(column for name in codings for column in (name, f"{name}_name")),
        *(["period"] if by_month else []),
        *figures,
    ]
    rows = (
        [
            row.fiscal_year,
            *(part for name in codings for part in _coding(getattr(row, name))),
            *([row.period] if by_month else []),
            *(getattr(row.figures, name) for name in figures),
        ]
        for row in report.rows
    )
    blanks = [""] * (len(columns) - len(figures) - 1)
    footer = [
        ["Total", *blanks, *(getattr(report.totals, name) for name in figures)],
        *_proof(report, as_of=report.as_of, known_on=report.known_on),
    ]
    return Table("Commitments", columns, rows, footer, report.entity.currency)


def accruals(report: AccrualReport) -> Table:
    """Received, not invoiced, line by line; `base_amount` is in the entity's currency."""
    columns = [
        *("order", "vendor", "line_number", "description", "quantity", "unit"),
        *("currency", "amount", "base_amount"),
    ]
    cells = (
        [
            *(row.order_number, row.vendor, row.line_number, row.description),
            *(row.quantity, row.unit, row.currency, row.amount, row.base),
        ]
        for row in report.rows
    )
    proof = _proof(report, "the stored sums", as_of=report.as_of, known_on=report.known_on)
    footer = [["Total", *[""] * (len(columns) - 2), report.total], *proof]
    return Table("Received, not invoiced", columns, cells, footer, report.entity.currency)


def duties_kept_apart(report: segregation.Report) -> Table:
    """Violations, near misses and mitigations in one sheet; `kind` tells them apart."""
    columns = [
        *("kind", "person", "first", "second", "order", "at"),
        *("first_document", "second_document", "approved_by", "valid_until", "words"),
    ]
    violations = (
        [
            "violation" if each.mitigation is None else "mitigated",
            each.person,
            *(act.duty for act in each.acts),
            each.order.number,
            each.at.isoformat(),
            *(f"{act.document_type} {act.document_id}" for act in each.acts),
            each.mitigation.approved_by if each.mitigation else "",
            each.mitigation.valid_until if each.mitigation else "",
            each.mitigation.reason if each.mitigation else "",
        ]
        for each in report.violations
    )
    misses = (
        [
            f"near miss: {each.kind}",
            each.person,
            each.first,
            each.second,
            each.reference,
            each.at.isoformat() if each.at else "",
            f"{each.document_type} {each.document_id}" if each.document_id else "",
            *("", "", "", each.words),
        ]
        for each in report.near_misses
    )
    exceptions = (
        [
            "mitigation",
            each.person,
            each.first,
            each.second,
            "",
            each.approved_at.isoformat(),
            *("", "", each.approved_by, each.valid_until, each.reason),
        ]
        for each in report.mitigations
    )
    rows = chain(violations, misses, exceptions)
    footer = [["Violations without mitigation", report.unmitigated]]
    return Table("Segregation of duties", columns, rows, footer, report.entity.currency)


def budget_variance(report: VarianceReport) -> Table:
    """Budget, committed, actual, forecast and what that leaves, with the totals and the tie-out."""
    figures = (
        *("budget", "pre_encumbered", "encumbered", "spent"),
        *(*_AHEAD, "forecast", "variance"),
    )
    columns = [*_dimensions(report.group_by), *figures, "variance_percent", "method"]
    rows = ([*_coded(report, row), *_variance(row)] for row in report.rows)
    blanks = [""] * (len(_dimensions(report.group_by)) - 1)
    footer = [["Total", *blanks, *_variance(report.totals)], *_proof_of_year(report)]
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
    footer += _proof_of_year(report)
    return Table("Forecast", columns, rows, footer, report.scope.entity.currency)


def burn_down(report: BurnDown) -> Table:
    """Balances at the end of each month of a fiscal year, with the tie-out."""
    columns = ["day", "budget", "pre_encumbered", "encumbered", "spent", "available"]
    rows = (
        [point.day, *(getattr(point.figures, name) for name in columns[1:])]
        for point in report.points
    )
    proof = _proof(report, as_of=report.as_of, known_on=report.known_on)
    return Table("Commitment burn-down", columns, rows, proof, report.entity.currency)


def order_burn_down(report: OrderBurnDown) -> Table:
    """How the commitment of one order moved, day by day, with the tie-out."""
    columns = ["day", "committed", "spent", "left"]
    rows = ([each.day, each.committed, each.spent, each.left] for each in report.days)
    proof = _proof(report, as_of=report.as_of, known_on=report.known_on)
    return Table("Order burn-down", columns, rows, proof, report.order.entity.currency)


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
        *_proof(report, as_of=report.as_of),
    ]
    return Table("Open orders by age", columns, rows, footer, report.entity.currency)


def _proof(
    report: Any, against: str = "the ledger", *, as_of: date | None, known_on: date | None = None
) -> list[list[Any]]:
    """How a report ties, and the days it stands on."""
    ties = {True: "yes", False: "no", None: "not compared"}[report.ties]
    return [
        [f"Ties to {against}", ties],
        ["Difference", report.difference],
        ["As of", as_of or "now"],
        *([["Recorded by", known_on]] if known_on else []),
    ]


def _coding(coding: Any) -> tuple[str, str]:
    return (coding.code, coding.name) if coding else ("", "")


def _proof_of_year(report: VarianceReport) -> list[list[Any]]:
    scope = report.scope
    ties, difference, *days = _proof(report, as_of=scope.as_of, known_on=scope.known_on)
    return [ties, difference, ["Fiscal year", scope.fiscal_year], *days]


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
