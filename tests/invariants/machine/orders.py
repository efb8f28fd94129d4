"""Steps of orders: drafted, issued, received, taken back, ended, proposed for release."""

from datetime import date
from decimal import Decimal
from typing import Any

from core.composed import Composed
from purchase_orders import services
from purchase_orders.inputs import OrderInput, OrderLineInput, ReceiptInput
from purchase_orders.models import (
    OrderDistribution,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReleaseBatch,
    ReleaseProposal,
)
from requisitions.models import Requisition
from tests.invariants.machine.cells import ENC, Moves, nothing
from tests.invariants.machine.documents import Order
from tests.invariants.machine.ground import NAMES, Ground
from tests.invariants.machine.picking import Documents

PERIOD = {"period_from": date(2026, 7, 1), "period_to": date(2027, 6, 30)}  # half of it each year
REQUESTS = Documents(Requisition.objects.all)
ORDERS = Documents(PurchaseOrder.objects.all)
OWN_LINES = Documents(lambda: PurchaseOrder.objects.exclude(kind="blanket"))  # to receive and bill
RECEIPTS = Documents(lambda: Receipt.objects.filter(reverses=None))
# Who pays a line, in order, and what it was asked for by.
_line = Composed[PurchaseOrderLine](
    lambda order: PurchaseOrderLine.objects.filter(order=order).select_related("requisition_line")
)
_parts = Composed[tuple[str, str]](
    lambda line: (
        OrderDistribution.objects.filter(line=line)
        .order_by("position")
        .values_list("cost_center__code", "gl_account__code")
    )
)


