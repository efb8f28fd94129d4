"""Exchange rates: the one known for a day, or a refusal. A missing rate is never taken for 1."""

from datetime import date, timedelta
from decimal import Decimal

from budgets.models import ExchangeRate
from core.errors import RuleBroken

MOST_DAYS_OLD = 366  # some companies set one rate a year; older than that is no rate


class RateMissing(RuleBroken):
    slug = "rate-missing"
    title = "There is no exchange rate for this day."


def rate_on(*, currency: str, base: str, day: date) -> Decimal:
    """Units of `base` for one unit of `currency`: the newest rate of that day or before it.

    1 when both are the same. Raises RateMissing when none is known or all are too old.
    """
    if currency == base:
        return Decimal(1)
    found = (
        ExchangeRate.objects.filter(currency=currency, base=base, day__lte=day)
        .filter(day__gte=day - timedelta(days=MOST_DAYS_OLD))
        .order_by("-day")
        .first()
    )
    if found is None:
        raise RateMissing(
            f"There is no exchange rate from {currency} to {base} for {day:%d %B %Y}."
        )
    return found.rate
