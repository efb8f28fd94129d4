"""Many threads at one barrier, each on its own connection: who wins must be the database's word."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from core.transactions import Busy, Taken


def race(jobs: list[Callable[[], Any]]) -> list[Any]:
    """Start all jobs at the same moment; returns each one's result, or the exception it raised.

    A service looks before it writes, under locks that all take in one order: a deadlock, or a twin
    that only the database sees, fails the test though people would be told to try again.
    """
    barrier = threading.Barrier(len(jobs))
    results: list[Any] = [None] * len(jobs)

    def run(place: int, job: Callable[[], Any]) -> None:
        try:
            try:
                connection.ensure_connection()
            except Exception:
                barrier.abort()  # or everybody else would wait for ever
                raise
            barrier.wait()
            results[place] = job()
        except Exception as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    gaps = [each for each in results if isinstance(each, Busy | Taken)]
    if gaps:
        raise AssertionError(f"{len(gaps)} of {len(jobs)} met in the database") from gaps[0]
    return results
