"""`manage.py load_demo`: the demo organisation and its recent past, once."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Entity
from core.provenance import coming_from
from core.transactions import atomic
from po_portal.demo import catalog, organisation, rules


class Command(BaseCommand):
    help = (
        "Load two entities with people, budgets, vendors, a catalog and a recent past. Demo only."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION or not settings.PORTAL_DEMO:
            raise CommandError("Demo people have known passwords: only a demo portal loads them.")
        now = timezone.now()
        with coming_from("command"):
            if Entity.objects.filter(code__in=organisation.ENTITIES).exists():
                self.stdout.write("The demo organisation is there already.")
                return
            with atomic():
                organisation.load(today=now.date())
                beginning = datetime(organisation.fiscal_years(now.date())[0], 1, 6, 8, tzinfo=UTC)
                catalog.load(at=beginning)
                rules.load(at=beginning)
        self.stdout.write("The demo organisation is loaded.")
