"""`bin/soak`: the machine for hours, batch by batch, each with a seed that is printed."""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BATCH = 100  # examples for which a database is made once; so often the time is looked at
STEPS = 50
MACHINE = "tests/invariants/test_machine.py"
PATIENCE = 20  # seconds in which a batch that is stopped clears up behind itself

Command = Callable[[int, int], tuple[list[str], dict[str, str]]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/soak", description=__doc__)
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, help="begin no batch after so many instead")
    parser.add_argument("--steps", type=int, default=STEPS, help="of an example")
    parser.add_argument("--seed", type=int, help="of the first batch; else a random one")
    parser.add_argument(
        "--jobs", type=int, default=len(os.sched_getaffinity(0)), help="batches at once"
    )
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "test-results", help="where failures are kept"
    )
    return parser.parse_args()


def machine(steps: int, *, postgres: bool) -> Command:
    """How to run so many examples of a seed: a command, and what its environment says besides."""
    server = [sys.executable, "-m", "tests.servers"] if postgres else []
    options = ["-q", "-s", "--nomigrations", "-p", "no:cacheprovider"]

    def command(seed: int, examples: int) -> tuple[list[str], dict[str, str]]:
        settings = {
            "MACHINE_EXAMPLES": str(examples),
            "MACHINE_STEPS": str(steps),
            "MACHINE_SEED": str(seed),
            "MACHINE_SHRINK": "yes",
            "HYPOTHESIS_PROFILE": "explore",
        }
        return [*server, sys.executable, "-m", "pytest", *options, MACHINE], settings

    return command


class Batch:
    """Examples of one seed in a process of its own; what it prints goes to a file."""

    def __init__(self, seed: int, examples: int, command: Command, *, sqlite: bool = True) -> None:
        self.seed, self.examples = seed, examples
        words, settings = command(seed, examples)
        environment = {**os.environ, **settings}
        if sqlite:
            environment.pop("DATABASE_URL", None)
        self.output: Any = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the batch runs
        self.process = subprocess.Popen(
            words,
            cwd=ROOT,
            env=environment,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def said(self) -> str:
        self.output.seek(0)
        return str(self.output.read())

    def stop(self) -> None:
        """As by Ctrl-C, so that databases and folders go; what does not listen is killed."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.output.close()


@dataclass
class Soak:
    """So many examples, or for so long; `seed` is that of the first batch, each takes the next."""

    command: Command
    seed: int
    output: Path
    examples: int
    jobs: int = 1
    minutes: float | None = None
    steps: int = STEPS
    postgres: bool = False
    begun: int = 0
    played: int = 0
    running: list[Batch] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def run(self) -> int:
        """0 when all agreed, 1 when a batch did not, 130 when somebody stopped it.

        Nothing is left running.
        """
        try:
            while self._fill():
                ended = self._ended()
                self.running.remove(ended)
                if not self._agreed(ended):
                    return 1
        except KeyboardInterrupt:
            print(f"Stopped; {self.played:,} examples agreed.", flush=True)
            return 130
        finally:
            for batch in self.running:
                batch.stop()
        return 0

    @property
    def took(self) -> float:
        return time.monotonic() - self.started

    def _fill(self) -> bool:
        """Begin as many batches as may run; whether any does."""
        while len(self.running) < self.jobs and (examples := self._next()):
            batch = Batch(self.seed, examples, self.command, sqlite=not self.postgres)
            self.running.append(batch)
            self.seed += 1
            self.begun += examples
        return bool(self.running)

    def _next(self) -> int:
        if self.minutes is not None:
            return BATCH if self.took < self.minutes * 60 else 0
        return min(BATCH, self.examples - self.begun)

    def _ended(self) -> Batch:
        while True:
            for batch in self.running:
                if batch.process.poll() is not None:
                    return batch
            time.sleep(0.1)

    def _agreed(self, batch: Batch) -> bool:
        agreed, said = batch.process.returncode == 0, batch.said()
        self.played += batch.examples * agreed
        print(f"seed {batch.seed}: {batch.examples} examples {'agreed' if agreed else 'FAILED'}; "
              f"{self._progress()}", flush=True)  # fmt: skip
        batch.stop()
        if not agreed:
            self._keep(batch, said)
        return agreed

    def _progress(self) -> str:
        rate = self.played / self.took
        if self.minutes is not None:
            left, of = max(self.minutes - self.took / 60, 0), ""
        else:
            left = (self.examples - self.played) / rate / 60 if rate else 0
            of = f" of {self.examples:,}"
        return f"{self.played:,}{of} in {self.took:,.0f} s, {rate:.1f}/s, {left:,.0f} min left"

    def _keep(self, batch: Batch, said: str) -> None:
        self.output.mkdir(parents=True, exist_ok=True)
        kept = self.output / f"soak-{batch.seed}.txt"
        kept.write_text(said)
        again = f"bin/soak --seed {batch.seed} --examples {batch.examples} --steps {self.steps}"
        print(said[-6000:])
        print(f"The failing steps are in {kept}; they are found again by")
        print(f"    {again}{' --postgres' if self.postgres else ''}", flush=True)


def main() -> int:
    said = arguments()
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has them ignored
        signal.signal(number, signal.default_int_handler)
    soak = Soak(
        machine(said.steps, postgres=said.postgres),
        seed=random.SystemRandom().randrange(10**6) if said.seed is None else said.seed,
        output=said.output,
        examples=said.examples,
        jobs=said.jobs,
        minutes=said.minutes,
        steps=said.steps,
        postgres=said.postgres,
    )
    return soak.run()


if __name__ == "__main__":
    sys.exit(main())