class Orders(Ground):
    def draft_order(self, pick: int, part: int) -> None:
        made = REQUESTS.pick(pick, "approved", "partially_ordered")
        if made is not None:
            line = made.lines.get()
            self.attempt(
                "draft order",
                lambda: services.create_from_requisition(
                    requisition=made,
                    actor=self.org.bea,
                    at=self.now,
                    quantities={line.pk: Decimal(part)},
                ),
            )

    def draft_own(
        self,
        payers: tuple[str, ...],
        quantity: int,
        price: int,
        currency: str,
        *,
        spans: bool = False,
        valid_to: date | None = None,
    ) -> None:
        """A buyer's own order, which no request reserved money for."""
        line = OrderLineInput(
            description="Cable",
            quantity=Decimal(quantity),
            unit_price=Decimal(price),
            distributions=self.coding(payers),
            **(PERIOD if spans else {}),
        )
        data = OrderInput(
            vendor=self.org.vendor, currency=currency, lines=[line], valid_to=valid_to
        )
        self.attempt(
            "draft own order",
            lambda: services.create(
                entity=self.org.entity, data=data, actor=self.org.bea, at=self.now
            ),
        )

    def submit_order(self, pick: int) -> None:
        """What its buyer may not decide alone is put up; nothing is held (C1)."""
        made = ORDERS.pick(pick, "draft")
        if made is not None:
            self.attempt(
                "submit order",
                lambda: services.submit(order=made, actor=self.junior, at=self.now),
                lambda: self.books.demanding(self._modelled(made), self.today),
            )

    def issue(self, pick: int) -> None:
        made = ORDERS.pick(pick, "draft", "approved")
        if made is None:
            return
        order = self._modelled(made)
        emergency = order.request is not None and order.request.emergency
        if self.attempt(
            "issue",
            lambda: services.issue(order=made, actor=self.org.bea, at=self.now),
            lambda: self.books.issuing(order, self.today),
            overdraw=emergency,
        ):
            self.done["issue approved"] += made.status == "approved"
            self.books.issue(made.pk, order, self.today)
            self.done["issue over years"] += any(share.later for share in order.shares)

    def _modelled(self, made: PurchaseOrder) -> Order:
        (line,) = _line(made.pk)
        asked = line.requisition_line
        return Order(
            tuple(NAMES[coding] for coding in _parts(line.pk)),
            int(line.quantity),
            line.unit_price,
            self.rate(made.currency),
            line.period is not None,
            self.books.requests[asked.requisition_id] if asked else None,
            blanket=self.books.orders.get(made.agreement_id),
        )

    def end_order(self, verb: str, pick: int) -> None:
        states = {"reopen": ["closed"], "cancel": ["issued"], "close": ["issued"]}[verb]
        made = ORDERS.pick(pick, *states)
        if made is None:
            return
        order, service = self.books.orders.get(made.pk), getattr(services, verb)
        reopens = verb == "reopen" and order is not None
        if (
            self.attempt(
                f"{verb} order",
                lambda: service(order=made, actor=self.org.bea, at=self.now, reason="So be it."),
                (lambda: self.books.reopening(order, self.today)) if reopens else None,
            )
            and order
        ):
            self._ended(order, {"close": "closed", "cancel": "cancelled"}.get(verb, ""))
            if verb == "cancel" and order.request:
                order.request.ordered -= order.took  # it can be ordered again

    def _ended(self, order: Order, how: str) -> None:
        """An open change goes with its order at once; the worker gives back the rest."""
        if not how:
            self.books.reopen(order, self.today)
            return
        self.books.end(order, how)
        for change in self.books.changes.values():
            if change.order is order:
                self.books.free(change.shares)

    def receive(self, pick: int, quantity: int) -> None:
        made = ORDERS.pick(pick, "issued")
        if made is not None and self.attempt(
            "receive",
            lambda: services.post_receipt(
                order=made,
                lines=[ReceiptInput(made.lines.get(), Decimal(quantity))],
                received_on=self.today,
                actor=self.org.rob,
                at=self.now,
            ),
        ):
            self.books.orders[made.pk].received += quantity

    def take_back(self, pick: int) -> None:
        """The goods go back: the mirror of a receipt."""
        receipt = RECEIPTS.pick(pick, "posted")
        if receipt is not None and self.attempt(
            "take back",
            lambda: services.reverse_receipt(
                receipt=receipt, reason="Broken.", actor=self.org.rob, at=self.now
            ),
        ):
            self.books.orders[receipt.order_id].received -= receipt.lines.get().quantity

    # ---- proposals of release: C19

    def propose(self) -> None:
        """By night; the portal says of each what it still commits."""
        services.propose(entity=self.org.entity, at=self.now)
        for proposal in ReleaseProposal.objects.filter(status="open"):
            held = sum(share.held for share in self.books.orders[proposal.order_id].shares)
            assert proposal.amount == held, f"{proposal.amount} proposed, {held} is held"
            self.done[f"propose {proposal.kind}"] += 1

    def accept_proposals(self, pick: int, most: int) -> None:
        """Some or one of the list; all of it if there are fewer."""
        found = list(ReleaseProposal.objects.filter(status="open").order_by("order_id"))
        start = pick % len(found) if found else 0
        batch = self.attempt(
            "accept proposals",
            lambda: services.accept(
                proposals=found[start : start + most], actor=self.org.bea, at=self.now
            ),
        )
        for proposal in batch.proposals.all() if batch else []:
            self._ended(self.books.orders[proposal.order_id], "closed")

    def reverse_batch(self, pick: int) -> None:
        batches = list(ReleaseBatch.objects.order_by("pk"))
        if not batches:
            return
        batch = batches[pick % len(batches)]
        orders = [
            self.books.orders[pk]
            for pk in batch.proposals.order_by("order_id").values_list("order_id", flat=True)
        ]
        if self.attempt(
            "reverse batch",
            lambda: services.reverse_batch(
                batch=batch, actor=self.org.bea, at=self.now, reason="Too eager."
            ),
            lambda: self._reopening(orders),
        ):
            for order in orders:
                self._ended(order, "")

    def _reopening(self, orders: list[Order]) -> Moves:
        moves = nothing()
        for order in orders:
            for key, (_, given, _) in self.books.reopening(order, self.today).items():
                moves[key][ENC] += given
        return moves

    def follow_release(self, order_id: Any) -> None:
        """The worker gave back what an ended order still held."""
        made = PurchaseOrder.objects.get(pk=order_id)
        order = self.books.orders.get(made.pk)
        if order is not None and made.status in ("closed", "cancelled"):
            self.books.release(order, self.today)
