"""The portal's side: each step goes through the services, and the model is told what came of it.

A step that is refused must have left everything as it was; `agree` compares after every step. To
add a step: a method in the module of its documents that calls a service inside `attempt` with the
moves that the model expects, and one rule in `test_machine.py` that draws its numbers.
"""

from datetime import date, timedelta
from typing import Any

import approvals.services
from budgeting.models import YearEnd
from core import outbox
from core.composed import Composed
from core.models import OutboxItem
from invoicing.models import Invoice
from tests.invariants.machine.blankets import Blankets
from tests.invariants.machine.changes import Changes
from tests.invariants.machine.ground import QUIET, later
from tests.invariants.machine.invoices import Invoices
from tests.invariants.machine.money import Money
from tests.invariants.machine.picking import EXACT
from tests.invariants.machine.requests import Requests

LAST = date(2027, 12, 1)  # no fiscal year follows


def _work() -> Any:
    items = OutboxItem.objects.order_by("pk")
    for quiet in QUIET:
        items = items.exclude(handler__startswith=quiet)
    return items


_undone = Composed[OutboxItem](lambda: _work().filter(done_at=None))


class World(Requests, Blankets, Changes, Invoices, Money):
    """The steps of every document, and those of time and workers."""

    def begin(self) -> None:
        """Requests agreed to and waiting, orders issued, received and billed in part."""
        for payers, quantity, price in [(("A", "B"), 10, 10), (("C",), 4, 20), (("A",), 6, 40)]:
            self.submit(payers, quantity, price)
        self.submit(("A",), 4, 20, spans=True)
        for _ in range(3):
            self.decide("approve", 0)
        self.draft_order(0, 4)
        for payers, currency in [(("A",), "EUR"), (("B", "C"), "USD"), (("B",), "EUR")]:
            self.draft_own(payers, 6, 10, currency)
        self.draft_own(("D",), 3, 20, "EUR", valid_to=self.today + timedelta(days=5))
        for _ in range(4):
            self.issue(0)
        for pick, quantity in [(0, 4), (4, 6), (4, 0)]:
            self.receive(pick, quantity)
            self.bill(pick, 2, 0, Invoice.Kind.INVOICE)
        for billed in (5, 7):  # of ten over two years: all of this year's part, and more than that
            self.draft_own(("A",), 10, 10, "EUR", spans=True)
            self.issue(-4)
            self.receive(-4, 7)
            self.bill(-4, billed, 0, Invoice.Kind.INVOICE)
        for commits in ("releases", "limit"):
            self.agree_on(("A",), 200, commits)
            self.submit_order(-4)
            self.agree_to(-4)
            self.issue(-4)
        self.catch_up()
        self.agree()

    def tick(self, days: int) -> None:
        """Days go by; reminders and escalations are due."""
        self._at(self.today + timedelta(days=days), "tick")

    def new_year(self) -> None:
        """The fifth of January: the last year is over."""
        if self.today.year < LAST.year:
            self._at(date(LAST.year, 1, 5), "new year")

    def _at(self, day: date, name: str) -> None:
        if day < LAST:
            self.now = later(self.now, day)
            approvals.services.nudge(at=self.now)
            self.done[name] += 1

    def deliver(self, pick: int, times: int) -> None:
        """Any work that was ever promised, done or not, once or three times."""
        items = self.work()
        found = list(items.filter(done_at=None) if pick % 4 < EXACT else items)
        if found:
            self.run(found[pick // 4 % len(found)], times)

    def work(self) -> Any:
        return _work()

    def run(self, item: OutboxItem, times: int) -> None:
        """Do it so often, and follow what the first time does."""
        subject = item.arguments.get("document_id")
        year_end = None
        if item.handler == "budgeting.run_year_end":
            year_end, waiting = YearEnd.objects.get(pk=subject), self.waiting_documents()
        for _ in range(times):
            assert outbox.run(item), f"{item.handler}: {OutboxItem.objects.get(pk=item.pk).error}"
        self.done[f"deliver {item.handler}"] += 1
        if item.handler == "purchase_orders.release_unused":
            self.follow_release(subject)
        if year_end is not None:
            self.follow_year_end(year_end, waiting)
        self.follow_invoices()

    def catch_up(self) -> None:
        """A worker does what waits, oldest first, and what comes of it."""
        while items := _undone():
            for item in items:
                self.run(item, 1)
