"""(a) Whole lives a second through the services, beside the plain-ORM ceiling of the same rows."""

import multiprocessing
import statistics
import time
import uuid
from functools import partial
from typing import Any

import django
from django.db import connection, connections

from bench import ceiling, life
from bench.measuring import Result, look_again, seconds, statements
from bench.stage import Stage, load
from po_portal import memory
from purchase_orders.models import PurchaseOrder

AIM, AIM_STATEMENTS = 8, 200


def run(stage: Stage, *, lives: int, rounds: int) -> list[Result]:
    return [
        *_counts(stage),
        *_one_process(stage, lives=lives, rounds=rounds),
        _two_processes(lives=lives),
    ]


def _counts(stage: Stage) -> list[Result]:
    """Statements of a life with 3, 10 and 50 lines, all paid by one budget."""
    counted: dict[int, int] = {}
    for lines in (3, 10, 50):
        (purchase,) = life.purchases(lines, count=1, one_budget=True)
        life.live(stage, purchase, run=_run())
        with statements() as sent:
            life.live(stage, purchase, run=_run())
        counted[lines] = len(sent)
    (mixed,) = life.purchases(10, count=1)
    with statements() as sent:
        life.live(stage, mixed, run=_run())
    budgets = len({(line.cost_center, line.gl_account, line.project) for line in mixed.lines})
    return [
        Result(
            "SQL statements of a life, 10 lines", len(sent), "statements", AIM_STATEMENTS,
            at_least=False, how=f"BEGIN and COMMIT counted, {budgets} budgets",
        ),
        Result(
            "… 50 lines against 3, one budget", counted[50] / counted[3], "×", 1, at_least=False,
            how=", ".join(f"{n} lines: {count}" for n, count in counted.items()), data=counted,
        ),
    ]  # fmt: skip


def _one_process(stage: Stage, *, lives: int, rounds: int) -> list[Result]:
    """Services and ceiling in turns, so that both meet the same machine."""
    purchases = list(life.purchases(10, count=lives))
    ended = [life.live(stage, each, run=_run()) for each in purchases[:3]][-1]
    assert_cleared(ended)
    pattern = ceiling.Pattern.of(ended.invoice)
    _plain(pattern, 1)
    ours, plain, cpu, steps = [], [], [], []
    for _ in range(rounds):
        look_again()
        began = time.process_time()
        took = _lives(stage, purchases)
        cpu.append((time.process_time() - began) / lives)
        ours.append(lives / sum(took))
        steps += took
        plain.append(lives / seconds(partial(_plain, pattern, lives)))
    with ceiling.by_hand(), statements() as sent:
        ceiling.live(pattern, _run())
    rate, most = statistics.median(ours), statistics.median(plain)
    how = f"median of {rounds} rounds of {lives}"
    return [
        Result("Lives through the services, one process", rate, "lives/s", AIM, how=how,
               data={"rounds": ours, "p50_ms": statistics.median(steps) * 1000,
                     "approvers": ended.approvers}),
        Result("… processor time of Python in a life", statistics.median(cpu) * 1000, "ms"),
        Result("Lives by plain ORM, the same rows", most, "lives/s",
               how=f"{how}, {len(sent)} statements", data={"rounds": plain}),
        Result("… services against plain ORM", rate / most, "×"),
    ]  # fmt: skip


def among_many(stage: Stage, before: Result, *, lives: int) -> Result:
    """A life must cost the same however many orders there are already."""
    purchases = list(life.purchases(10, count=lives))
    _lives(stage, purchases[:3])
    took = statistics.median(_lives(stage, purchases)) * 1000
    return Result(
        "A life among many orders against one among few", took / before.data["p50_ms"], "×", 1.2,
        at_least=False, how=f"{before.data['p50_ms']:.0f} and {took:.0f} ms (p50), "
        f"{PurchaseOrder.objects.count():,} orders",
    )  # fmt: skip


def _plain(pattern: ceiling.Pattern, lives: int) -> None:
    with ceiling.by_hand():
        for _ in range(lives):
            ceiling.live(pattern, _run())


def _lives(stage: Stage, purchases: list[Any]) -> list[float]:
    name = _run()
    return [seconds(partial(life.live, stage, each, run=name)) for each in purchases]


def _two_processes(*, lives: int) -> Result:
    look_again()
    connections.close_all()
    context = multiprocessing.get_context("spawn")
    with context.Pool(2, initializer=django.setup) as pool:
        pool.map(_live, [3, 3], chunksize=1)
        took = seconds(lambda: pool.map(_live, [lives] * 2, chunksize=1))
    return Result("Lives through the services, two processes", 2 * lives / took, "lives/s",
                  how=f"2 × {lives}")  # fmt: skip


def _live(lives: int) -> None:
    memory.settle()
    stage, name = load(), _run()
    for purchase in life.purchases(10, count=lives):
        life.live(stage, purchase, run=name)
    connection.close()


def _run() -> str:
    return uuid.uuid4().hex[:12].upper()


def assert_cleared(ended: Any) -> None:
    """A benchmark of lives that end halfway would measure something else."""
    ended.invoice.refresh_from_db()
    if ended.invoice.status != "cleared":
        told = [each.sentence for each in ended.invoice.exceptions.all()]
        raise RuntimeError(f"the life ended {ended.invoice.status}: {told}")
