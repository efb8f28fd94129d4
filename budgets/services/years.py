"""The fiscal year that a day lies in."""

from datetime import date

from accounts.models import Entity
from budgets.models import FiscalYear
from core.composed import Composed
from core.errors import RuleBroken

_years = Composed[FiscalYear](
    lambda entity, day: FiscalYear.objects.filter(
        entity=entity, starts_on__lte=day, ends_on__gte=day
    ).order_by("pk")[:1]
)


class FiscalYearMissing(RuleBroken):
    slug = "fiscal-year-missing"
    title = "No fiscal year covers this day."


class FiscalYearClosed(RuleBroken):
    slug = "fiscal-year-closed"
    title = "The fiscal year of this day is closed."


def fiscal_year_for(entity: Entity, day: date) -> FiscalYear:
    """The open fiscal year of a day. Raises FiscalYearMissing or FiscalYearClosed."""
    found = _years(entity.pk, day)
    if not found:
        raise FiscalYearMissing(f"{entity} has no fiscal year for {day:%d %B %Y}.")
    (year,) = found
    require_open(year, entity)
    return year


def require_open(year: FiscalYear, entity: Entity) -> None:
    """Raise FiscalYearClosed for a year that takes no entries any more."""
    if not year.is_open:
        raise FiscalYearClosed(f"Fiscal year {year} of {entity} is closed.")
