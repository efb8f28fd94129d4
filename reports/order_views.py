"""Accruals, open orders by age, and burn-down in the browser."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from core.web import pages_of, require_role
from purchase_orders.models import PurchaseOrder
from reports import accruals as accruing
from reports import exports, orders, queries
from reports.asking import WHOLE_ENTITY
from reports.pages import (
    FILES,
    asked_of,
    chosen_of,
    entry_links,
    file_of,
    frame_of,
    kept,
    same,
    today_of,
)

_GROUPS = (("cost_center", "By cost centre"),)
_MOST_ROWS = 500
_STAGES = (("", "All"), ("ENC", "Committed"), ("ACT", "Spent"))


@login_required
def accruals(request: HttpRequest) -> HttpResponse:
    """Received, not invoiced, line by line, tied to the stored sums."""
    require_role(request, *WHOLE_ENTITY)
    entity, chosen = request.user.entity, chosen_of(request, groups=_GROUPS)
    report = accruing.report(entity=entity, as_of=chosen["as_of"], known_on=chosen["recorded_at"])
    if chosen["format"] in FILES:
        return file_of(
            request,
            chosen["format"],
            name=f"accruals-{entity.code}",
            made=lambda: exports.accruals(report),
        )
    pages = pages_of(request.user, (("order", row.order_id) for row in report.rows))
    by_vendor = _sums((row.vendor, row.base) for row in report.rows)
    context = {
        **frame_of(request, chosen, "accruals"),
        "report": report,
        "rows": [(row, pages.get(row.order_id, "")) for row in report.rows[:_MOST_ROWS]],
        "cut": _MOST_ROWS if len(report.rows) > _MOST_ROWS else None,
        "chart": _chart(by_vendor[:12], "Received, not invoiced", entity.currency),
        "vendors": len(by_vendor),
    }
    return render(request, "reports/accruals.html", context)


@login_required
def aging(request: HttpRequest) -> HttpResponse:
    """Open orders by age, and what they still hold."""
    require_role(request, *WHOLE_ENTITY)
    entity = request.user.entity
    chosen = {**chosen_of(request, groups=_GROUPS), "recorded_at": None}  # it knows no such day
    today = today_of(entity, chosen)
    report = orders.aging(entity=entity, today=today, as_of=chosen["as_of"])
    if chosen["format"] in FILES:
        return file_of(
            request,
            chosen["format"],
            name=f"open-orders-aging-{entity.code}",
            made=lambda: exports.open_orders_aging(report),
        )
    rows = report.rows[:_MOST_ROWS]
    pages = pages_of(request.user, (("order", row.order_id) for row in rows))
    buckets = [(words, held) for words, _, held in report.buckets]
    context = {
        **frame_of(request, chosen, "open-orders-aging"),
        "report": report,
        "rows": [(row, pages.get(row.order_id, ""), _followed(row.number, chosen)) for row in rows],
        "cut": _MOST_ROWS if len(report.rows) > _MOST_ROWS else None,
        "chart": _chart(buckets, "Committed", entity.currency, horizontal=False),
    }
    return render(request, "reports/aging.html", context)


@login_required
def burn_down(request: HttpRequest) -> HttpResponse:
    """How an order, by `?order=` its number, or budgets were used up."""
    require_role(request, *WHOLE_ENTITY)
    chosen = chosen_of(request, groups=_GROUPS, stages=_STAGES)
    number = request.GET.get("order", "")[:64]
    if number:
        return _order(request, chosen, number)
    entity = request.user.entity
    asked = {**asked_of(chosen), "as_of": today_of(entity, chosen)}
    report = queries.burn_down(entity=entity, **asked)
    if chosen["format"] in FILES:
        return file_of(
            request,
            chosen["format"],
            name=f"commitment-burn-down-{entity.code}-{chosen['fiscal_year']}",
            made=lambda: exports.burn_down(report),
        )
    series = (
        ("Left", "good-full", lambda figures: figures.available),
        ("Committed", "committed", lambda figures: figures.encumbered),
        ("Spent", "spent", lambda figures: figures.spent),
    )
    context = {
        **frame_of(request, chosen, "commitment-burn-down"),
        "back": f"{reverse('reports:commitments')}?{urlencode(kept(chosen))}",
        "report": report,
        "points": [
            (each, entry_links({**chosen, "as_of": each.day}, {})) for each in report.points
        ],
        "chart": {
            "labels": [f"{point.day:%d %b}" for point in report.points],
            "series": [
                {
                    "label": words,
                    "tone": tone,
                    "values": [float(read(point.figures)) for point in report.points],
                }
                for words, tone, read in series
            ],
            "unit": entity.currency,
        },
    }
    return render(request, "reports/burn_down.html", context)


def _order(request: HttpRequest, chosen: dict[str, Any], number: str) -> HttpResponse:
    entity = request.user.entity
    order = PurchaseOrder.objects.visible_to(request.user).filter(number=number).first()
    if order is None:
        raise Http404
    days = {"as_of": chosen["as_of"], "known_on": chosen["recorded_at"]}
    report = orders.burn_down(order, **days)
    if chosen["format"] in FILES:
        return file_of(
            request,
            chosen["format"],
            name=f"commitment-burn-down-{order.number}",
            made=lambda: exports.order_burn_down(report),
        )
    entries = list(
        orders.entries_of_order(order, **days)
        .select_related("cell__cost_center", "cell__gl_account", "cell__project", "actor")
        .select_related("cell__fiscal_year")
        .order_by("-posting_date", "-id")[: _MOST_ROWS + 1]
    )
    pages = pages_of(request.user, ((row.document_type, row.document_id) for row in entries))
    context = {
        **frame_of(request, chosen, "commitment-burn-down", order=order.number),
        "order": order,
        "report": report,
        "days": [(each, *_behind_day(request, each.day)) for each in report.days],
        "rows": [(row, pages.get(row.document_id, "")) for row in entries[:_MOST_ROWS]],
        "cut": _MOST_ROWS if len(entries) > _MOST_ROWS else None,
        "chart": {
            "labels": [f"{each.day:%d %b %Y}" for each in report.days],
            "series": [
                {
                    "label": "Left",
                    "tone": "accent",
                    "stepped": True,
                    "values": [float(each.left) for each in report.days],
                }
            ],
            "unit": entity.currency,
        },
    }
    return render(request, "reports/order_burn_down.html", context)


def _behind_day(request: HttpRequest, day: date) -> tuple[str, str]:
    """Where the entries of a day stand, and what an order had left at its end."""
    then = same(request, as_of=day.isoformat())
    return f"{then}#on-{day.isoformat()}", f"{then}#entries"


def _followed(number: str, chosen: dict[str, Any]) -> str:
    """The burn-down of one order, as of the same day."""
    day = {"as_of": chosen["as_of"].isoformat()} if chosen["as_of"] else {}
    return f"{reverse('reports:burn_down')}?{urlencode({'order': number, **day})}"


def _sums(pairs: Any) -> list[tuple[str, Any]]:
    found: dict[str, Any] = {}
    for name, base in pairs:
        found[name] = found.get(name, 0) + base
    return sorted(found.items(), key=lambda item: -item[1])


def _chart(
    rows: list[tuple[str, Any]], words: str, unit: str, *, horizontal: bool = True
) -> dict[str, Any]:
    return {
        "labels": [name for name, _ in rows],
        "series": [{"label": words, "tone": "committed", "values": [float(b) for _, b in rows]}],
        "horizontal": horizontal,
        "unit": unit,
    }
