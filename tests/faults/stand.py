"""Real workers and schedulers on the tests' database, and a broker of their own to be broken.

The processes run the portal's own Celery application on the database that pytest made; nothing
is replaced. `stand.kill` is SIGKILL to the whole process group, as the kernel's OOM killer or
a power cut would have it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import kombu.pools
import pytest
from django.conf import settings
from django.db import connection, transaction
from redis import Redis as RedisClient

from core.models import OutboxItem
from po_portal.celery import app
from tests import servers

ROOT = Path(__file__).resolve().parents[2]
CELERY = (sys.executable, "-m", "celery", "-A", "po_portal", "--quiet")
WORKER = (
    *(*CELERY, "worker", "--loglevel", "WARNING", "--concurrency", "1"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)
BEAT = (*CELERY, "beat", "--loglevel", "WARNING", "--pidfile", "", "-S", "celery.beat:Scheduler")
HURRIED, USUAL = "tests.faults.settings", "tests.settings"


class Stand:
    """Starts and kills processes on the tests' database; everything it started ends with it."""

    def __init__(self, redis_url: str, data_dir: Path) -> None:
        self.redis_url, self.data_dir = redis_url, data_dir
        self.processes: list[subprocess.Popen[bytes]] = []
        self.log = Path(tempfile.mkstemp(prefix="portal-faults-", suffix=".log")[1])

    def environment(self, module: str) -> dict[str, str]:
        place = connection.settings_dict
        address = f"{place['HOST']}:{place['PORT']}" if place["PORT"] else place["HOST"]
        login = f"{place['USER']}:{place['PASSWORD']}" if place["PASSWORD"] else place["USER"]
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": module,
            "DATABASE_URL": f"postgres://{login}@{address}/{place['NAME']}",
            "REDIS_URL": self.redis_url,
            "PORTAL_TEST_DIR": str(self.data_dir),
            "C_FORCE_ROOT": "1",
        }

    def start(self, *command: str, settings_module: str = HURRIED) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
                env=self.environment(settings_module),
            )  # fmt: skip
        self.processes.append(process)
        return process

    def worker(self, settings_module: str = HURRIED) -> subprocess.Popen[bytes]:
        return self.start(*WORKER, settings_module=settings_module)

    def scheduler(self, settings_module: str = HURRIED) -> subprocess.Popen[bytes]:
        return self.start(*BEAT, settings_module=settings_module)

    def claim_and_die(self, *, after: str = "") -> None:
        """A process that takes the next item, runs `after`, and is killed before it says done."""
        code = (
            "import os, django; django.setup()\n"
            "from django.utils import timezone\n"
            "from core import outbox\n"
            "item = outbox.claim(now=timezone.now())\n"
            f"assert item is not None\n{after}\nos.kill(os.getpid(), 9)\n"
        )
        process = self.start(sys.executable, "-c", code)
        process.wait(timeout=30)
        assert process.returncode == -signal.SIGKILL, self.log.read_text()[-2000:]

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)

    def close(self) -> None:
        for process in self.processes:
            self.kill(process)
        self.log.unlink(missing_ok=True)

    def until(self, condition: Callable[[], object], seconds: float, what: str) -> float:
        """Wait for a condition; returns the seconds it took, fails with the processes' log."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > seconds:
                queue = "\n".join(
                    f"{each.handler} attempts={each.attempts} done={each.done_at} {each.error}"
                    for each in OutboxItem.objects.order_by("id")
                )
                log = self.log.read_text()[-3000:]
                pytest.fail(f"not within {seconds} s: {what}\n{queue}\n{log}")
            time.sleep(0.1)
        return time.monotonic() - began


@contextlib.contextmanager
def ringing(url: str, options: dict[str, object]) -> Iterator[None]:
    """Rings of this process go to the stand's broker meanwhile."""
    before = app.conf.broker_url, app.conf.broker_transport_options

    def point(broker: str, transport: object) -> None:
        kombu.pools.reset()
        app.conf.broker_url, app.conf.broker_transport_options = broker, transport
        app._pool = app.amqp._producer_pool = None

    point(url, options)
    try:
        yield
    finally:
        point(*before)


@contextlib.contextmanager
def standing(redis_url: str) -> Iterator[Stand]:
    """Processes beside a Redis or, without one, beside a broker of files in a folder."""
    data_dir = Path(settings.DATA_DIR) if redis_url else Path(tempfile.mkdtemp(prefix="portal-f-"))
    stand = Stand(redis_url, data_dir)
    options = {"max_retries": 1} if redis_url else folders(data_dir / "broker")
    try:
        with ringing(redis_url or "filesystem://localhost", options):
            yield stand
    finally:
        stand.close()
        if not redis_url:
            shutil.rmtree(data_dir, ignore_errors=True)


@pytest.fixture(scope="module")
def broker() -> Iterator[RedisClient]:
    """A Redis of the faults' own: it will lose everything more than once."""
    with servers.Redis() as server, RedisClient.from_url(server.url) as client:
        client.url = server.url
        yield client


@pytest.fixture
def stand(transactional_db: None, broker: RedisClient) -> Iterator[Stand]:
    broker.flushall()
    with standing(broker.url) as made:
        yield made


@pytest.fixture
def folder_stand(transactional_db: None) -> Iterator[Stand]:
    """The embedded default: rings are files in a folder, and a running task is lost with it."""
    with standing("") as made:
        yield made


def folders(root: Path) -> dict[str, object]:
    """The folders of a broker of files, there before the first ring."""
    queue, control = root / "queue", root / "control"
    for folder in (queue, control):
        folder.mkdir(parents=True)
    return {
        "data_folder_in": str(queue),
        "data_folder_out": str(queue),
        "control_folder": str(control),
    }


def waiters() -> int:
    """How many other sessions wait for a row that somebody holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]


@contextlib.contextmanager
def held(rows: object) -> Iterator[None]:
    """Keep these rows locked, so that whoever needs them waits inside a transaction."""
    with transaction.atomic():
        list(rows.select_for_update())
        yield
