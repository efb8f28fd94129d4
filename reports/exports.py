"""What each report is as a table; `core.tables` writes them as files."""

from itertools import chain
from typing import Any

from core.tables import Table, csv, neutral, xlsx
from reports import segregation
from reports.accruals import AccrualReport
from reports.queries import CommitmentReport

__all__ = ["Table", "accruals", "commitments", "csv", "duties_kept_apart", "neutral", "xlsx"]


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
        ["Ties to the ledger", "yes" if report.ties else "no"],
        ["Difference", report.difference],
        ["As of", report.as_of or "now"],
        *([["Recorded by", report.known_on]] if report.known_on else []),
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
    ties = {True: "yes", False: "no", None: "not compared"}[report.ties]
    footer = [
        ["Total", *[""] * (len(columns) - 2), report.total],
        ["Ties to the stored sums", ties],
        ["Difference", report.difference],
        ["As of", report.as_of or "now"],
        *([["Recorded by", report.known_on]] if report.known_on else []),
    ]
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


_FIGURES = (
    "budget",
    "pre_encumbered",
    "encumbered",
    "received_not_invoiced",
    "spent",
    "available",
)


def _coding(coding: Any) -> tuple[str, str]:
    return (coding.code, coding.name) if coding else ("", "")
