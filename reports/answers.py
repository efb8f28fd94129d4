"""What each report answers: as data in the words of the API, and as a table to write."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.api.fields import as_id, money, plain
from core.errors import Missing
from core.tables import Table
from purchase_orders.models import PurchaseOrder
from reports import accruals as accruing
from reports import exports, orders, queries
from reports.asking import BadFilter, Question
from reports.forecast import Ahead
from reports.segregation import segregation
from reports.segregation_api import segregation_body
from reports.variance import DEFAULT_GROUPS, VarianceReport, variance

FIGURES = (
    "budget",
    "pre_encumbered",
    "encumbered",
    "received_not_invoiced",
    "spent",
    "available",
)


@dataclass(frozen=True)
class Answer:
    """A report both ways."""

    body: dict[str, Any]
    table: Table


def commitments(asked: Question) -> Answer:
    report = queries.commitments(
        entity=asked.entity,
        as_of=asked.as_of,
        known_on=asked.known_on,
        fiscal_year=asked.fiscal_year,
        group_by=asked.group_by or queries.DEFAULT_GROUPS,
        kind=asked.kind,
        **asked.filters,
    )
    body = {
        **_grouped("commitments", asked, report),
        "rows": [_row(row, asked.entity.currency) for row in report.rows],
        "totals": _figures(report.totals, asked.entity.currency),
    }
    return Answer(body, exports.commitments(report))


def accruals(asked: Question) -> Answer:
    report = accruing.report(entity=asked.entity, as_of=asked.as_of, known_on=asked.known_on)
    base = asked.entity.currency
    body = {
        **_head("accruals", asked),
        "rows": [
            {
                "order": str(row.order_id),
                "order_number": row.order_number,
                "vendor": row.vendor,
                "line_number": row.line_number,
                "description": row.description,
                "quantity": plain(row.quantity),
                "unit": row.unit,
                "currency": row.currency,
                "amount": money(row.amount, row.currency),
                "base_amount": money(row.base, base),
            }
            for row in report.rows
        ],
        "total": money(report.total, base),
        "ties": report.ties,
        "difference": _maybe(report.difference, base),
    }
    return Answer(body, exports.accruals(report))


def budget_variance(asked: Question) -> Answer:
    report = _variance(asked)
    currency = asked.entity.currency
    body = {
        **_grouped("budget-variance", asked, report),
        "rows": [_variance_row(row, currency) for row in report.rows],
        "totals": _variance_figures(report.totals, currency),
    }
    return Answer(body, exports.budget_variance(report))


def forecast(asked: Question) -> Answer:
    report = _variance(asked)
    currency = asked.entity.currency
    body = {
        **_grouped("forecast", asked, report),
        "months": [
            {"month": f"{day:%Y-%m}", **_ahead(ahead, currency)}
            for day, ahead in report.outlook.rolling
        ],
        "years": [
            {
                "fiscal_year": year.fiscal_year,
                "budget": money(year.figures.budget, currency),
                **_ahead(year.ahead, currency),
                "spent": money(year.figures.spent, currency),
                "forecast": money(year.forecast, currency),
                "variance": money(year.variance, currency),
            }
            for year in report.years
        ],
        "rows": [
            {**_dimensions(row), "method": row.method, **_ahead(row.rolling, currency)}
            for row in report.rows
        ],
        "totals": _ahead(report.totals.rolling, currency),
        "method": report.totals.method,
    }
    return Answer(body, exports.forecast(report))


def commitment_burn_down(asked: Question) -> Answer:
    """Of one order, by its id or number, or of the budgets that the filters leave."""
    if asked.order:
        return _order_burn_down(asked)
    report = queries.burn_down(
        entity=asked.entity,
        fiscal_year=asked.fiscal_year,
        as_of=asked.today,
        known_on=asked.known_on,
        kind=asked.kind,
        **asked.filters,
    )
    currency = asked.entity.currency
    body = {
        **_head("commitment-burn-down", asked),
        "fiscal_year": asked.fiscal_year,
        "order": None,
        **_tied(asked, report),
        "rows": [
            {
                "day": point.day,
                **{
                    name: money(getattr(point.figures, name), currency)
                    for name in ("budget", "pre_encumbered", "encumbered", "spent", "available")
                },
            }
            for point in report.points
        ],
    }
    return Answer(body, exports.burn_down(report))


def open_orders_aging(asked: Question) -> Answer:
    report = orders.aging(entity=asked.entity, today=asked.today, as_of=asked.as_of)
    currency = asked.entity.currency
    body = {
        **_head("open-orders-aging", asked),
        "rows": [
            {
                "order": str(row.order_id),
                "order_number": row.number,
                "title": row.title,
                "vendor": row.vendor,
                "buyer": row.buyer,
                "issued_on": row.issued_on,
                "age": row.age,
                "late": row.late,
                "bucket": row.bucket,
                "held": money(row.held, currency),
            }
            for row in report.rows
        ],
        "buckets": [
            {"bucket": words, "count": count, "held": money(held, currency)}
            for words, count, held in report.buckets
        ],
        "median_age": None if report.median_age is None else plain(report.median_age),
        "over_30_days": report.over,
        "total": money(report.total, currency),
        "ties": report.ties,
        "difference": money(report.difference, currency),
    }
    return Answer(body, exports.open_orders_aging(report))


def duties_kept_apart(asked: Question) -> Answer:
    report = segregation(entity=asked.entity, since=asked.since, as_of=asked.as_of)
    return Answer(segregation_body(report), exports.duties_kept_apart(report))


def order_asked_for(asked: Question) -> PurchaseOrder:
    """The order that `order` names by id or number. Raises Missing, BadFilter."""
    pk: UUID | None = as_id(asked.order)
    wanted = {"pk": pk} if pk else {"number": asked.order}
    order = PurchaseOrder.objects.visible_to(asked.user).filter(**wanted).first()
    if order is None:
        raise Missing()
    if order.issued_at is None:
        raise BadFilter("An order that was not issued has committed nothing.")
    return order


def _order_burn_down(asked: Question) -> Answer:
    order = order_asked_for(asked)
    report = orders.burn_down(order, as_of=asked.as_of, known_on=asked.known_on)
    currency = asked.entity.currency
    body = {
        **_head("commitment-burn-down", asked),
        "fiscal_year": None,
        "order": {"id": str(order.pk), "number": order.number},
        **_tied(asked, report),
        "rows": [
            {
                "day": each.day,
                "committed": money(each.committed, currency),
                "spent": money(each.spent, currency),
                "left": money(each.left, currency),
            }
            for each in report.days
        ],
    }
    return Answer(body, exports.order_burn_down(report))


def _variance(asked: Question) -> VarianceReport:
    groups = asked.group_by or DEFAULT_GROUPS
    return variance(asked.scope, today=asked.today, group_by=groups)


def _head(name: str, asked: Question) -> dict[str, Any]:
    return {
        "report": name,
        "as_of": asked.as_of,
        "recorded_at": asked.known_on,
        "currency": asked.entity.currency,
    }


def _tied(asked: Question, report: Any) -> dict[str, Any]:
    return {"ties": report.ties, "difference": money(report.difference, asked.entity.currency)}


def _grouped(
    name: str, asked: Question, report: queries.CommitmentReport | VarianceReport
) -> dict[str, Any]:
    return {
        **_head(name, asked),
        "fiscal_year": asked.fiscal_year,
        "group_by": list(report.group_by),
        **_tied(asked, report),
    }


def _row(row: Any, currency: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"fiscal_year": row.fiscal_year, "period": row.period}
    return {**shown, **_codings(row), **_figures(row.figures, currency)}


def _codings(row: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name in ("cost_center", "gl_account", "project"):
        coding = getattr(row, name)
        shown[name] = coding.code if coding else None
        shown[f"{name}_name"] = coding.name if coding else None
    return shown


def _dimensions(row: Any) -> dict[str, Any]:
    return {**_codings(row), "kind": row.kind}


def _variance_row(row: Any, currency: str) -> dict[str, Any]:
    return {**_dimensions(row), "method": row.method, **_variance_figures(row, currency)}


def _variance_figures(row: Any, currency: str) -> dict[str, Any]:
    ahead = _ahead(row.ahead, currency)
    return {
        **{name: money(getattr(row.figures, name), currency) for name in FIGURES[:3]},
        "spent": money(row.figures.spent, currency),
        **{name: ahead[name] for name in ("on_order", "reserved", "forward", "run_rate")},
        "forecast": money(row.forecast, currency),
        "variance": money(row.variance, currency),
        "variance_percent": None if row.percent is None else plain(row.percent),
    }


def _ahead(ahead: Ahead, currency: str) -> dict[str, str]:
    names = ("spent", "on_order", "reserved", "forward", "run_rate", "forecast")
    return {name: money(getattr(ahead, name), currency) for name in names}


def _figures(figures: Any, currency: str) -> dict[str, str]:
    return {name: money(getattr(figures, name), currency) for name in FIGURES}


def _maybe(value: Decimal | None, currency: str) -> str | None:
    return None if value is None else money(value, currency)
