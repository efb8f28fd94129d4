"""Working time of an entity: its hours on its working days, without weekends and holidays."""

from datetime import date, datetime, timedelta
from functools import cache

import holidays

from accounts.models import Entity


@cache
def _holidays(country: str, subdivision: str, year: int) -> frozenset[date]:
    if country not in holidays.list_supported_countries():
        return frozenset()
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))


def is_working_day(entity: Entity, day: date) -> bool:
    return day.weekday() < 5 and day not in _holidays(entity.country, entity.subdivision, day.year)


def add_working_time(entity: Entity, start: datetime, duration: timedelta) -> datetime:
    """The moment at which `duration` of working time has passed since `start` (aware datetimes).

    A duration of one working day is the length of the entity's day, so express rules such as
    "24 h" as working days: see `working_days`.
    """
    zone = entity.zone
    moment, left = start.astimezone(zone), duration
    while True:
        opens = datetime.combine(moment.date(), entity.day_starts, zone)
        closes = datetime.combine(moment.date(), entity.day_ends, zone)
        if is_working_day(entity, moment.date()) and moment < closes:
            moment = max(moment, opens)
            room = closes - moment
            if left <= room:
                return (moment + left).astimezone(start.tzinfo)
            left -= room
        moment = datetime.combine(moment.date() + timedelta(days=1), entity.day_starts, zone)


def working_days(entity: Entity, days: int) -> timedelta:
    """`days` working days as working time: 24 h of the rules is one working day."""
    length = datetime.combine(date.min, entity.day_ends) - datetime.combine(
        date.min, entity.day_starts
    )
    return length * days
