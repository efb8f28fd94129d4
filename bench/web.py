"""(b) Whole lives over the API: gunicorn with one worker, the client in a process of its own."""

import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import ApiToken
from bench import ceiling, life
from bench.measuring import Result, look_again, percentile, seconds
from bench.stage import Stage
from core import outbox
from core.api.authentication import SCOPES
from core.models import OutboxItem
from invoicing.models import Invoice
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[1]
AIM = 5


def run(stage: Stage, *, lives: int) -> list[Result]:
    """Lives until the invoice is captured; its match is the worker's, and is timed apart.

    Plain ORM is measured between the rounds, so that both meet the same machine.
    """
    tokens = {name: _token(stage, name) for name in stage.people}
    OutboxItem.objects.filter(done_at=None).delete()
    times: list[float] = []
    matches: list[float] = []
    rates, plain, requests = [], [], 0
    rounds = min(3, lives // 10) or 1
    some = lives // rounds
    with _served() as port:
        for _ in range(rounds):
            look_again()
            answer, bills = _round(stage, port, tokens, lives=some)
            matched = _match(OutboxItem.objects.filter(done_at=None, handler="invoicing.match"))
            if set(bills.values_list("status", flat=True)) != {"cleared"}:
                raise RuntimeError(f"not all cleared: {bills.values_list('status', flat=True)}")
            times += answer["lives"]
            matches.append(matched)
            requests = answer["requests"]
            rates.append(1 / (sum(answer["lives"]) / some + matched))
            pattern = ceiling.Pattern.of(bills[0])
            plain.append(some / seconds(partial(_plain, pattern, some)))
    rate, most = statistics.median(rates), statistics.median(plain)
    return [
        Result("Lives over HTTP, one client", rate, "lives/s", AIM,
               how=f"median of {rounds} rounds of {some}, {requests} requests a life; "
               "match in the worker included",
               data={"rounds": rates, "until_captured": len(times) / sum(times)}),
        Result("… against plain ORM in turns with it", rate / most, "×",
               how=f"{most:.1f} lives/s", data={"plain": plain}),
        Result("… one life until its invoice is captured, p95", percentile(times, 0.95) * 1000,
               "ms", data={"lives": times}),
        Result("… one match of 10 lines in the worker", statistics.median(matches) * 1000, "ms",
               25, at_least=False),
    ]  # fmt: skip


def _round(stage: Stage, port: int, tokens: dict[str, str], *, lives: int) -> tuple[Any, Any]:
    """What the client took, and the invoices that it left."""
    job = {
        "tokens": tokens,
        "purchases": [_said(each) for each in life.purchases(10, count=lives + 2)],
        "day": stage.entity.day_of(timezone.now()).isoformat(),
        "run": uuid.uuid4().hex[:8].upper(),
    }
    told = subprocess.run(
        [sys.executable, "-m", "bench.client", str(port)],
        input=json.dumps(job), stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return json.loads(told.stdout), Invoice.objects.filter(number__startswith=job["run"])


def _plain(pattern: ceiling.Pattern, lives: int) -> None:
    with ceiling.by_hand():
        for _ in range(lives):
            ceiling.live(pattern, uuid.uuid4().hex[:10])


def _match(items: Iterable[OutboxItem]) -> float:
    """Run what the worker would; median seconds of one item."""
    took = []
    for item in items:
        began = time.perf_counter()
        if not outbox.run(item):
            raise RuntimeError("a match failed; see the log")
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def _token(stage: Stage, name: str) -> str:
    _, token = ApiToken.objects.create(
        user=stage.people[name], scopes=list(SCOPES), expiry=timedelta(hours=2)
    )
    return token


def _said(purchase: Any) -> dict[str, Any]:
    return {
        "title": purchase.title,
        "vendor": purchase.vendor,
        "service_type": purchase.service_type,
        "lines": [
            {
                "catalog_item": line.item.sku,
                "quantity": str(line.quantity),
                "distributions": [
                    {
                        "cost_center": line.cost_center,
                        "gl_account": line.gl_account,
                        "project": line.project,
                    }
                ],
            }
            for line in purchase.lines
        ],
    }


@contextmanager
def _served(workers: int = 1) -> Iterator[int]:
    """The portal on a free port, as bin/run serves it but with fewer workers."""
    port = free_port()
    database = settings.DATABASES["default"]
    process = subprocess.Popen(
        [
            sys.executable, "-m", "gunicorn", "po_portal.wsgi", "--bind", f"127.0.0.1:{port}",
            "--worker-class", "gthread", "--workers", str(workers), "--threads", "4",
            "--log-level", "warning", "--no-control-socket",
        ],
        cwd=ROOT, start_new_session=True,
        env={**os.environ, "PORT": str(port), "LOG_LEVEL": "ERROR", "DATABASE_URL":
             f"postgres://{database['USER']}@{database['HOST']}:{database['PORT']}/"
             f"{database['NAME']}"},
    )  # fmt: skip
    try:
        for _ in range(300):
            with (
                suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2),
            ):
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)
