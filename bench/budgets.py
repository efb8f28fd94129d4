"""(budgets) The books of budgets: the proof, reports, a drill-down, postings a second, a rush."""

import multiprocessing
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

import django
from django.db import connection, connections
from django.test import Client

from bench import rush
from bench.measuring import Result, median_ms, percentile
from bench.stage import NOW, TODAY, Stage, load
from budgets import invariants, ledger
from budgets.ledger import Share, Source
from budgets.models import BudgetCell, Commitment, LedgerEntry
from core.ids import new_id
from core.snapshot import patient, snapshot
from po_portal import memory
from purchase_orders.models import PurchaseOrder
from reports import accruals, orders, queries
from reports.figures import Scope
from reports.variance import variance

WRITERS, EVENTS = 8, 250  # of each writer
AIM_SPREAD, AIM_ONE, AIM_PROOF, AIM_PAGE, AIM_NOW, AIM_PAST = 500, 150, 100_000, 150, 20, 1500
DRILL_DOWN = "/budgets/{}/"
PAST = TODAY - timedelta(days=45)
_ONE_CENT = Decimal("0.01")


def run(stage: Stage, *, times: int) -> list[Result]:
    """Of as many entries as there are by now. Postings come last: they add to the books."""
    return [
        *_proofs(),
        *_reports(stage, times=times),
        _drill_down(stage, times=times),
        _postings("… on different budgets", AIM_SPREAD, one=False),
        _postings("… all on one budget", AIM_ONE, one=True),
        *rush.run(stage),
    ]


def _proofs() -> list[Result]:
    """Every check of `verify_books`, the slowest named."""
    entries, took = LedgerEntry.objects.count(), {}
    with snapshot(), patient():
        began = at = time.perf_counter()
        for name, proof in invariants.prove():
            if proof.faults:
                raise RuntimeError(f"the books do not hold: {name}: {proof.faults[0]}")
            took[name], at = time.perf_counter() - at, time.perf_counter()
        total = at - began
    slowest = sorted(took, key=lambda name: -took[name])[:3]
    said = ", ".join(f"{name} {took[name]:.1f} s" for name in slowest)
    return [
        Result("verify_books, ledger entries proven a second", entries / total, "entries/s",
               AIM_PROOF, how=f"{entries:,} entries in {total:.1f} s; {said}", data=took)
    ]  # fmt: skip


def _reports(stage: Stage, *, times: int) -> list[Result]:
    """The commitment report by cost centre and month, then what else a controller opens."""
    entity, year, few = stage.entity, TODAY.year, max(times // 6, 3)
    center = min(stage.cost_centers)
    order = PurchaseOrder.objects.filter(entity=entity).order_by("-pk").first()
    if order is None:
        raise RuntimeError("nothing was filled in")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")  # what takes too long is a figure, not an end

    def report(**days: Any) -> Callable[[], Any]:
        groups = ["cost_center", "period"]
        asked = {"entity": entity, "fiscal_year": year, "group_by": groups, "tie_out": False}
        return lambda: queries.commitments(**asked, **days)

    def figure(name: str, work: Callable[[], Any], aim: int | None, how: str = "") -> Result:
        took = median_ms(work, times=times if aim == AIM_NOW else few, warm=1)
        return Result(name, took, "ms", aim, at_least=False, how=how)

    now, then = Scope(entity, year), Scope(entity, year, as_of=PAST)
    return [
        figure("Commitments by cost centre and month, now", report(), AIM_NOW,
               f"{LedgerEntry.objects.count():,} entries, stored sums"),
        figure("… as of a past day", report(as_of=PAST), AIM_PAST, "sums, one month folded"),
        figure("… as known on a past day", report(known_on=PAST), AIM_PAST, "folded by entries"),
        figure("… as of and as known on a past day", report(as_of=PAST, known_on=PAST), AIM_PAST,
               "folded by entries"),
        figure("Burn-down of a cost centre", lambda: queries.burn_down(
            entity=entity, fiscal_year=year, cost_center=center), None),
        figure("Burn-down of an order", lambda: orders.draw_downs(order), None),
        figure("Variance and forecast, now", lambda: variance(now, today=TODAY), None,
               "tie-out included"),
        figure("… as of a past day", lambda: variance(then, today=PAST), None),
        figure("Received, not invoiced, now", lambda: accruals.report(entity=entity), None,
               "tie-out included"),
        figure("… as of a past day", lambda: accruals.report(entity=entity, as_of=PAST), None),
        figure("Open orders by age, now", lambda: orders.aging(entity=entity, today=TODAY), None,
               f"{PurchaseOrder.objects.filter(entity=entity, status='issued').count():,} open"),
        figure("… as of a past day",
               lambda: orders.aging(entity=entity, today=PAST, as_of=PAST), None),
    ]  # fmt: skip


def _drill_down(stage: Stage, *, times: int) -> Result:
    """The page of the budget with most entries, signed in, first page."""
    busiest = Commitment.objects.values_list("cell_id").order_by("-pk").first()
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(stage.people["cora"], backend="django.contrib.auth.backends.ModelBackend")
    took = []
    for place in range(times + 3):
        began = time.perf_counter()
        answer = client.get(DRILL_DOWN.format(busiest[0]))
        if answer.status_code != 200:
            raise RuntimeError(f"the budget's page answered {answer.status_code}")
        if place >= 3:
            took.append((time.perf_counter() - began) * 1000)
    return Result("Drill-down page of a budget, p95", percentile(took, 0.95), "ms", AIM_PAGE,
                  at_least=False, how=f"median {percentile(took, 0.5):.0f} ms")  # fmt: skip


def _postings(name: str, aim: int, *, one: bool) -> Result:
    """Orders of one cent, each a transaction of its own, by writers in processes of their own."""
    cells = list(BudgetCell.objects.filter(control="stop").order_by("pk")[:WRITERS])
    jobs = [(cells[0 if one else place % len(cells)].pk, EVENTS) for place in range(WRITERS)]
    connections.close_all()
    context = multiprocessing.get_context("spawn")
    with context.Pool(WRITERS, initializer=django.setup) as pool:
        pool.map(_post, [(cell, 3) for cell, _ in jobs], chunksize=1)
        began = time.perf_counter()
        took = list(chain.from_iterable(pool.map(_post, jobs, chunksize=1)))
        seconds = time.perf_counter() - began
    return Result(f"Postings by {WRITERS} writers {name}", len(took) / seconds, "events/s", aim,
                  how=f"p95 {percentile(took, 0.95) * 1000:.0f} ms, writers and database on "
                      f"{multiprocessing.cpu_count()} processors")  # fmt: skip


def _post(job: tuple[int, int]) -> list[float]:
    """Commit and give back, in turns, so that no budget runs out."""
    memory.settle()
    pk, events = job
    entity, cell = load().entity, BudgetCell.objects.get(pk=pk)
    took = []
    for _ in range(events // 2):
        source = Source(entity, "benchmark", new_id(), "B-1", entity.currency, Decimal(1))
        share = Share(
            new_id(), 1, new_id(), cell.cost_center_id, cell.gl_account_id, cell.project_id,
            _ONE_CENT,
        )  # fmt: skip
        began = time.perf_counter()
        ledger.encumber(source=source, shares=[share], on=TODAY, actor=None, at=NOW)
        middle = time.perf_counter()
        ledger.release(source=source, on=TODAY, actor=None, at=NOW, reason="Measured")
        took += [middle - began, time.perf_counter() - middle]
    connection.close()
    return took
