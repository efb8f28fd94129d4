"""`manage.py set_up FILE`: an organisation from a TOML file such as docs/organisation.toml."""

import tomllib
from argparse import ArgumentParser
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.errors import DomainError
from core.provenance import coming_from
from po_portal import setting_up


class Command(BaseCommand):
    help = "Add entities, people and coding from a TOML file; alters nothing that is there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="as docs/organisation.toml shows")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            text = options["file"].read_text("utf-8")
            organisation = tomllib.loads(text, parse_float=Decimal)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
            raise CommandError(f"{options['file']} cannot be read: {fault}") from None
        try:
            with coming_from("command"):
                done = setting_up.set_up(organisation=organisation, at=timezone.now())
        except DomainError as refusal:
            reasons = [f"{error.pointer}: {error.detail}" for error in refusal.errors]
            words = " ".join(reasons or [refusal.detail])
            raise CommandError(f"Nothing was added. {words}") from None
        for added in done:
            words = ", ".join(f"{count} {kind}" for kind, count in added.counts.items())
            self.stdout.write(f"{added.entity.code}: {words or 'all was there already'}")
        if any("people" in added.counts for added in done):
            self.stdout.write("New people choose a password by “Forgotten password”.")
