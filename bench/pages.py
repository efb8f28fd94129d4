"""(e) The list of orders, signed in, at a few and at very many orders."""

import time

from django.test import Client

from bench.measuring import Result, percentile, statements
from bench.stage import Stage
from purchase_orders.models import PurchaseOrder

AIM_P95, AIM_RATIO = 40, 1.2
PAGE = "/orders/?show=all"


def measure(stage: Stage, *, times: int) -> dict[str, float]:
    """Milliseconds (median, p95) and statements of the first page through the whole middleware."""
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(stage.people["bea"], backend="django.contrib.auth.backends.ModelBackend")
    took = []
    for place in range(times + 3):
        began = time.perf_counter()
        answer = client.get(PAGE)
        if place >= 3:
            took.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"the list answered {answer.status_code}")
    with statements() as sent:
        client.get(PAGE)
    return {
        "orders": PurchaseOrder.objects.filter(entity=stage.entity).count(),
        "p50": percentile(took, 0.5),
        "p95": percentile(took, 0.95),
        "statements": len(sent),
    }


def compare(few: dict[str, float], many: dict[str, float]) -> list[Result]:
    if few["statements"] != many["statements"]:
        raise RuntimeError(f"statements grow with the orders: {few} {many}")
    return [
        Result(f"List of orders, p95 at {many['orders']:,}", many["p95"], "ms", AIM_P95,
               at_least=False, how=f"{many['statements']:.0f} statements on either size",
               data={"few": few, "many": many}),
        Result(f"… median against {few['orders']:,} orders", many["p50"] / few["p50"], "×",
               AIM_RATIO, at_least=False, how=f"{few['p50']:.1f} and {many['p50']:.1f} ms"),
    ]  # fmt: skip
