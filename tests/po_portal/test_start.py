"""What `bin/run` says when it cannot start: why, and what to do instead. Never a traceback."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(folder: Path | str, **environment: str) -> tuple[int, str]:
    ours = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "bin/supervise.py"],
        cwd=ROOT,
        env={**ours, "DATA_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_a_port_that_is_taken_is_named_with_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = start(tmp_path, PORT=str(port))
    assert (code, said.startswith(f"Port {port} is in use.")) == (1, True)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"PORT": "eighty"}, "PORT must be a number from 1 to 65535"),
        ({"PORT": "65536"}, "PORT must be a number from 1 to 65535"),
        ({"BIND": "203.0.113.7"}, "Nobody can listen on 203.0.113.7"),
    ],
)
def test_an_address_that_is_none_is_named(
    tmp_path: Path, environment: dict[str, str], words: str
) -> None:
    code, said = start(tmp_path, **{"PORT": free_port(), **environment})
    assert (code, words in said) == (1, True)


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    code, said = start(file / "data", PORT=free_port())
    assert (code, said.startswith("No data can be kept in")) == (1, True)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "portal.sqlite3").write_text("garbage" * 100)
    environment = {"DATABASE_URL": "", "REDIS_URL": "", "ENV": "demo"}
    code, said = start(tmp_path, PORT=free_port(), **environment)
    assert (code, "could not be prepared" in said) == (1, True)
