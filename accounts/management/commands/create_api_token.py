"""Print a new API token for a person: `manage.py create_api_token EMAIL --scopes read`."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import ApiToken, User
from core.api.authentication import SCOPES


class Command(BaseCommand):
    help = "Create an API token for a person and print it once; only its digest is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument(
            "--scopes", default="read", help=f"comma separated: {', '.join(SCOPES)}"
        )
        parser.add_argument("--days", type=int, default=90, help="days until it expires")
        parser.add_argument("--name", default="", help="what it is for")

    def handle(self, *args: Any, **options: Any) -> None:
        scopes = [scope.strip() for scope in options["scopes"].split(",")]
        if unknown := set(scopes) - set(SCOPES):
            raise CommandError(f"unknown scopes: {', '.join(sorted(unknown))}")
        if options["days"] < 1:
            raise CommandError("--days must be at least 1")
        user = User.objects.filter(email__iexact=options["email"], is_active=True).first()
        if user is None:
            raise CommandError(f"nobody active has the address {options['email']}")
        _, token = ApiToken.objects.create(
            user=user,
            expiry=timedelta(days=options["days"]),
            scopes=scopes,
            name=options["name"][:80],
        )
        self.stdout.write(token)
