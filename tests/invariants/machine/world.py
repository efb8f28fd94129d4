"""The portal's side: each step goes through the services, and the model is told what came of it.

A step that is refused must have left everything as it was; `agree` compares after every step. To
add a step: a method here that calls a service inside `attempt` with the moves that the model
expects, and one rule in `test_machine.py` that draws its numbers.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import approvals.services
import requisitions.services
from approvals.models import ApprovalStep
from budgeting.inputs import JournalInput, JournalLineInput
from budgeting.models import BudgetChange
from budgeting.services import changes, journals
from budgets.ledger import BudgetExceeded
from budgets.models import BudgetCell
from budgets.services import BudgetBelowUse
from core import outbox
from core.errors import DomainError
from core.models import OutboxItem
from invoicing import services as invoicing
from invoicing.inputs import InvoiceInput, InvoiceLineInput
from invoicing.models import Invoice, InvoiceLine
from purchase_orders import services as purchase_orders
from purchase_orders.inputs import OrderInput, OrderLineInput, ReceiptInput
from purchase_orders.models import PurchaseOrder, Receipt
from requisitions.models import Requisition
from tests.factories import NOW, draft, line_input
from tests.invariants.machine.books import ZERO, Bill, Order, Request
from tests.invariants.machine.ground import CELLS, EXACT, QUIET, Ground


class World(Ground):
    """The steps."""

    def begin(self) -> None:
        """Requests agreed to and waiting, orders issued, received and billed in part."""
        for payers, quantity, price in [(("A", "B"), 10, 10), (("C",), 4, 20), (("A",), 6, 40)]:
            self.submit(payers, quantity, price)
        for _ in range(2):
            self.decide("approve", 0)
        self.draft_order(0, 4)
        for payers, currency in [(("A",), "EUR"), (("B", "C"), "USD"), (("B",), "EUR")]:
            self.draft_own(payers, 6, 10, currency)
        for _ in range(3):
            self.issue(0)
        for pick, quantity in [(0, 4), (4, 6), (4, 0)]:
            self.receive(pick, quantity)
            self.bill(pick, 2, 0, Invoice.Kind.INVOICE)
        for _ in range(30):
            self.deliver(0, 1)
        self.agree()

    # ---- requests

    def submit(self, payers: tuple[str, ...], quantity: int, price: int) -> None:
        line = line_input(self.org, quantity, str(price), distributions=self.coding(payers))
        made = draft(self.org, line, at=self.now)
        request = Request(quantity, Decimal(price), self.shares(payers, Decimal(quantity * price)))
        self.books.requests[made.pk] = request
        self.attempt(
            "submit",
            lambda: requisitions.services.submit(
                requisition=made, actor=self.org.rita, at=self.now
            ),
            lambda: self.books.reserving(request.shares),
        )

    def decide(self, decision: str, pick: int) -> None:
        """Requests and transfers alike; the last to agree reserves, or moves, the money."""
        step = self.one(ApprovalStep.objects.select_related("assignee"), pick, "active")
        if step is None:
            return
        subject = step.request.subject_id
        request = self.books.requests.get(subject)
        last = request is not None and not self.books.bears(self.books.reserving(request.shares))
        try:
            approvals.services.decide(
                step=step, decision=decision, actor=step.assignee, at=self.now, comment="Seen."
            )
        except BudgetExceeded:
            assert last, "decide: refused though there was room"
            self.refused["decide: budget"] += 1
            return
        except DomainError as refusal:
            self.refused[f"decide: {refusal.slug}"] += 1
            return
        self.done[f"decide: {decision}"] += 1
        self._after_decision(subject, request, step)

    def _after_decision(self, subject: Any, request: Request | None, step: ApprovalStep) -> None:
        if request is None:
            change = BudgetChange.objects.get(pk=subject)
            if change.status == "approved":
                moves = {line.cell_id: line.amount for line in change.lines.all()}
                for name, pk in self.pks.items():
                    self.books.cells[name].amount += moves.get(pk, ZERO)
        elif Requisition.objects.get(pk=subject).status == "approved":
            moves = self.books.reserving(request.shares)
            assert self.books.bears(moves), "decide: passed though there was no room"
            self.books.apply(moves)

    def end_request(self, verb: str, pick: int) -> None:
        made = self.one(Requisition.objects.all(), pick, "approved", "partially_ordered")
        if made is None:
            return
        held, end = made.approved_at is not None, getattr(requisitions.services, verb)
        if self.attempt(
            f"{verb} request",
            lambda: end(requisition=made, actor=self.org.bea, at=self.now, reason="Enough."),
        ):
            request = self.books.requests[made.pk]
            if held:
                self.books.apply(self.books.unreserving(request))
                for share in request.shares:
                    share.given += share.held

    # ---- orders

    def draft_order(self, pick: int, part: int) -> None:
        made = self.one(Requisition.objects.all(), pick, "approved", "partially_ordered")
        if made is not None:
            line = made.lines.get()
            self.attempt(
                "draft order",
                lambda: purchase_orders.create_from_requisition(
                    requisition=made,
                    actor=self.org.bea,
                    at=self.now,
                    quantities={line.pk: Decimal(part)},
                ),
            )

    def draft_own(self, payers: tuple[str, ...], quantity: int, price: int, currency: str) -> None:
        """A buyer's own order, which no request reserved money for."""
        line = OrderLineInput(
            description="Cable",
            quantity=Decimal(quantity),
            unit_price=Decimal(price),
            distributions=self.coding(payers),
        )
        data = OrderInput(vendor=self.org.vendor, currency=currency, lines=[line])
        self.attempt(
            "draft own order",
            lambda: purchase_orders.create(
                entity=self.org.entity, data=data, actor=self.org.bea, at=self.now
            ),
        )

    def issue(self, pick: int) -> None:
        made = self.one(PurchaseOrder.objects.all(), pick, "draft")
        if made is None:
            return
        order = self._modelled(made)
        if self.attempt(
            "issue",
            lambda: purchase_orders.issue(order=made, actor=self.org.bea, at=self.now),
            lambda: self.books.issuing(order),
        ):
            self.books.issue(made.pk, order)

    def _modelled(self, made: PurchaseOrder) -> Order:
        line = made.lines.get()
        parts = list(line.distributions.select_related("cost_center").order_by("position"))
        payers = tuple(
            name for part in parts for name in CELLS if CELLS[name][0] == part.cost_center.code
        )
        rate, asked = self.rate(made.currency), line.requisition_line
        return Order(
            int(line.quantity),
            line.unit_price,
            rate,
            self.shares(payers, line.quantity * line.unit_price * rate),
            self.books.requests[asked.requisition_id] if asked else None,
        )

    def end_order(self, verb: str, pick: int) -> None:
        states = {"reopen": ["closed"], "cancel": ["issued"], "close": ["issued"]}[verb]
        made = self.one(PurchaseOrder.objects.all(), pick, *states)
        if made is None:
            return
        order = self.books.orders.get(made.pk)
        service = getattr(purchase_orders, verb)
        moves = (lambda: self.books.reopening(order)) if verb == "reopen" and order else None
        if (
            self.attempt(
                f"{verb} order",
                lambda: service(order=made, actor=self.org.bea, at=self.now, reason="So be it."),
                moves,
            )
            and order
        ):
            if verb == "reopen":
                self.books.reopen(order)
            order.accrues = verb == "reopen"

    def receive(self, pick: int, quantity: int) -> None:
        made = self.one(PurchaseOrder.objects.all(), pick, "issued")
        if made is not None and self.attempt(
            "receive",
            lambda: purchase_orders.post_receipt(
                order=made,
                lines=[ReceiptInput(made.lines.get(), Decimal(quantity))],
                received_on=self.now.date(),
                actor=self.org.rob,
                at=self.now,
            ),
        ):
            self.books.orders[made.pk].received += quantity

    def take_back(self, pick: int) -> None:
        """The goods go back: the mirror of a receipt."""
        receipt = self.one(Receipt.objects.filter(reverses=None), pick, "posted")
        if receipt is not None and self.attempt(
            "take back",
            lambda: purchase_orders.reverse_receipt(
                receipt=receipt, reason="Broken.", actor=self.org.rob, at=self.now
            ),
        ):
            self.books.orders[receipt.order_id].received -= receipt.lines.get().quantity

    # ---- invoices

    def bill(self, pick: int, quantity: int, dearer: int, kind: str) -> None:
        made = self.one(PurchaseOrder.objects.all(), pick, "issued", "closed")
        if made is None or made.pk not in self.books.orders:
            return
        line, self.count = made.lines.get(), self.count + 1
        price = line.unit_price + dearer
        data = InvoiceInput(
            number=f"R-{self.count}",
            kind=kind,
            issue_date=self.now.date(),
            currency=made.currency,
            vendor=made.vendor,
            order_reference=made.number,
            lines=[
                InvoiceLineInput(
                    quantity=Decimal(quantity),
                    unit_price=price,
                    order_line=line,
                    tax_code="DE19",
                )
            ],
        )
        invoice = self.attempt(
            f"capture {kind}",
            lambda: invoicing.capture(
                entity=self.org.entity, data=data, actor=self.org.finn, at=self.now
            ),
        )
        if invoice:
            sign = -1 if kind == Invoice.Kind.CREDIT_NOTE else 1
            self.books.bills[invoice.pk] = Bill(
                self.books.orders[made.pk], sign, Decimal(quantity), price, self.rate(made.currency)
            )

    def accept(self, pick: int) -> None:
        """The AP manager accepts what is off, exception by exception; the last one clears."""
        invoice = self.one(Invoice.objects.all(), pick, "in_exception")
        if invoice is None:
            return
        bill = self.books.bills[invoice.pk]
        fits = self.books.bears(self.books.clearing(bill, bill.quantity))
        for exception in invoice.exceptions.unresolved().order_by("pk"):
            try:
                invoicing.resolve(
                    exception=exception,
                    resolution="accept",
                    actor=self.org.fay,
                    at=self.now,
                    reason_code="other",
                    comment="So be it.",
                )
            except BudgetExceeded:
                assert not fits or bill.sign < 0, "accept: refused though there was room"
                self.refused["accept: budget"] += 1
            except DomainError as refusal:
                self.refused[f"accept: {refusal.slug}"] += 1
            else:
                self.done["accept"] += 1
        self.follow_invoices()

    def follow_invoices(self) -> None:
        """What was cleared meanwhile, by whom ever, must have moved what the model says."""
        waiting = [pk for pk, bill in self.books.bills.items() if not bill.is_cleared]
        for invoice in Invoice.objects.filter(pk__in=waiting, rate__isnull=False).order_by("pk"):
            bill = self.books.bills[invoice.pk]
            assert invoice.rate == bill.rate
            if invoice.status == "cleared":
                line = InvoiceLine.objects.get(invoice=invoice)
                pieces = line.quantity if bill.sign > 0 else line.returned_quantity
                moves = self.books.clearing(bill, pieces)
                assert self.books.bears(moves), "cleared though there was no room"
                self.books.clear(bill, pieces)
                self.done["cleared"] += 1

    def void(self, pick: int) -> None:
        invoice = self.one(Invoice.objects.select_related("order"), pick, "cleared")
        if invoice is None:
            return
        bill, closed = self.books.bills[invoice.pk], invoice.order.status == "closed"
        if self.attempt(
            "void",
            lambda: invoicing.void(
                invoice=invoice, reason="By mistake.", actor=self.org.fay, at=self.now
            ),
            (lambda: self.books.voiding(bill, closed=closed)) if bill.is_cleared else None,
        ):
            self.books.void(bill, closed=closed)

    # ---- budgets

    def set_budget(self, name: str, amount: int) -> None:
        cell = self.books.cells[name]
        too_little = cell.control == "stop" and cell.used > amount + cell.overdraft
        try:
            self._set(name, str(amount), cell.control)
        except BudgetBelowUse:
            assert too_little, "a budget was not cut though nothing used it"
            self.refused["set budget: below use"] += 1
        else:
            assert not too_little, "a budget was cut below what is in use"
            cell.amount = Decimal(amount)
            self.done["set budget"] += 1

    def transfer(self, giver: str, taker: str, amount: int) -> None:
        """Proposed here; it moves when the last has agreed, which `decide` sees."""
        if giver != taker:
            self.attempt(
                "propose transfer",
                lambda: changes.transfer(
                    source=BudgetCell.objects.get(pk=self.pks[giver]),
                    target=BudgetCell.objects.get(pk=self.pks[taker]),
                    amount=Decimal(amount),
                    reason="So be it.",
                    actor=self.org.dora,
                    at=self.now,
                ),
            )

    def spend_outside(self, name: str, amount: int) -> None:
        center, account = CELLS[name]
        self.count += 1
        line = JournalLineInput(
            cost_center=self.org.cost_centers[center],
            gl_account=self.org.gl_accounts[account],
            project=None,
            amount=Decimal(amount),
        )
        data = JournalInput(
            external_id=f"J-{self.count}",
            posting_date=self.now.date(),
            currency="EUR",
            description="Payroll",
            source="payroll",
            lines=[line],
        )
        if self.attempt(
            "journal",
            lambda: journals.post(
                entity=self.org.entity, data=data, actor=self.org.cora, at=self.now
            ),
        ):
            self.books.spend_outside(name, Decimal(amount))

    # ---- time and workers

    def tick(self, days: int) -> None:
        """Days go by, but not the year; reminders and escalations are due."""
        later: datetime = self.now + timedelta(days=days)
        if later.year == NOW.year:
            self.now = later
            approvals.services.nudge(at=self.now)
            self.done["tick"] += 1

    def deliver(self, pick: int, times: int) -> None:
        """Any work that was ever promised, done or not, once or three times."""
        items = OutboxItem.objects.order_by("pk")
        for quiet in QUIET:
            items = items.exclude(handler__startswith=quiet)
        found = list(items.filter(done_at=None) if pick % 4 < EXACT else items)
        if not found:
            return
        item = found[pick // 4 % len(found)]
        for _ in range(times):
            assert outbox.run(item), f"{item.handler}: {OutboxItem.objects.get(pk=item.pk).error}"
        self.done[f"deliver {item.handler}"] += 1
        if item.handler == "purchase_orders.release_unused":
            self._follow_release(item.arguments["document_id"])
        self.follow_invoices()

    def _follow_release(self, order_id: str) -> None:
        made = PurchaseOrder.objects.get(pk=order_id)
        order = self.books.orders.get(made.pk)
        if order is not None and made.status in ("closed", "cancelled"):
            self.books.release(order)
