"""`manage.py queue`: what waits, what gave up and why, and another chance for it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core import outbox
from core.models import OutboxItem


class Command(BaseCommand):
    help = "Show the queue's figures and its parked items; --replay gives parked items a new try."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--replay", metavar="ID", nargs="+", help="ids of parked items, or the word all"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        parked = OutboxItem.objects.filter(parked_at__isnull=False).order_by("parked_at")
        if options["replay"]:
            self._replay(parked, options["replay"])
        now = timezone.now()
        figures = outbox.waiting(now=now)
        self.stdout.write(
            f"due {figures['due']}, parked {figures['parked']}, "
            f"oldest due item waits {figures['lag_seconds']:.0f} s"
        )
        for item in parked:
            self.stdout.write(f"{item.pk}  {item.handler}  {item.arguments}  {item.error}")

    def _replay(self, parked: Any, chosen: list[str]) -> None:
        if chosen != ["all"]:
            if not all(word.isdigit() for word in chosen):
                raise CommandError("--replay takes ids of parked items, or the word all")
            parked = parked.filter(pk__in=chosen)
        items = list(parked)
        if not items:
            raise CommandError("No such parked item.")
        now = timezone.now()
        for item in items:
            outbox.replay(item, now=now)
        outbox.ring()
        self.stdout.write(f"{len(items)} item(s) run again.")
