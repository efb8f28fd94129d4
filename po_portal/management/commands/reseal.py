"""`manage.py reseal` after a change of SEALING_KEYS or SEALING_INDEX_KEY; the portal may run."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import second_factor
from core.sealed import SealBroken
from invoicing import resealing


class Command(BaseCommand):
    help = "Seal everything under the first of SEALING_KEYS, found by SEALING_INDEX_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changed = resealing.reseal(at=timezone.now())
            factors = second_factor.sealed_long_ago()
            for row in factors:
                second_factor.reseal(row)
        except SealBroken as refusal:
            raise CommandError(f"{refusal} Nothing is lost: give its key again.") from None
        self.stdout.write(f"{changed + len(factors)} rows resealed")
