"""`bin/bench`: how fast the portal is on a PostgreSQL of its own, and against what was aimed at."""

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import servers

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "bench-results.json"
QUICK = {
    "lives": 5, "rounds": 1, "web": 3, "match": 500, "orders": 2_000, "entries": 0, "times": 10,
    "few": 100, "chains": 400, "past": 400, "waiting": 300, "steps": 5_000, "due": 60, "books": 0,
}  # fmt: skip
FULL = {
    "lives": 60, "rounds": 3, "web": 60, "match": 10_000, "orders": 100_000,
    "entries": 1_000_000, "times": 60, "few": 100, "chains": 10_000, "past": 10_000,
    "waiting": 5_000, "steps": 1_000_000, "due": 1_000, "books": 5_000_000,
}  # fmt: skip


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, under two minutes")
    parser.add_argument("--orders", type=int, help="how many orders to fill in by COPY")
    parser.add_argument("--only", default="", help="parts, such as a,c: a lives, b HTTP, c match, "
                        "d report, e list, f PDF, approvals, budgets")  # fmt: skip
    parser.add_argument("--output", type=Path, default=OUTPUT)
    return parser.parse_args()


@contextlib.contextmanager
def surroundings() -> Iterator[str]:
    """A PostgreSQL that keeps what it commits, a Redis and a folder, all gone afterwards."""
    servers.POSTGRES_SETTINGS |= {"fsync": "on", "full_page_writes": "on"}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-bench-"))
        environment, words = stack.enter_context(servers.both())
        os.environ |= {"DATA_DIR": folder, "LOG_LEVEL": "ERROR", "ENV": "demo", **environment}
        os.environ["DJANGO_SETTINGS_MODULE"] = "po_portal.settings"
        yield words


def measure(sizes: dict[str, int], only: set[str]) -> list[Any]:
    import django  # noqa: PLC0415 - the settings exist only now

    django.setup()
    from bench import runner  # noqa: PLC0415

    return runner.run(sizes, only)


def main() -> int:
    said = arguments()
    sizes = dict(QUICK if said.quick else FULL)
    only = set(filter(None, said.only.split(",")))
    if only == {"budgets"}:  # a ledger of years, which the other parts have no use for
        sizes["entries"] = sizes["books"]
    if said.orders:
        sizes |= {"orders": said.orders, "entries": 0}
    began = time.monotonic()
    with surroundings() as words:
        results = measure(sizes, only)
    about = {
        "on": f"{words}, fsync on; Python {platform.python_version()}, {os.cpu_count()} processors",
        "sizes": sizes,
        "load_average_at_end": os.getloadavg(),
        "seconds": round(time.monotonic() - began),
    }
    said.output.write_text(
        json.dumps({**about, "results": [each.as_json() for each in results]}, indent=1)
    )
    print(f"\nOn {about['on']}; {about['seconds']} s; also in {said.output.name}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
