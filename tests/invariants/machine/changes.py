"""Steps of change orders: drafted, put up, issued, taken back."""

from decimal import Decimal

from purchase_orders import services
from purchase_orders.inputs import ChangedLine, ChangeInput
from purchase_orders.models import ChangeOrder
from tests.invariants.machine.cells import PRE
from tests.invariants.machine.documents import Change
from tests.invariants.machine.ground import Ground
from tests.invariants.machine.orders import OWN_LINES
from tests.invariants.machine.picking import Documents

CHANGES = Documents(ChangeOrder.objects.all)


class Changes(Ground):
    def draft_change(self, pick: int, more: int, dearer: int) -> None:
        made = OWN_LINES.pick(pick, "issued")
        if made is None:
            return
        line = made.lines.get()
        quantity, price = line.quantity + more, line.unit_price + dearer
        said = ChangeInput(
            reason_code="need",
            reason="It is otherwise.",
            lines=[ChangedLine(line, quantity=quantity, unit_price=price)],
        )
        change = self.attempt(
            "draft change",
            lambda: services.draft_change(order=made, data=said, actor=self.org.bea, at=self.now),
        )
        if change:
            order = self.books.orders[made.pk]
            self.books.changes[change.pk] = Change(order, int(quantity), Decimal(price))

    def submit_change(self, pick: int) -> None:
        change = CHANGES.pick(pick, "draft")
        if change is None:
            return
        model = self.books.changes[change.pk]
        if self.attempt(
            "submit change",
            lambda: services.submit_change(change=change, actor=self.org.bea, at=self.now),
            lambda: self.books.taking(self.books.rises(model, self.today), PRE),
        ):
            self.books.hold(model, self.today)
            self.done["hold"] += bool(model.shares)

    def issue_change(self, pick: int) -> None:
        change = CHANGES.pick(pick, "approved")
        if change is None:
            return
        model = self.books.changes[change.pk]
        if self.attempt(
            "issue change",
            lambda: services.issue_change(change=change, actor=self.org.bea, at=self.now),
            lambda: self.books.changing(model, self.today),
        ):
            self.books.change(model, self.today)

    def withdraw_change(self, pick: int) -> None:
        change = CHANGES.pick(pick, *ChangeOrder.OPEN)
        if change is not None and self.attempt(
            "withdraw change",
            lambda: services.withdraw_change(
                change=change, actor=self.org.bea, at=self.now, reason="Not so."
            ),
        ):
            self.books.free(self.books.changes[change.pk].shares)
