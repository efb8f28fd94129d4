"""`bin/soak`: the machine for hours, batch by batch, each with a seed that is printed."""

import argparse
import os
import random
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BATCH = 100  # examples for which a database is made once; so often the time is looked at
MACHINE = "tests/invariants/test_machine.py"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/soak", description=__doc__)
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, help="stop after so many instead")
    parser.add_argument("--steps", type=int, default=100, help="of an example")
    parser.add_argument("--seed", type=int, help="of the first batch; else a random one")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "test-results", help="where failures are kept"
    )
    return parser.parse_args()


def batch(seed: int, examples: int, steps: int, *, postgres: bool) -> tuple[bool, str]:
    """Run so many examples; whether all agreed, and what was printed."""
    server = [sys.executable, "-m", "tests.servers"] if postgres else []
    options = ["-q", "-s", "--nomigrations", "-p", "no:cacheprovider"]
    test = [sys.executable, "-m", "pytest", *options, MACHINE]
    settings = {
        "MACHINE_EXAMPLES": str(examples),
        "MACHINE_STEPS": str(steps),
        "MACHINE_SEED": str(seed),
        "MACHINE_SHRINK": "yes",
        "HYPOTHESIS_PROFILE": "explore",
    }
    environment = {**os.environ, **settings}
    if not postgres:
        environment.pop("DATABASE_URL", None)
    done = subprocess.run(
        [*server, *test], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode == 0, done.stdout + done.stderr


def main() -> int:
    said = arguments()
    seed = random.SystemRandom().randrange(10**6) if said.seed is None else said.seed
    began, played = time.monotonic(), 0
    deadline = began + said.minutes * 60 if said.minutes else None
    while played < said.examples if deadline is None else time.monotonic() < deadline:
        examples = BATCH if deadline else min(BATCH, said.examples - played)
        agreed, text = batch(seed, examples, said.steps, postgres=said.postgres)
        played += examples
        took = time.monotonic() - began
        print(f"seed {seed}: {examples} examples {'agreed' if agreed else 'FAILED'}, "
              f"{played:,} in {took:,.0f} s", flush=True)  # fmt: skip
        if not agreed:
            said.output.mkdir(parents=True, exist_ok=True)
            kept = said.output / f"soak-{seed}.txt"
            kept.write_text(text)
            print(text[-6000:])
            print(f"The failing steps are in {kept}; bin/soak --seed {seed} finds them again.")
            return 1
        seed += 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
