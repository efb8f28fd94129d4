"""Runs web, worker and scheduler side by side until Ctrl-C; a process that dies is started again.

Standard library only, and it imports nothing of the portal: it must outlive every fault there.
"""

import ctypes
import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
SETTLED_SECONDS = 30  # a process that lived so long starts again without delay
STOP_SECONDS = 10
READY_SECONDS = 90
MOST_PORT = 65535
PARENT_DEATH_SIGNAL = 1  # of prctl(2)
PEOPLE = (
    ("rita", "requester"), ("axel", "approver, rita's manager"), ("dora", "director, budget owner"),
    ("bea", "buyer"), ("rob", "receiver"), ("finn", "AP clerk"), ("fay", "AP manager"),
    ("cora", "controller"), ("vera", "vendor manager"), ("olga", "auditor"),
    ("ada", "administrator"), ("nils", "requester in the second entity"),
)  # fmt: skip


class Stopped(Exception):
    """Ctrl-C or a TERM signal."""


class Child:
    """One process in a session of its own, so that its own children end with it."""

    def __init__(self, name: str, *command: str) -> None:
        self.name, self.command = name, command
        self.delay, self.start_at = 0.0, 0.0
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0

    def keep_alive(self, now: float) -> None:
        if self.process is None:
            if now >= self.start_at:
                self.started = now
                self.process = subprocess.Popen(
                    self.command, cwd=ROOT, start_new_session=True, preexec_fn=end_with_parent
                )
        elif self.process.poll() is not None:
            self.signal_group(signal.SIGKILL)  # its own children must not work on beside the next
            settled = now - self.started > SETTLED_SECONDS
            self.delay = 0.5 if settled else min(max(0.5, self.delay * 2), 30)
            say(f"{self.name} ended ({self.process.returncode}); again in {self.delay:g} s")
            self.process, self.start_at = None, now + self.delay

    def signal_group(self, number: int) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


def say(text: str) -> None:
    with suppress(OSError):  # the terminal may be closed
        print(text, flush=True)


def end_with_parent() -> None:
    """In a child: TERM when the supervisor itself is killed (Linux only)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM)


def children(bind: str) -> list[Child]:
    # On a try-out machine people are often root; the containers run as a user of their own.
    quiet = "ignore:You're running the worker with superuser"
    celery = (PYTHON, "-W", quiet, "-m", "celery", "-A", "po_portal", "--quiet")
    return [
        Child(
            "web", PYTHON, "-m", "gunicorn", "po_portal.wsgi", "--bind", bind,
            "--worker-class", "gthread", "--workers", os.environ.get("WEB_WORKERS", "2"),
            "--threads", os.environ.get("WEB_THREADS", "4"), "--timeout", "60",
            "--graceful-timeout", "8", "--log-level", "warning", "--no-control-socket",
        ),
        Child(
            "worker", *celery, "worker", "--loglevel", "WARNING", "--without-gossip",
            "--without-mingle", "--without-heartbeat",
        ),
        Child(
            "scheduler", *celery, "beat", "--loglevel", "WARNING", "--pidfile", "",
            # In memory: the periodic jobs remember in the database what has run.
            "--scheduler", "celery.beat:Scheduler",
        ),
    ]  # fmt: skip


def why_not_here(host: str, port: int) -> str:
    """Why nobody can listen there, in words with a way out; empty when one can."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as fault:
            if fault.errno == errno.EADDRINUSE:
                other = port + 1 if port < MOST_PORT else port - 1
                return f"Port {port} is in use. Choose another one:  PORT={other} bin/run"
            return f"Nobody can listen on {host}, port {port}: {fault.strerror}."
    return ""


def only_one(data_dir: Path) -> TextIO | None:
    """Hold the data folder for this portal; None when another one already does."""
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = (data_dir / "portal.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def is_demo() -> bool:
    """The same answer as PORTAL_DEMO in po_portal/settings.py, which read it without complaint."""
    chosen = os.environ.get("PORTAL_DEMO", "").lower()
    return chosen not in ("0", "false", "no", "off") and os.environ.get("ENV") != "production"


def greeting(url: str, data_dir: Path) -> str:
    lines = ["", f"  PO Portal is at  {url}/"]
    if is_demo():
        lines += ["", "  Sign in with the password  demo  as one of"]
        lines += [f"    {name + '@demo.example':<20} {part}" for name, part in PEOPLE]
        lines += ["", f"  Outgoing mail (and its links) is read at  {url}/mail/"]
    lines += ["", f"  Data is kept in {data_dir}. Ctrl-C stops the portal.", ""]
    return "\n".join(lines)


def stop(family: list[Child]) -> None:
    for child in family:
        if child.running() and child.process is not None:
            child.process.terminate()  # each tells its own children
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline and any(child.running() for child in family):
        time.sleep(0.1)
    for child in family:
        child.signal_group(signal.SIGKILL)
        if child.process is not None:
            child.process.wait()


def main() -> int:
    host = os.environ.get("BIND", "127.0.0.1")
    port_text = os.environ.setdefault("PORT", "8000")
    if not port_text.isdigit() or not 0 < int(port_text) <= MOST_PORT:
        say(f"PORT must be a number from 1 to {MOST_PORT}, not {port_text!r}.")
        return 1
    port = int(port_text)
    data_dir = Path(os.environ.get("DATA_DIR") or ROOT / "var").resolve()
    os.environ["DATA_DIR"] = str(data_dir)
    if reason := why_not_here(host, port):
        say(reason)
        return 1
    try:
        lock = only_one(data_dir)
    except OSError as fault:
        say(f"No data can be kept in {data_dir}: {fault.strerror}.")
        say("Choose another folder:  DATA_DIR=./var2 bin/run")
        return 1
    if lock is None:
        say(f"Another portal runs on {data_dir}. Choose another folder:  DATA_DIR=./var2 bin/run")
        return 1
    prepared = subprocess.run([PYTHON, "manage.py", "prepare"], cwd=ROOT, check=False)
    if prepared.returncode:
        say("The database could not be prepared; the reason stands above.")
        return 1
    return supervise(
        children(f"{host}:{port}"),
        local=f"http://127.0.0.1:{port}"
        if host in ("127.0.0.1", "0.0.0.0")
        else f"http://{host}:{port}",
        text=greeting(os.environ.get("PORTAL_URL") or f"http://127.0.0.1:{port}", data_dir),
    )


def supervise(family: list[Child], *, local: str, text: str) -> int:
    greeted, started = False, time.monotonic()
    try:
        while True:
            now = time.monotonic()
            for child in family:
                child.keep_alive(now)
            if not greeted and answers(local):
                greeted = True
                say(text)
            if not greeted and now - started > READY_SECONDS:
                say(f"The portal did not answer within {READY_SECONDS} s; the reason stands above.")
                return 1
            time.sleep(0.2)
    except Stopped:
        say("Stopping …")
        return 0
    finally:
        # A second Ctrl-C must not cut the clean-up short.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        stop(family)


def _stopped(number: int, frame: object) -> None:
    raise Stopped


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _stopped)
    signal.signal(signal.SIGTERM, _stopped)
    signal.signal(signal.SIGHUP, _stopped)  # the terminal was closed
    try:
        sys.exit(main())
    except Stopped:
        sys.exit(0)
