"""(d) The commitment report: as of now from stored sums, as of a past day from the ledger."""

from datetime import timedelta
from typing import Any

from bench.measuring import Result, median_ms, statements
from bench.stage import TODAY, Stage
from budgets.models import LedgerEntry
from reports import queries

AIM_NOW, AIM_PAST = 20, 300
PAST = TODAY - timedelta(days=45)


def run(stage: Stage, *, times: int) -> list[Result]:
    """All budgets of the year by cost centre, account and project, accruals included."""
    entries = LedgerEntry.objects.count()
    scope = {"entity": stage.entity, "fiscal_year": TODAY.year}
    return [
        *_figures("as of now", {**scope, "as_of": None}, AIM_NOW, entries, times),
        *_figures(
            "as of a past day",
            {**scope, "as_of": PAST},
            max(AIM_PAST * entries / 1_000_000, AIM_NOW),
            entries,
            times,
        ),
    ]


def _figures(
    name: str, scope: dict[str, Any], aim: float, entries: int, times: int
) -> list[Result]:
    report = queries.commitments(**scope)
    if not report.ties:
        raise RuntimeError(f"the report {name} does not tie: {report.difference}")
    with statements() as sent:
        queries.commitments(**scope, tie_out=False)
    plain = median_ms(lambda: queries.commitments(**scope, tie_out=False), times=times)
    tied = median_ms(lambda: queries.commitments(**scope), times=times)
    return [
        Result(f"Commitment report {name}", plain, "ms", aim, at_least=False,
               how=f"{entries:,} entries, {len(report.rows)} rows, {len(sent)} statements"),
        Result("… with its tie-out against the ledger", tied, "ms"),
    ]  # fmt: skip
