"""Throw-away PostgreSQL and Redis from the installed binaries, on free ports, gone afterwards.

    python -m tests.servers COMMAND…    runs COMMAND with DATABASE_URL and REDIS_URL set
    python -m tests.servers --missing   names what is missing and exits 1, else exits 0

`DATABASE_URL` and `REDIS_URL` that are set already win. Fault tests start servers of their own.
"""

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from redis import Redis as redis_client

START_SECONDS = 30
# Durability is for those who keep their data; max_connections serves 200 racing threads.
POSTGRES_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "warning",
}


def postgres_bin() -> Path | None:
    """The newest installed PostgreSQL's folder of binaries."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[4]) if path.parts[4].isdigit() else 0,
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def missing() -> list[str]:
    """The Debian packages without which tests on PostgreSQL and Redis cannot run."""
    absent = []
    if not os.environ.get("DATABASE_URL") and postgres_bin() is None:
        absent.append("postgresql")
    if not os.environ.get("REDIS_URL") and shutil.which("redis-server") is None:
        absent.append("redis-server")
    return absent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server process with a temporary folder; a context manager that leaves nothing behind."""

    name = ""
    stop_signal = signal.SIGTERM

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"portal-{self.name}-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = (self.folder / "log").read_text(errors="replace")
                raise RuntimeError(f"{self.name} did not start:\n{text[-2000:]}")
            time.sleep(0.05)

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self, number: signal.Signals | None = None) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(number or self.stop_signal)
            self.process.wait(timeout=30)
            self.process = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis(Server):
    name = "redis"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        return [
            shutil.which("redis-server") or "redis-server", "--port", str(self.port),
            "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--maxmemory-policy", "noeviction", "--dir", str(self.folder),
        ]  # fmt: skip

    def configure(self, name: str, value: str) -> None:
        with redis_client.from_url(self.url) as client:
            client.config_set(name, value)


class Postgres(Server):
    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": open sessions are ended, not waited for

    def __init__(self) -> None:
        super().__init__()
        binaries = postgres_bin()
        if binaries is None:
            raise RuntimeError("PostgreSQL is missing: sudo apt-get install postgresql")
        self.binaries = binaries
        self.data = self.folder / "data"
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run("initdb", "-D", str(self.data), "-U", "portal", "-A", "trust", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync")  # fmt: skip

    @property
    def url(self) -> str:
        return f"postgres://portal@127.0.0.1:{self.port}/postgres"

    def _as_owner(self) -> list[str]:
        """PostgreSQL refuses to run as root; either way it ends when its starter is killed."""
        words = ["setpriv", "--pdeathsig", "INT"]
        if os.geteuid() == 0:
            words += ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        return words

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._as_owner(), str(self.binaries / program), *arguments],
            check=True, stdout=subprocess.DEVNULL, cwd=self.folder,
        )  # fmt: skip

    def command(self) -> list[str]:
        options = POSTGRES_SETTINGS | {
            "port": str(self.port), "unix_socket_directories": str(self.folder)
        }  # fmt: skip
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [*self._as_owner(), str(self.binaries / "postgres"), "-D", str(self.data), *flags]

    def answers(self) -> bool:
        ready = subprocess.run(
            [str(self.binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            check=False,
        )
        return ready.returncode == 0

    def version(self) -> str:
        said = subprocess.run(
            [str(self.binaries / "postgres"), "--version"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        return f"PostgreSQL {said.split(') ', 1)[-1].split()[0]}"


@contextlib.contextmanager
def both() -> Iterator[tuple[dict[str, str], str]]:
    """The environment that points at both servers, and words for what they are."""
    with contextlib.ExitStack() as stack:
        environment, words = {}, []
        if os.environ.get("DATABASE_URL"):
            words.append("the database of DATABASE_URL")
        else:
            postgres = stack.enter_context(Postgres())
            environment["DATABASE_URL"] = postgres.url
            words.append(postgres.version())
        if os.environ.get("REDIS_URL"):
            words.append("the Redis of REDIS_URL")
        else:
            environment["REDIS_URL"] = stack.enter_context(Redis()).url
            words.append("a throw-away Redis")
        yield environment, " and ".join(words)


def main() -> int:
    parser = argparse.ArgumentParser(description="Run a command beside throw-away servers.")
    parser.add_argument("--missing", action="store_true", help="name what is missing")
    parser.add_argument("--describe-to", type=Path, help="a file for the words of what it ran on")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    if arguments.missing:
        print(" ".join(missing()))
        return 1 if missing() else 0
    # A TERM must stop the servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with both() as (environment, words):
        if arguments.describe_to:
            arguments.describe_to.write_text(words)
        return subprocess.run(
            arguments.command, env={**os.environ, **environment}, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
