"""Stop-watch, statement counter and the rows of the result table."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection


@dataclass
class Result:
    """One measured figure: what, how much, in which unit, what was aimed at and how it was taken.

    `at_least` says whether the aim is a floor (a rate) or a ceiling (a time); no aim, no verdict.
    """

    name: str
    value: float
    unit: str
    aim: float | None = None
    at_least: bool = True
    how: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        if self.aim is None:
            return ""
        met = self.value >= self.aim if self.at_least else self.value <= self.aim
        return "met" if met else "MISSED"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict}

    def row(self) -> str:
        aim = "" if self.aim is None else f"{'≥' if self.at_least else '≤'} {self.aim:g}"
        said = f"{self.value:,.0f}" if self.value >= 1000 else f"{self.value:.3g}"
        return f"{self.name:<52} {said:>10} {self.unit:<10} {aim:>9} {self.verdict:<7} {self.how}"


def look_again() -> None:
    """Let PostgreSQL count what there is now, as it does by itself within a minute.

    What the benchmark plays in seconds grows over weeks elsewhere, and is planned for.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median_ms(work: Callable[[], Any], *, times: int, warm: int = 2) -> float:
    for _ in range(warm):
        work()
    return statistics.median(seconds(work) for _ in range(times)) * 1000


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL statements sent meanwhile, BEGIN, COMMIT and savepoints included."""
    sent: list[str] = []

    before, connection.force_debug_cursor = connection.force_debug_cursor, True
    connection.queries_log.clear()
    try:
        yield sent
    finally:
        sent[:] = [each["sql"] for each in connection.queries_log]
        connection.force_debug_cursor = before
