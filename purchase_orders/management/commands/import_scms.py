"""Take over the orders of an SCMS delivery history, with vendors, lines and receipts."""

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from accounts.models import Entity
from budgets.models import CostCenter, GLAccount
from core.errors import DomainError
from core.provenance import coming_from
from core.transactions import atomic
from purchase_orders import scms
from purchase_orders.models import PurchaseOrder
from purchase_orders.services.taken_vendors import vendor_for
from purchase_orders.services.takeover import Coding, default_coding, take_over
from vendors.models import Vendor

BATCH = 200


class Command(BaseCommand):
    help = (
        "Import an SCMS delivery history (CSV): orders as issued and received, not billed. The "
        "commitments of all of them are posted on the day of the import, because the fiscal years "
        "in which they were ordered are over. What is already there is left as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--entity", default="", help="code; needed when there are several")
        parser.add_argument("--cost-center", default="", help="code; default: a tracked budget's")
        parser.add_argument("--gl-account", default="", help="code; default: a tracked budget's")
        parser.add_argument("--at", type=_moment, help="when it counts, ISO 8601; default: now")

    def handle(self, *args: Any, **options: Any) -> None:
        entity, at = _entity(options["entity"]), options["at"] or timezone.now()
        try:
            with options["file"].open(encoding="utf-8-sig", newline="") as lines:
                history = scms.read(lines)
        except (OSError, UnicodeDecodeError, scms.NotSCMS) as error:
            raise CommandError(f"{options['file']}: {error}") from error
        try:
            with coming_from("command"):
                coding = _coding(entity, options, at)
                self._import(entity, history, coding, at=at, quiet=options["verbosity"] == 0)
        except DomainError as refused:
            raise CommandError(refused.detail) from refused

    def _import(
        self,
        entity: Entity,
        history: scms.History,
        coding: Coding,
        *,
        at: datetime,
        quiet: bool,
    ) -> None:
        vendors_before = Vendor.objects.filter(entity=entity).count()
        known = _known(entity)
        fresh = {
            number: rows
            for number, rows in history.orders.items()
            if (rows[0].vendor, number) not in known
        }
        lines = receipts = 0
        with tqdm(total=len(fresh), unit="order", disable=quiet) as bar:
            for batch in _batches(fresh):
                taken = _take(entity, batch, coding, at)
                lines += sum(len(order.lines) for order in taken)
                receipts += sum(len(order.receipts) for order in taken)
                bar.update(len(batch))
        if fresh:
            _count_anew()
        for fault in history.faults:
            self.stderr.write(f"Row {fault.row} left out: {fault.reason}")
        vendors = Vendor.objects.filter(entity=entity).count() - vendors_before
        self.stdout.write(
            f"Taken over: {vendors} vendors, {len(fresh)} orders, {lines} lines, "
            f"{receipts} receipts. Already here: {len(history.orders) - len(fresh)} orders. "
            f"Rows left out: {len(history.faults)}."
        )


def _count_anew() -> None:
    """Let the database look at its tables now: until it does, it plans for what they held before.

    By itself it looks minutes later; a proof or report that runs at once would take a hundred times
    as long.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _entity(code: str) -> Entity:
    entities = Entity.objects.filter(code=code) if code else Entity.objects.all()
    found = list(entities[:2])
    if len(found) != 1:
        codes = ", ".join(Entity.objects.order_by("code").values_list("code", flat=True))
        raise CommandError(f"Name the entity with --entity, one of: {codes or 'none yet'}.")
    return found[0]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _coding(entity: Entity, options: dict[str, Any], at: datetime) -> Coding:
    if not options["cost_center"] and not options["gl_account"]:
        return default_coding(entity, entity.day_of(at))
    try:
        return Coding(
            CostCenter.objects.get(entity=entity, code=options["cost_center"], is_active=True),
            GLAccount.objects.get(entity=entity, code=options["gl_account"], is_active=True),
        )
    except (CostCenter.DoesNotExist, GLAccount.DoesNotExist) as error:
        raise CommandError("Name a cost centre and an account that are in use.") from error


def _known(entity: Entity) -> set[tuple[str, str]]:
    orders = PurchaseOrder.objects.filter(entity=entity).exclude(legacy_number="")
    return set(orders.values_list("vendor__name", "legacy_number"))


def _batches(orders: dict[str, list[scms.Row]]) -> Iterator[dict[str, list[scms.Row]]]:
    items = iter(orders.items())
    while batch := dict(islice(items, BATCH)):
        yield batch


@atomic
def _take(
    entity: Entity, batch: dict[str, list[scms.Row]], coding: Coding, at: datetime
) -> list[scms.TakenOrder]:
    """One transaction: a broken import goes on where it ended."""
    vendors = {
        name: vendor_for(entity=entity, name=name, currency=scms.CURRENCY, actor=None, at=at)
        for name in sorted({rows[0].vendor for rows in batch.values()})
    }
    taken = [scms.taken(number, rows, vendors[rows[0].vendor]) for number, rows in batch.items()]
    take_over(entity=entity, orders=taken, coding=coding, actor=None, at=at)
    return taken
