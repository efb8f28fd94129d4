"""What a figure of the forecast is made of: what was spent, documents to come, what is usual."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dates import MONTHS_3

from core.money import ZERO
from core.web import pages_of, require_role
from reports.asking import WHOLE_ENTITY
from reports.expected import FORWARD, ON_ORDER, RESERVED, Expected, first_of, months_of_year
from reports.figures import DIMENSIONS, WITHOUT, Coding, Figures, Scope
from reports.forecast import Line, Outlook, budgets_of, outlook
from reports.pages import (
    BUDGET,
    asked_of,
    chosen_of,
    entry_links,
    groups_with,
    kept,
    today_of,
    words_of,
)
from reports.queries import codings
from reports.run_rate import SEASONAL

FORECAST, TO_COME, COMMITTED, RUN_RATE = "forecast", "to_come", "committed", "run_rate"
VARIANCE = "variance"  # of a whole fiscal year only: months have no budget of their own
DOCUMENTS = {
    ON_ORDER: "On order",
    RESERVED: "Approved, not ordered",
    FORWARD: "Ordered for later years",
}
WHAT = {
    FORECAST: "Forecast",
    TO_COME: "To come",
    COMMITTED: "Committed and approved",
    **DOCUMENTS,
    RUN_RATE: "Run rate",
    VARIANCE: "Variance",
}
_WITH_SPENT = (FORECAST, VARIANCE)
_WITH_USUAL = (*_WITH_SPENT, TO_COME, RUN_RATE)
_WITH_DOCUMENTS = (*_WITH_SPENT, TO_COME, COMMITTED)
GROUPS = groups_with(("kind", "Capital and operating expense"))
_MOST_ROWS = 500


@dataclass(frozen=True)
class Usual:
    """What a budget usually spends in a month, and what of it is still to come (`run_rate`).

    `told` says of which months it is the mean; `entries` leads to what was spent in their year.
    """

    names: list[str]
    month: str
    told: str
    usual: Decimal
    run_rate: Decimal
    entries: str


@login_required
def expected_entries(request: HttpRequest) -> HttpResponse:
    """What is forecast `?from=` a month `?until=` another one, by `?what=` it is."""
    require_role(request, *WHOLE_ENTITY)
    entity, chosen = request.user.entity, chosen_of(request, groups=GROUPS)
    scope = Scope(entity, **asked_of(chosen))
    seen = outlook(scope, today=today_of(entity, chosen))
    asked = request.GET.get("what", "")
    months = _months(request, seen)
    tabs = {key: words for key, words in WHAT.items() if key != VARIANCE or _is_year(seen, months)}
    what = asked if asked in tabs else FORECAST
    parts = _parts(seen, what, months)
    usual = list(_usual(seen, months)) if what in _WITH_USUAL else []
    spent = _spent(seen, months) if what in _WITH_SPENT else ZERO
    documents = sum((part.base for part in parts), ZERO)
    beyond = sum((line.months[month].run_rate for line, month in usual), ZERO)
    shown = parts[:_MOST_ROWS]
    pages = pages_of(
        request.user, ((part.document.document_type, part.document.document_id) for part in shown)
    )
    context = {
        "rows": [
            (part, _in_words(part.month), pages.get(part.document.document_id, ""))
            for part in shown
        ],
        "count": len(parts),
        "usual": list(_told(seen, chosen, usual[:_MOST_ROWS])),
        "usual_count": len(usual),
        "most": _MOST_ROWS,
        "spent": spent,
        "spent_url": _spent_url(seen, chosen, months),
        "documents": documents,
        "beyond": beyond,
        "total": spent + documents + beyond,
        **(_beside_budget(scope, chosen, spent + documents + beyond) if what == VARIANCE else {}),
        "what": what,
        "title": WHAT[what],
        "tabs": list(tabs.items()),
        "names": words_of(entity, chosen),
        "months": _stretch(months),
        "chosen": chosen,
        "currency": entity.currency,
        "back": f"{reverse('reports:forecast')}?{urlencode(kept(chosen))}",
    }
    return render(request, "reports/expected.html", context)


def expected_links(
    chosen: dict[str, Any], months: range, filters: dict[str, str]
) -> dict[str, str]:
    """Where what is forecast of these months leads, by what it is."""
    ends = {"from": f"{first_of(months[0]):%Y-%m}", "until": f"{first_of(months[-1]):%Y-%m}"}
    said = {**kept(chosen), **filters, **ends}
    page = reverse("reports:expected")
    return {what: f"{page}?{urlencode({**said, 'what': what})}" for what in WHAT}


def period_of(scope: Scope, month: int) -> dict[str, Any]:
    """A month as the filters of entries say it."""
    day = first_of(month)
    year = scope.entity.fiscal_year_of(day)
    return {"fiscal_year": year, "period": replace(scope, fiscal_year=year).period_of(day)}


def _in_words(month: int) -> str:
    return f"{MONTHS_3[month % 12 + 1].capitalize()} {month // 12}"


def _stretch(months: range) -> str:
    """`Mar 2026`, or `Mar 2026 – Feb 2027`."""
    return " – ".join(map(_in_words, sorted({months[0], months[-1]})))


def _months(request: HttpRequest, seen: Outlook) -> range:
    """The months asked for; unreadable ones are the next twelve.

    Of what is over only a whole fiscal year can be asked for: from its first month on all counts
    that was spent in it.
    """
    first, last = (_read(request.GET.get(name, "")) for name in ("from", "until"))
    first = seen.now if first is None else first
    last = seen.rolling_months[-1] if last is None else last
    if first < seen.now and first_of(first).month != seen.scope.entity.fiscal_year_starts_month:
        first = seen.now
    return range(first, max(first, last) + 1)


def _read(text: str) -> int | None:
    """`2026-03` as the number of the month; None for anything else."""
    year, _, month = text.partition("-")
    if not (text.isascii() and year.isdecimal() and month.isdecimal() and len(year) == 4):
        return None
    return int(year) * 12 + int(month) - 1 if int(year) and 1 <= int(month) <= 12 else None


def _parts(seen: Outlook, what: str, months: range) -> list[Expected]:
    wanted = DOCUMENTS if what in _WITH_DOCUMENTS else (what,)
    parts = [part for part in seen.parts if part.what in wanted and part.month in months]
    parts.sort(key=lambda part: (part.month, part.document.number, part.document.line_number))
    return parts


def _beside_budget(scope: Scope, chosen: dict[str, Any], forecast: Decimal) -> dict[str, Any]:
    budget = sum(budgets_of(scope).values(), Figures()).budget
    return {
        "budget": budget,
        "variance": budget - forecast,
        "budget_url": entry_links(chosen, {})[BUDGET],
    }


def _is_year(seen: Outlook, months: range) -> bool:
    return months == months_of_year(seen.scope, seen.scope.fiscal_year)


def _usual(seen: Outlook, months: range) -> Iterable[tuple[Line, int]]:
    """The budgets and months that bring a run rate, month by month."""
    for month in months:
        for line in seen.lines:
            if month in line.months and line.months[month].run_rate:
                yield line, month


def _told(seen: Outlook, chosen: dict[str, Any], found: list[tuple[Line, int]]) -> Iterable[Usual]:
    """The rows of run rates in words. Statements: 3."""
    names = codings(seen.scope.entity, DIMENSIONS)
    for line, month in found:
        keys = zip(DIMENSIONS, line.key, strict=True)
        coded = {name: names[name].get(pk, Coding()) for name, pk in keys}
        filters: dict[str, Any] = {name: each.code or WITHOUT for name, each in coded.items()}
        told = sorted(line.rate.told(month))
        filters["fiscal_year"] = seen.scope.entity.fiscal_year_of(first_of(told[-1]))
        yield Usual(
            names=[f"{each.code} {each.name}" for each in coded.values() if each.code],
            month=_in_words(month),
            told=_mean(told, line.rate.method),
            usual=line.rate.usual(month),
            run_rate=line.months[month].run_rate,
            entries=entry_links(chosen, filters)["ACT"],
        )


def _mean(told: list[int], method: str) -> str:
    if len(told) == 1:
        return f"as in {_in_words(told[0])}"
    if method == SEASONAL:
        return f"mean of {', '.join(map(_in_words, told))}"
    return f"mean of {len(told)} months, {_stretch(range(told[0], told[-1] + 1))}"


def _spent(seen: Outlook, months: range) -> Decimal:
    """What was spent so far in these months; in a fiscal year that began, all of it."""
    if months[0] >= seen.now:
        return seen.month(months[0]).spent
    year = first_of(months[0]).year
    return sum(budgets_of(replace(seen.scope, fiscal_year=year)).values(), Figures()).spent


def _spent_url(seen: Outlook, chosen: dict[str, Any], months: range) -> str:
    filters = period_of(seen.scope, months[0])
    if months[0] < seen.now:
        del filters["period"]
    return entry_links(chosen, filters)["ACT"]
