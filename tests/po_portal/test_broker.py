"""The embedded broker under many hands at once: what a reader finds is always a whole message."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty
from threading import Barrier
from time import monotonic, sleep
from typing import Any

import pytest
from kombu import Connection

from po_portal import broker

MESSAGES = 60


@pytest.fixture
def connect(tmp_path: Path) -> Any:
    broker.install()
    for folder in ("queue", "control"):
        (tmp_path / folder).mkdir()
    options = {
        "data_folder_in": str(tmp_path / "queue"),
        "data_folder_out": str(tmp_path / "queue"),
        "control_folder": str(tmp_path / "control"),
    }
    return lambda: Connection("filesystem://localhost", transport_options=options)


def test_a_message_is_found_whole_or_not_at_all(connect: Any, tmp_path: Path) -> None:
    body = "x" * 2_000_000  # long enough that a reader comes while it is written

    def write() -> None:
        with connect() as connection, connection.SimpleQueue("rings") as queue:
            for number in range(MESSAGES):
                queue.put({"number": number, "body": body})
                sleep(0.005)  # the reader waits for each, as a worker with nothing to do does

    found, latest = [], monotonic() + 60
    with ThreadPoolExecutor(1) as pool, connect() as connection:
        writing = pool.submit(write)
        with connection.SimpleQueue("rings") as queue:
            while not (writing.done() and len(found) >= MESSAGES) and monotonic() < latest:
                try:
                    message = queue.get_nowait()
                except Empty:
                    continue
                assert message.payload["body"] == body
                found.append(message.payload["number"])
                message.ack()
    writing.result()
    assert found == list(range(MESSAGES))
    assert not list((tmp_path / "queue").iterdir()), "nothing is left aside"


def test_hands_that_begin_at_once_lose_nothing(connect: Any) -> None:
    begin = Barrier(8)

    def write(queue_name: str) -> None:
        with connect() as connection:
            connection.default_channel  # noqa: B018 - connected before the others are let go
            begin.wait(30)
            with connection.SimpleQueue(queue_name) as queue:
                queue.put({"sent": True})

    def count(queue_name: str) -> int:
        found = 0
        with connect() as connection, connection.SimpleQueue(queue_name) as queue:
            while True:
                try:
                    queue.get_nowait().ack()
                except Empty:
                    return found
                found += 1

    for time in range(25):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, [f"rings{time}"] * 8))
        assert count(f"rings{time}") == 8


def test_the_portal_rings_through_it(connect: Any) -> None:
    with connect() as connection:
        assert isinstance(connection.transport, broker.Transport)
