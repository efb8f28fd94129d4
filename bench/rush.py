"""(budgets) Two hundred orders at once for one budget with room for ten, through the service."""

import multiprocessing
import queue
import threading
import time
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from itertools import chain
from typing import Any
from uuid import UUID

import django
from django.db import connection, connections

import budgets.services
import purchase_orders.services
from accounts.models import Control
from bench.measuring import Result, percentile
from bench.stage import NOW, TODAY, Stage, load, make_rich
from budgets.ledger import BudgetExceeded
from budgets.models import BudgetCell
from core.transactions import atomic
from po_portal import memory
from purchase_orders.inputs import DistributionInput, OrderInput, OrderLineInput
from purchase_orders.models import PurchaseOrder

PROCESSES, THREADS = 2, 4  # of the web server in the Dockerfile
ORDERS, ROOM, PRICE = 200, 10, Decimal(30)
AIM = 2  # seconds
VENDOR = "V-1001"


def run(stage: Stage) -> list[Result]:
    """How long each of them took from the moment at which all were asked for, answers counted.

    Timed is `purchase_orders.services.issue` of a draft that its buyer may issue alone, and its
    wait for a thread: rights, number, funds check, commitment, history, trail and printed content,
    or the refusal. The threads are those of a web server, and their connections have issued before.
    """
    stops = BudgetCell.objects.filter(control=Control.STOP, project=None, entity=stage.entity)
    cell = stops.filter(fiscal_year__year=TODAY.year).order_by("pk")[0]
    drafts = _drafts(stage, cell)
    _leave_room(stage, cell)
    connections.close_all()
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(PROCESSES, initializer=django.setup) as pool:
        together = manager.Barrier(PROCESSES)
        jobs = [(drafts[place::PROCESSES], together) for place in range(PROCESSES)]
        found = list(chain.from_iterable(pool.map(_issue_all, jobs, chunksize=1)))
    answers, took = Counter(answer for answer, _ in found), [seconds for _, seconds in found]
    if answers != {"passed": ROOM, "refused": ORDERS - ROOM}:
        raise RuntimeError(f"of {ORDERS} orders for a budget with room for {ROOM}: {answers}")
    return [
        Result(f"{ORDERS} orders at once, room for {ROOM}, p95", percentile(took, 0.95), "s", AIM,
               at_least=False,
               how=f"median {percentile(took, 0.5):.2f} s, last {max(took):.2f} s; exactly {ROOM} "
                   f"passed; {PROCESSES} processes of {THREADS} threads and the database on "
                   f"{multiprocessing.cpu_count()} processors")
    ]  # fmt: skip


def _drafts(stage: Stage, cell: BudgetCell) -> list[UUID]:
    bea, payer = stage.people["bea"], DistributionInput(cell.cost_center, cell.gl_account)
    make_rich(bea)  # a buyer who may decide all of them alone
    line = OrderLineInput(
        description="Lamp", quantity=Decimal(1), unit_price=PRICE, distributions=[payer]
    )
    data = OrderInput(vendor=stage.vendors[VENDOR], currency=stage.entity.currency, lines=[line])
    return [
        purchase_orders.services.create(entity=stage.entity, data=data, actor=bea, at=NOW).pk
        for _ in range(ORDERS)
    ]


def _leave_room(stage: Stage, cell: BudgetCell) -> None:
    budgets.services.set_budget(
        entity=stage.entity,
        fiscal_year=TODAY.year,
        cost_center=cell.cost_center,
        gl_account=cell.gl_account,
        amount=BudgetCell.objects.get(pk=cell.pk).used + ROOM * PRICE,
        control=Control.STOP,
        actor=stage.people["cora"],
        at=NOW,
        reason=f"Room for {ROOM}",
    )


def _issue_all(job: tuple[list[UUID], Any]) -> list[tuple[str, float]]:
    """The answer to each of these drafts, and its seconds since all of them were asked for."""
    memory.settle()
    drafts, processes = job
    asked: queue.SimpleQueue[UUID] = queue.SimpleQueue()
    for pk in drafts:
        asked.put(pk)
    found: list[tuple[str, float]] = []
    together = threading.Barrier(THREADS, action=processes.wait)
    serving = (drafts[0], load().people["bea"], together, asked, found)
    threads = [threading.Thread(target=_serve, args=serving) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


class _TakenBack(Exception):
    """Ends the unit of work of an order that is not to stay issued."""


def _warm_up(pk: UUID, bea: Any) -> None:
    with suppress(_TakenBack), atomic():
        _issue(pk, bea)
        raise _TakenBack


def _serve(
    warming: UUID,
    bea: Any,
    together: threading.Barrier,
    asked: "queue.SimpleQueue[UUID]",
    found: list[tuple[str, float]],
) -> None:
    try:
        _warm_up(warming, bea)
        together.wait()
        began = time.perf_counter()
        with suppress(queue.Empty):
            while True:
                pk = asked.get_nowait()
                try:
                    _issue(pk, bea)
                    answer = "passed"
                except BudgetExceeded:
                    answer = "refused"
                found.append((answer, time.perf_counter() - began))
    finally:
        connection.close()


def _issue(pk: UUID, bea: Any) -> None:
    order = PurchaseOrder.objects.get(pk=pk)
    purchase_orders.services.issue(order=order, actor=bea, at=NOW)
