"""The parts of the benchmark in order, on a database that was empty a moment ago."""

import time
from collections.abc import Callable

from django.core.management import call_command

from bench import approvals, budgets, documents, filling, lives, matches, pages, report, stage, web
from bench.measuring import Result
from po_portal import memory
from purchase_orders.models import PurchaseOrder


def run(sizes: dict[str, int], only: set[str]) -> list[Result]:
    """Measure what was asked for (all without a choice), printing each figure as it is known."""
    results: list[Result] = []

    def tell(*found: Result) -> None:
        for each in found:
            results.append(each)
            print(each.row(), flush=True)

    def wanted(part: str) -> bool:
        return not only or part in only

    memory.settle()  # as the web and worker processes do
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    here = stage.build()
    if wanted("a"):
        tell(*lives.run(here, lives=sizes["lives"], rounds=sizes["rounds"]))
    if wanted("b"):
        tell(*web.run(here, lives=sizes["web"]))
    if wanted("c"):
        tell(*matches.run(here, lines=sizes["match"]))
    if wanted("f"):
        tell(*documents.run(here, times=sizes["times"] // 2))
    many = not only or bool(only & {"d", "e", "budgets"})
    if many:
        _among_many(here, sizes, wanted, tell)
    if many and wanted("a"):
        tell(lives.among_many(here, results[2], lives=sizes["lives"]))
    if wanted("approvals"):
        tell(*approvals.run(here, sizes))
    return results


def _among_many(
    here: stage.Stage,
    sizes: dict[str, int],
    wanted: Callable[[str], bool],
    tell: Callable[..., None],
) -> None:
    """What is measured among few orders and among very many."""
    if missing := sizes["few"] - PurchaseOrder.objects.count():
        filling.fill(here, orders=max(missing, 0))
    few = pages.measure(here, times=sizes["times"]) if wanted("e") else None
    tell(_fill(here, sizes, closing=not (wanted("d") or wanted("e"))))
    if wanted("d"):
        tell(*report.run(here, times=max(sizes["times"] // 6, 5)))
    if few is not None:
        tell(*pages.compare(few, pages.measure(here, times=sizes["times"])))
    if wanted("budgets"):
        tell(*budgets.run(here, times=sizes["times"] // 2))


def _fill(here: stage.Stage, sizes: dict[str, int], *, closing: bool) -> Result:
    began = time.perf_counter()
    wanted = max(sizes["orders"], int(sizes["entries"] / filling.ENTRIES_PER_ORDER))
    orders, entries = filling.fill(here, orders=wanted, closing=closing)
    took = time.perf_counter() - began
    return Result("Orders filled in by COPY", orders / took, "orders/s",
                  how=f"{orders:,} orders, {entries:,} entries in {took:.0f} s")  # fmt: skip
