"""`bin/soak` runs batches beside each other; a failure or Ctrl-C stops them all."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.invariants.soak import BATCH, MACHINE, STEPS, Command, Soak, machine

AGREES = "pass"
LASTS = "time.sleep(60)"
FAILS = """
while not os.path.exists({other!r}) or not os.path.getsize({other!r}):
    time.sleep(0.01)
print("bill(pick=3)")
sys.exit(1)
"""


def doing(folder: Path, *scripts: str) -> Command:
    """Each seed runs its script, and notes its process."""

    def command(seed: int, examples: int) -> tuple[list[str], dict[str, str]]:
        noted = f"open({str(folder / str(seed))!r}, 'w').write(f'{{os.getpid()}} {examples}')"
        script = ["import os, sys, time", noted, scripts[seed % len(scripts)]]
        return [sys.executable, "-c", "\n".join(script)], {}

    return command


def alive(noted: Path) -> bool:
    try:
        os.kill(int(noted.read_text().split()[0]), 0)
    except ProcessLookupError:
        return False
    return True


def test_every_batch_has_a_seed_of_its_own_and_all_examples_are_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soak = Soak(doing(tmp_path, AGREES), seed=7, output=tmp_path, examples=2 * BATCH + 1, jobs=2)
    assert soak.run() == 0
    played = {each.name: int(each.read_text().split()[1]) for each in tmp_path.iterdir()}
    assert played == {"7": BATCH, "8": BATCH, "9": 1}
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.split(";")[0] for line in lines) == [
        f"seed {seed}: {examples} examples agreed" for seed, examples in sorted(played.items())
    ]
    assert f"; {2 * BATCH + 1} of {2 * BATCH + 1} in " in lines[-1]
    assert lines[-1].endswith("/s, 0 min left")


def test_a_failure_is_kept_and_stops_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soak = Soak(
        doing(tmp_path, LASTS, FAILS.format(other=str(tmp_path / "2"))),
        seed=1,
        output=tmp_path / "kept",
        examples=9 * BATCH,
        jobs=2,
    )
    assert soak.run() == 1
    assert not alive(tmp_path / "2")
    assert not (tmp_path / "3").exists()
    assert (tmp_path / "kept" / "soak-1.txt").read_text() == "bill(pick=3)\n"
    said = capsys.readouterr().out
    assert "seed 1: 100 examples FAILED; 0 of 900" in said
    assert "bin/soak --seed 1 --examples 100 --steps 50" in said


def test_ctrl_c_stops_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def press() -> None:
        while sum(bool(each.read_text()) for each in tmp_path.iterdir()) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
    try:
        threading.Thread(target=press, daemon=True).start()
        assert Soak(doing(tmp_path, LASTS), 1, tmp_path, examples=2 * BATCH, jobs=2).run() == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert not any(map(alive, tmp_path.iterdir()))
    assert capsys.readouterr().out == "Stopped; 0 examples agreed.\n"


def test_after_its_minutes_it_begins_no_batch(tmp_path: Path) -> None:
    soak = Soak(doing(tmp_path, AGREES), 1, tmp_path, examples=1, minutes=0.001)
    assert soak.run() == 0
    assert 1 <= len(list(tmp_path.iterdir())) <= 2


def test_a_batch_is_the_machine_of_the_suite_with_other_examples() -> None:
    command, settings = machine(STEPS, postgres=False)(7, BATCH)
    assert command[-1] == MACHINE
    assert (settings["MACHINE_SEED"], settings["MACHINE_STEPS"]) == ("7", "50")
