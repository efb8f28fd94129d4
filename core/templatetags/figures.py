"""Figures as people read them: money, quantities, shares, dates. For display, never fed back."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal
from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core import units
from core.money import minor_units

register = template.Library()

LOCALE = "en"
NOTHING = "–"


@register.filter
def plain_figure(value: Decimal, least: int = 0, most: int = 6) -> str:
    """A decimal with thousands separators, at least `least` and at most `most` decimals, exact."""
    pattern = "#,##0." + "0" * least + "#" * (most - least)
    return format_decimal(value, format=pattern, locale=LOCALE, decimal_quantization=False)


@register.simple_tag
def money(
    amount: Decimal | None, currency: str = "", *, sign: bool = False, css: str = ""
) -> SafeString:
    """`1,234.50 EUR`, in the currency's minor units; a unit price keeps its further decimals.

    `sign` puts a plus before what is above zero. None gives a dash.
    """
    if amount is None or amount == "":
        return format_html('<span class="money">{}</span>', NOTHING)
    value = Decimal(amount)
    text = plain_figure(value, minor_units(currency) if currency else 2)
    if sign and value > 0:
        text = f"+{text}"
    code = format_html(" <abbr>{}</abbr>", currency) if currency else ""
    return format_html('<span class="money{}">{}{}</span>', f" {css}" if css else "", text, code)


@register.filter
def amount(value: Decimal | None, currency: str = "EUR") -> str:
    """The figure of `money` as plain text, for titles, mail subjects and attributes."""
    return NOTHING if value is None else plain_figure(Decimal(value), minor_units(currency))


@register.filter
def signed(value: Decimal, currency: str = "EUR") -> str:
    """A change as plain text: `+12.00`, `−12.00`."""
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{amount(abs(value), currency)}"


@register.simple_tag
def figure(
    value: Decimal | None, currency: str, *, url: str = "", over: bool = False
) -> SafeString:
    """A cell of a table whose head names the currency: the bare figure, zero made quiet.

    `url` leads to what the figure is made of; `over` marks what is below zero.
    """
    tone = " muted" if not value else " over" if over and value < 0 else ""
    text = amount(value, currency)
    if url:
        return format_html('<a class="figure{}" href="{}">{}</a>', tone, url, text)
    return format_html('<span class="figure{}">{}</span>', tone, text)


@register.filter
def unit_name(code: str) -> str:
    """The word for a unit code; an unknown code stands for itself."""
    return units.short(code)


@register.filter
def unit_in_full(code: str) -> str:
    """The unit's whole word, for prices: `per month`."""
    return units.name(code)


@register.simple_tag
def quantity(value: Decimal | None, unit: str = "") -> SafeString:
    """`12 pcs`; no trailing zeros; the unit in full with its code on hover."""
    if value is None or value == "":
        return format_html('<span class="quantity">{}</span>', NOTHING)
    name = ""
    if unit:
        full = f"{units.UNITS[unit]} ({unit})" if unit in units.UNITS else unit
        name = format_html(' <abbr title="{}">{}</abbr>', full, units.short(unit, Decimal(value)))
    return format_html('<span class="quantity">{}{}</span>', plain_figure(Decimal(value)), name)


@register.filter
def percent(value: Decimal | None, decimals: int = 1) -> str:
    """A share as per cent: Decimal("0.125") is `12.5 %`."""
    if value is None:
        return NOTHING
    return f"{plain_figure(round(Decimal(value) * 100, decimals), 0, decimals)} %"


@register.filter
def country_name(code: str) -> str:
    """`Germany` for `DE`; an unknown code stands for itself."""
    return Locale(LOCALE).territories.get(code, code)


@register.filter
def filesize(size: int | None) -> str:
    """`17 KB`, `1.2 MB`."""
    if size is None:
        return NOTHING
    if size < 1000:
        return f"{size} bytes"
    if size < 1_000_000:
        return f"{size / 1000:.0f} KB"
    return f"{size / 1_000_000:.1f} MB"


def relative(at: datetime, now: datetime) -> str:
    """How long ago or ahead in one short phrase; beyond a week the date, its year if not this."""
    gap = at - now
    ahead, seconds = gap > timedelta(0), abs(gap.total_seconds())
    if seconds < 45:
        return "just now"
    if seconds < 86400 and (seconds < 21600 or _local(at).date() == _local(now).date()):
        minutes = max(round(seconds / 60), 1)
        span = f"{minutes} min" if minutes < 60 else f"{round(seconds / 3600)} h"
        return f"in {span}" if ahead else f"{span} ago"
    return relative_day(_local(at).date(), _local(now).date())


def relative_day(day: date, today: date) -> str:
    """`today`, `yesterday`, `in 3 days`, else the date."""
    days = (day - today).days
    near = {0: "today", 1: "tomorrow", -1: "yesterday"}.get(days)
    if near:
        return near
    if abs(days) < 7:
        return f"in {days} days" if days > 0 else f"{-days} days ago"
    return format_date(day, "d MMM" if day.year == today.year else "d MMM y", locale=LOCALE)


def _local(at: datetime) -> datetime:
    return timezone.localtime(at) if timezone.is_aware(at) else at


@register.simple_tag
def when(at: datetime | None, now: datetime | None = None) -> SafeString:
    """A moment: relative in words, the exact time and zone on hover."""
    if at is None:
        return format_html('<span class="muted">{}</span>', NOTHING)
    local = _local(at)
    exact = f"{format_date(local, 'EEEE, d MMMM y', locale=LOCALE)}, {local:%H:%M} {local:%Z}"
    text = relative(at, now or timezone.now())
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact.strip(), text
    )


@register.simple_tag
def day(on: date | None) -> SafeString:
    """A calendar day in full: `21 Nov 2026`, the weekday on hover."""
    if on is None:
        return format_html('<span class="muted">{}</span>', NOTHING)
    return format_html(
        '<time datetime="{}" title="{}" class="nowrap">{}</time>',
        on.isoformat(),
        format_date(on, "EEEE", locale=LOCALE),
        format_date(on, "d MMM y", locale=LOCALE),
    )


@register.simple_tag
def due(at: date | datetime | None, now: datetime | None = None) -> SafeString:
    """A deadline: `due tomorrow`, and in the colour and words of lateness once it has passed."""
    if at is None:
        return format_html('<span class="muted">{}</span>', NOTHING)
    now = now or timezone.now()
    if isinstance(at, datetime):
        is_late, text = at < now, relative(at, now)
    else:
        today = _local(now).date()
        is_late, text = at < today, relative_day(at, today)
    return format_html(
        '<time datetime="{}" title="{}" class="nowrap{}">{}</time>',
        at.isoformat(),
        format_date(at, "EEEE, d MMMM y", locale=LOCALE),
        " over" if is_late else "",
        _overdue(text) if is_late else f"due {text}",
    )


def _overdue(text: str) -> str:
    if text == "just now":
        return "overdue"
    if text.endswith(" ago"):
        return f"overdue by {text.removesuffix(' ago')}"
    return f"overdue since {text}"
