"""Rebuilds every balance from the events alone, in an empty database, and compares to the cent."""

import sqlite3
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from budgets.replay import replay
from core.snapshot import patient, snapshot


class Command(BaseCommand):
    help = "Rebuild all balances from the events in an empty database; exit 1 when they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--into", type=Path, help="keep the rebuilt balances in this new SQLite file"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        kept: Path | None = options["into"]
        if kept is not None and kept.exists():
            raise CommandError(f"{kept} exists; balances are rebuilt into an empty database only.")
        with tempfile.TemporaryDirectory(prefix="portal-replay-") as folder:
            database = sqlite3.connect(kept or Path(folder) / "books.sqlite3")
            try:
                with snapshot(), patient():
                    done = replay(database)
            finally:
                database.close()
        for name, count in {**done.events, **done.balances}.items():
            what = "replayed" if name in done.events else "compared"
            self.stdout.write(f"{name:<16} {what} {count:,}")
        for difference in done.differences:
            self.stdout.write(self.style.ERROR(f"  {difference}"))
        if done.differences:
            raise CommandError(f"The balances differ. First: {done.differences[0]}")
        self.stdout.write(self.style.SUCCESS("The balances agree to the cent."))
