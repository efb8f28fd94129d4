"""`manage.py maintenance 30`: the portal is only read for 30 minutes; `0` ends that at once."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from core import maintenance

MOST_MINUTES = 24 * 60


class Command(BaseCommand):
    help = "Have the portal only be read for so many minutes; without a number, say how it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("minutes", nargs="?", type=int, choices=range(MOST_MINUTES + 1),
                            metavar="MINUTES")  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        if options["minutes"]:
            maintenance.begin(now + timedelta(minutes=options["minutes"]))
        elif options["minutes"] == 0:
            maintenance.end()
        until = maintenance.ends_at(now=now)
        said = f"Only read until {until:%Y-%m-%d %H:%M} UTC." if until else "Open for changes."
        self.stdout.write(said)
