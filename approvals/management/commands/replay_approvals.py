"""Builds the chain of every round anew from what was stored, and holds it against who was asked."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Entity
from approvals.models import ApprovalRequest
from approvals.replay import replay_all
from core.snapshot import snapshot


class Command(BaseCommand):
    help = (
        "Replay rounds of approval from their facts, by the policies and people of their day; "
        "exit 1 when one comes to other people."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--entity", help="only of the entity with this code")
        parser.add_argument("--since", help="only rounds that began on this day (UTC) or later")

    def handle(self, *args: Any, **options: Any) -> None:
        rounds = ApprovalRequest.objects.select_related("entity", "policy", "requester")
        if code := options["entity"]:
            if not Entity.objects.filter(code=code).exists():
                raise CommandError(f"There is no entity {code}.")
            rounds = rounds.filter(entity__code=code)
        if options["since"]:
            rounds = rounds.filter(created_at__gte=_day(options["since"]))
        count = differing = 0
        with snapshot():
            for each in replay_all(rounds.order_by("id").iterator(chunk_size=500)):
                count += 1
                if each.agrees:
                    continue
                differing += 1
                self.stdout.write(
                    self.style.ERROR(f"{each.round_.subject_title} ({each.round_.pk})")
                )
                for difference in each.differences:
                    self.stdout.write(f"  {difference}")
        self.stdout.write(f"{'rounds':<16} replayed {count:,}")
        if differing:
            raise CommandError(f"{differing:,} came to other people.")
        self.stdout.write(self.style.SUCCESS("All came to the same people."))


def _day(said: str) -> datetime:
    try:
        return datetime.strptime(said, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise CommandError("--since is a day such as 2026-01-31.") from None
