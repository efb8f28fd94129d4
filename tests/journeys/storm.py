"""What people and workers do to a handful of shared documents, in no order at all: `Storm`."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

import approvals.services
import requisitions.services
from approvals import links
from approvals.models import ApprovalStep
from budgets.services import set_budget
from core import outbox
from core.errors import DomainError
from core.transactions import Busy, Taken
from invoicing import services as invoicing
from invoicing.inputs import InvoiceInput, InvoiceLineInput
from invoicing.models import Invoice, MatchException
from purchase_orders import services as purchase_orders
from purchase_orders.inputs import ReceiptInput
from purchase_orders.models import PurchaseOrder, Receipt
from requisitions.inputs import LineInput
from requisitions.models import Requisition
from tests.factories import NOW, TODAY, Organisation, approved, coded, draft, line_input, submitted
from vendors.models import CatalogItem

MOST_REQUISITIONS = 14
CELLS = (("CC100", "6600"), ("CC100", "0650"), ("CC300", "6400"), ("CC100", "6300"))
READERS = ("rita", "axel", "dora", "cora", "sven", "bea", "rob", "finn", "fay")


class Storm:
    """One person after another, each with dice of its own; `play` takes one random step."""

    def __init__(self, org: Organisation) -> None:
        self.org = org
        self.taken: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.faults: list[str] = []
        for name in READERS:
            assert org.people[name].roles  # read before the threads do

    def begin(self) -> None:
        """Something in every state, with money in the same budgets in different order."""
        CatalogItem.objects.create(
            vendor=self.org.other_vendor,
            sku="MOUSE",
            name="Mouse",
            unit="C62",
            unit_price=Decimal("9.99"),
            currency="EUR",
        )
        for turn in range(3):
            draft(self.org, *self.lines(turn))
            submitted(self.org, *self.lines(turn))
            self.order_of(approved(self.org, *self.lines(turn)))
            approved(self.org, *self.lines(turn + 1))

    def order_of(self, requisition: Requisition) -> None:
        (made,) = purchase_orders.create_from_requisition(
            requisition=requisition, actor=self.org.bea, at=NOW
        )
        order = purchase_orders.issue(order=made, actor=self.org.bea, at=NOW)
        self.bill(random.Random(order.number), order)

    def lines(self, turn: int) -> list[LineInput]:
        """Two lines over three budgets; every second request names them the other way round."""
        first, second, third = (CELLS[(turn + step) % len(CELLS)] for step in range(3))
        lines = [
            line_input(
                self.org,
                9,
                "3.33",
                distributions=[
                    coded(self.org, *first, percent=60),
                    coded(self.org, *second, percent=40),
                ],
            ),
            line_input(self.org, 5, "10.01", distributions=[coded(self.org, *third)]),
        ]
        return lines[:: 1 if turn % 2 else -1]

    def play(self, dice: random.Random) -> None:
        self.take(dice.choices(list(STEPS), weights=list(STEPS.values()))[0], dice)

    def take(self, step: Callable[["Storm", random.Random], None], dice: random.Random) -> None:
        try:
            step(self, dice)
        except (Busy, Taken) as gap:
            self.faults.append(f"{step.__name__}: {gap.__cause__}")
        except DomainError as refusal:
            self.refused[f"{step.__name__}: {refusal.slug}"] += 1
        except Exception as fault:
            self.faults.append(f"{step.__name__}: {type(fault).__name__}: {fault}")
        else:
            self.taken[step.__name__] += 1

    def end_all(self) -> None:
        """Every order and request is ended: nothing more is expected of any of them."""
        end = {"actor": self.org.bea, "at": NOW, "reason": "Year's end."}
        for order in PurchaseOrder.objects.filter(status__in=["issued", "on_hold"]):
            purchase_orders.close(order=order, **end)
        for made in Requisition.objects.filter(
            status__in=["approved", "partially_ordered", "ordered"]
        ):
            requisitions.services.close(requisition=made, **end)

    def one(self, dice: random.Random, rows: Any, *states: str) -> Any:
        """Any of the documents, four times of five one in a state from which the step may go on."""
        ready = rows.filter(status__in=states) if dice.random() < 0.8 else rows
        found = list(ready.order_by("pk")) or list(rows.order_by("pk"))
        if not found:
            raise DomainError("nothing is there yet")
        return dice.choice(found)

    def requisition(self, dice: random.Random, *states: str) -> Requisition:
        return self.one(dice, Requisition.objects.all(), *states)

    def order(self, dice: random.Random, *states: str) -> PurchaseOrder:
        return self.one(dice, PurchaseOrder.objects.all(), *states)

    def invoice(self, dice: random.Random, *states: str) -> Invoice:
        return self.one(dice, Invoice.objects.all(), *states)

    # ---- requests

    def ask(self, dice: random.Random) -> None:
        if Requisition.objects.count() < MOST_REQUISITIONS:
            draft(self.org, *self.lines(dice.randrange(8)))

    def ask_from_catalog(self, dice: random.Random) -> None:
        """What the policy approves and the portal orders by itself, from one vendor or two."""
        if Requisition.objects.count() < MOST_REQUISITIONS:
            items = CatalogItem.objects.filter(
                sku__in=["DOCK", "MOUSE"], vendor__entity=self.org.entity
            ).select_related("vendor")
            lines = [
                LineInput(
                    catalog_item=item,
                    quantity=Decimal(1),
                    distributions=[coded(self.org, *dice.choice(CELLS))],
                )
                for item in dice.sample(sorted(items, key=lambda each: each.sku), k=2)
            ]
            made = draft(self.org, *lines[: dice.randint(1, 2)], vendor=None)
            requisitions.services.submit(requisition=made, actor=self.org.rita, at=NOW)

    def edit(self, dice: random.Random) -> None:
        data = requisitions.services.content.as_input
        made = self.requisition(dice, "draft", "returned", "withdrawn")
        lines = requisitions.services.content.lines_of(made)
        requisitions.services.edit(
            requisition=made, data=data(made, lines), actor=self.org.rita, at=NOW
        )

    def submit(self, dice: random.Random) -> None:
        made = self.requisition(dice, "draft", "returned")
        requisitions.services.submit(requisition=made, actor=self.org.rita, at=NOW)

    def withdraw(self, dice: random.Random) -> None:
        made = self.requisition(dice, "submitted")
        requisitions.services.withdraw(requisition=made, actor=self.org.rita, at=NOW)

    def decide(self, dice: random.Random) -> None:
        steps = ApprovalStep.objects.select_related("assignee")
        step = self.one(dice, steps, "active")
        approvals.services.decide(
            step=step,
            decision=dice.choice(["approve"] * 6 + ["return", "reject"]),
            actor=step.assignee,
            at=NOW,
            comment="So be it.",
        )

    def forward(self, dice: random.Random) -> None:
        step = self.one(dice, ApprovalStep.objects.select_related("assignee"), "active")
        heir = self.org.people[dice.choice(["axel", "dora", "cora"])]
        approvals.services.forward(step=step, to=heir, actor=step.assignee, at=NOW)

    def remind(self, dice: random.Random) -> None:
        """Days later: reminders and escalations, and whoever asks for a new link."""
        if dice.random() < 0.3:
            approvals.services.nudge(at=NOW + timedelta(days=dice.randint(1, 9)))
            return
        step = self.one(dice, ApprovalStep.objects.all(), "active")
        raw = links.issue(step=step, at=NOW)
        links.decide_by_link(
            token=links.find(raw),
            decision=dice.choice(["approve", "approve", "return"]),
            signed_in=None,
            at=NOW,
        )

    def end_requisition(self, dice: random.Random) -> None:
        end = dice.choice([requisitions.services.close, requisitions.services.cancel])
        made = self.requisition(dice, "approved", "partially_ordered", "ordered")
        end(requisition=made, actor=self.org.bea, at=NOW, reason="Enough.")

    # ---- orders

    def make_order(self, dice: random.Random) -> None:
        asked = self.requisition(dice, "approved", "partially_ordered")
        part = {line.pk: Decimal(dice.randint(1, 3)) for line in asked.lines.all()}
        purchase_orders.create_from_requisition(
            requisition=asked,
            actor=self.org.bea,
            at=NOW,
            quantities=part if dice.random() < 0.5 else None,
        )

    def issue(self, dice: random.Random) -> None:
        order = self.order(dice, "draft")
        purchase_orders.issue(order=order, actor=self.org.bea, at=NOW)

    def change_order(self, dice: random.Random) -> None:
        verb, *states = dice.choice(
            [
                (purchase_orders.close, "issued"),
                (purchase_orders.close, "on_hold"),
                (purchase_orders.reopen, "closed"),
                (purchase_orders.reopen, "closed"),
                (purchase_orders.cancel, "issued", "draft"),
                (purchase_orders.hold, "issued"),
                (purchase_orders.resume, "on_hold"),
            ]
        )
        order = self.order(dice, *states)
        verb(order=order, actor=self.org.bea, at=NOW, reason="So be it.")

    def release(self, dice: random.Random) -> None:
        order = self.order(dice, "closed", "cancelled")
        purchase_orders.release_unused(order=order, at=NOW)

    def receive(self, dice: random.Random) -> None:
        order = self.order(dice, "issued")
        purchase_orders.post_receipt(
            order=order,
            lines=[ReceiptInput(line, Decimal(dice.randint(1, 4))) for line in order.lines.all()],
            received_on=TODAY,
            actor=self.org.rob,
            at=NOW,
        )

    def reverse(self, dice: random.Random) -> None:
        receipt = self.one(dice, Receipt.objects.filter(reverses=None), "posted")
        purchase_orders.reverse_receipt(
            receipt=receipt, reason="Counted wrong.", actor=self.org.rob, at=NOW
        )

    # ---- invoices

    def capture(self, dice: random.Random) -> None:
        self.bill(dice, self.order(dice, "issued", "closed"))

    def bill(self, dice: random.Random, order: PurchaseOrder) -> None:
        """A part of the order, at times dearer, twice on one line, or taken back."""
        lines = [line for line in order.lines.all() for _ in range(dice.choice([1, 1, 1, 2]))]
        dearer = dice.choice([Decimal(0)] * 3 + [Decimal("0.40")])
        invoicing.capture(
            entity=self.org.entity,
            data=InvoiceInput(
                number=f"R-{dice.randint(1, 400)}",
                kind=dice.choice([Invoice.Kind.INVOICE] * 5 + [Invoice.Kind.CREDIT_NOTE]),
                issue_date=TODAY,
                currency=order.currency,
                vendor=order.vendor,
                order_reference=order.number or "none",
                lines=[
                    InvoiceLineInput(
                        quantity=Decimal(dice.choice([1, 1, 2, 3, 5])),
                        unit_price=line.unit_price + dearer,
                        order_line=line,
                        tax_code="DE19",
                    )
                    for line in lines
                ],
            ),
            actor=self.org.finn,
            at=NOW,
        )

    def match_again(self, dice: random.Random) -> None:
        invoice = self.invoice(dice, "captured", "in_exception", "disputed")
        invoicing.request_match(invoice=invoice, actor=self.org.finn, at=NOW)

    def resolve(self, dice: random.Random) -> None:
        exception = self.one(dice, MatchException.objects.all(), "open", "assigned")
        resolution = dice.choice(["accept"] * 4 + ["wait_for_receipt", "return"])
        invoicing.resolve(
            exception=exception,
            resolution=resolution,
            actor=self.org.fay,
            at=NOW,
            reason_code="QTY" if resolution == "return" else "other",
            comment="So be it.",
        )

    def assign(self, dice: random.Random) -> None:
        exception = self.one(dice, MatchException.objects.all(), "open", "assigned")
        invoicing.assign(exception=exception, assignee=self.org.fay, actor=self.org.finn, at=NOW)

    def link(self, dice: random.Random) -> None:
        order = self.order(dice, "issued")
        invoicing.link_order(
            invoice=self.invoice(dice, "captured", "in_exception"),
            order_reference=order.number or "none",
            actor=self.org.finn,
            at=NOW,
        )

    def refuse_invoice(self, dice: random.Random) -> None:
        invoice = self.invoice(dice, "captured", "in_exception")
        given = {"invoice": invoice, "reason": "Not ours.", "actor": self.org.finn, "at": NOW}
        verb = dice.choice(["reject", "dispute", "return"])
        if verb == "return":
            invoicing.return_to_vendor(code="OTH", **given)
        else:
            getattr(invoicing, verb)(**given)

    def clear(self, dice: random.Random) -> None:
        invoicing.clear(invoice=self.invoice(dice, "in_exception"), actor=self.org.fay, at=NOW)

    def void(self, dice: random.Random) -> None:
        invoice = self.invoice(dice, "cleared")
        invoicing.void(invoice=invoice, reason="By mistake.", actor=self.org.fay, at=NOW)

    # ---- budgets and workers

    def set_budget(self, dice: random.Random) -> None:
        center, account = dice.choice(CELLS)
        set_budget(
            entity=self.org.entity,
            fiscal_year=NOW.year,
            cost_center=self.org.cost_centers[center],
            gl_account=self.org.gl_accounts[account],
            amount=Decimal(dice.choice([100, 1_000, 100_000, 100_000])),
            control=dice.choice(["stop", "stop", "track"]),
            actor=self.org.cora,
            at=NOW,
            reason="So be it.",
        )

    def work(self, dice: random.Random) -> None:
        """A worker's share: the next few items of the queue."""
        for _ in range(dice.randint(1, 4)):
            item = outbox.claim(now=timezone.now())
            if item is not None:
                outbox.run(item)


STEPS: dict[Callable[[Storm, random.Random], None], int] = {
    Storm.ask: 2,
    Storm.ask_from_catalog: 1,
    Storm.edit: 2,
    Storm.submit: 3,
    Storm.withdraw: 1,
    Storm.decide: 8,
    Storm.forward: 1,
    Storm.remind: 2,
    Storm.end_requisition: 1,
    Storm.make_order: 4,
    Storm.issue: 4,
    Storm.change_order: 4,
    Storm.release: 2,
    Storm.receive: 8,
    Storm.reverse: 2,
    Storm.capture: 6,
    Storm.match_again: 3,
    Storm.resolve: 8,
    Storm.assign: 1,
    Storm.link: 1,
    Storm.refuse_invoice: 2,
    Storm.clear: 1,
    Storm.void: 4,
    Storm.set_budget: 2,
    Storm.work: 12,
}
