"""`manage.py load_demo`: the demo organisation and its recent past, once."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Entity
from core.provenance import coming_from
from core.transactions import atomic
from po_portal.demo import (
    agreements,
    catalog,
    contracts,
    history,
    organisation,
    oversight,
    rules,
    shared_costs,
)
from po_portal.demo.stories import STORIES
from requisitions.models import Requisition


class Command(BaseCommand):
    help = (
        "Load two entities with people, budgets, vendors, a catalog and a recent past; demo only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--without-documents",
            action="store_true",
            help="leave the printing of past orders to the worker: faster",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION or not settings.PORTAL_DEMO:
            raise CommandError("Demo people have known passwords: only a demo portal loads them.")
        now = timezone.now()
        with coming_from("command"):
            built = build_organisation(now)
            played = play_history(now, prints=not options["without_documents"])
            if played:
                history.settle_outbox(since=now, now=timezone.now())
        if not built and not played:
            self.stdout.write("The demo organisation is there already.")
            return
        self.stdout.write("The demo organisation is loaded.")


def is_unfinished() -> bool:
    """The organisation is there and its past is not: the load was stopped in between."""
    entities = Entity.objects.filter(code__in=organisation.ENTITIES)
    return entities.exists() and not Requisition.objects.filter(entity__in=entities).exists()


@atomic
def build_organisation(now: datetime) -> bool:
    """Both entities, or nothing where one of them exists."""
    if Entity.objects.filter(code__in=organisation.ENTITIES).exists():
        return False
    organisation.load(today=now.date())
    beginning = datetime(organisation.fiscal_years(now.date())[0], 1, 6, 8, tzinfo=UTC)
    catalog.load(at=beginning)
    contracts.load(at=beginning, now=now)
    rules.load(at=beginning)
    oversight.load(at=beginning)
    return True


@atomic
def play_history(now: datetime, *, prints: bool = True) -> bool:
    """The recent past, or nothing where somebody has requested anything already."""
    entities = list(Entity.objects.filter(code__in=organisation.ENTITIES).order_by("code"))
    if Requisition.objects.filter(entity__in=entities).exists():
        return False
    for entity in entities:
        stories = [
            *STORIES[entity.code],
            *agreements.STORIES[entity.code],
            *oversight.STORIES[entity.code],
        ]
        history.play(entity=entity, stories=stories, now=now, prints=prints)
    shared_costs.load(now=now)
    return True
