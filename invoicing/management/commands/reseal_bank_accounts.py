from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.sealed import SealBroken
from invoicing.resealing import reseal


class Command(BaseCommand):
    help = "Seal all bank accounts under the first of SEALING_KEYS, found by SEALING_INDEX_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changed = reseal()
        except SealBroken as refusal:
            raise CommandError(f"{refusal} Nothing is lost: give its key again.") from None
        self.stdout.write(f"{changed} rows resealed")
