"""Steps of blanket orders: agreed on, and drawn on by releases (C24)."""

from decimal import Decimal
from typing import Any

from core.composed import Composed
from purchase_orders import services
from purchase_orders.inputs import AgreementInput, OrderInput, OrderLineInput, ReleaseLineInput
from purchase_orders.models import Agreement, PurchaseOrder
from tests.invariants.machine.cells import ZERO
from tests.invariants.machine.documents import Blanket, Order
from tests.invariants.machine.orders import Orders
from tests.invariants.machine.picking import Documents

BLANKETS = Documents(lambda: PurchaseOrder.objects.filter(kind="blanket"))
_drawn = Composed[tuple[Any, Decimal]](lambda: Agreement.objects.values_list("order", "released"))


class Blankets(Orders):
    def agree_on(self, payers: tuple[str, ...], limit: int, commits: str) -> None:
        """Ten pieces at 20, up to an amount."""
        line = OrderLineInput(
            description="Cable",
            quantity=Decimal(10),
            unit_price=Decimal(20),
            distributions=self.coding(payers),
        )
        terms = AgreementInput(limit=Decimal(limit), commits=commits)
        data = OrderInput(
            vendor=self.org.vendor, currency="EUR", lines=[line], kind="blanket", terms=terms
        )
        self.attempt(
            "draft blanket",
            lambda: services.create(
                entity=self.org.entity, data=data, actor=self.org.bea, at=self.now
            ),
        )

    def release_from(self, pick: int, quantity: int) -> None:
        """Drafted; it draws when it is issued."""
        made = BLANKETS.pick(pick, "issued")
        if made is not None:
            self.attempt(
                "draft release",
                lambda: services.release(
                    order=made,
                    lines=[ReleaseLineInput(made.lines.get(), Decimal(quantity))],
                    actor=self.org.bea,
                    at=self.now,
                ),
            )

    def _modelled(self, made: PurchaseOrder) -> Order:
        order = super()._modelled(made)
        if made.kind != "blanket":
            return order
        terms = Agreement.objects.get(order=made)
        own = terms.limit if terms.commits == "limit" else ZERO
        return Blanket(order.payers, 1, own, order.rate, limit=terms.limit)

    def agree(self) -> None:
        """And every blanket order says what its releases drew, at most its limit."""
        super().agree()
        drawn = dict(_drawn())
        for key, order in self.books.orders.items():
            if isinstance(order, Blanket):
                expected = sum((each.drawn for each in order.releases), ZERO)
                assert drawn[key] == expected, f"{drawn[key]} drawn of {order}"
                late = sum((each.late for each in order.releases), ZERO)
                assert expected - late <= order.limit, f"{drawn[key]} drawn of {order}"
