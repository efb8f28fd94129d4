"""(budgets) Two hundred orders at once for one budget with room for ten, through the service."""

import multiprocessing
import threading
import time
from collections import Counter
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
from bench.stage import NOW, TODAY, Stage, load
from budgets.ledger import BudgetExceeded
from budgets.models import BudgetCell
from po_portal import memory
from purchase_orders.inputs import DistributionInput, OrderInput, OrderLineInput
from purchase_orders.models import PurchaseOrder

PROCESSES, THREADS, ROOM, PRICE = 8, 25, 10, Decimal(30)
ORDERS = PROCESSES * THREADS
AIM = 2  # seconds
VENDOR = "V-1001"


def run(stage: Stage) -> list[Result]:
    """How long each of them took from the moment at which all began, answers counted.

    Timed is `purchase_orders.services.issue` of a draft that its buyer may issue alone: rights,
    number, funds check, commitment, history, trail and printed content, or the refusal. Threads
    have loaded their draft and are connected, as those of a web process are.
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
    bea.approval_limit = PRICE  # of a buyer who may decide such an order alone
    bea.save()
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
    """The answer to each of these drafts and its seconds, in a thread of its own."""
    memory.settle()
    drafts, processes = job
    bea = load().people["bea"]
    found: list[tuple[str, float]] = []
    together = threading.Barrier(len(drafts), action=processes.wait)
    threads = [threading.Thread(target=_issue, args=(pk, bea, together, found)) for pk in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _issue(pk: UUID, bea: Any, together: threading.Barrier, found: list[tuple[str, float]]) -> None:
    answer = "fault"
    try:
        order = PurchaseOrder.objects.get(pk=pk)
        together.wait()
        began = time.perf_counter()
        try:
            purchase_orders.services.issue(order=order, actor=bea, at=NOW)
            answer = "passed"
        except BudgetExceeded:
            answer = "refused"
        finally:
            found.append((answer, time.perf_counter() - began))
    finally:
        connection.close()
