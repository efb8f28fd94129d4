"""Blanket orders and releases, made through the services."""

from decimal import Decimal
from typing import Any

from accounts.models import Control
from budgets.services import set_budget
from purchase_orders import services
from purchase_orders.inputs import (
    AgreementInput,
    ChangedLine,
    ChangeInput,
    ReleaseLineInput,
)
from purchase_orders.models import Agreement, ChangeOrder, PurchaseOrder
from tests.factories import NOW
from tests.purchase_orders.making import Maker, line_of


class Blankets:
    """Shorthand: by amount 150 000 unless said otherwise, of lines of (quantity, price)."""

    def __init__(self, make: Maker) -> None:
        self.make = make
        make.org.bea.approval_limit = Decimal(10_000_000)
        make.org.bea.save()
        self.budget("2000000")

    def budget(self, amount: str, **facts: Any) -> None:
        """Of CC100 and 6600."""
        org = self.make.org
        set_budget(
            entity=org.entity,
            fiscal_year=2026,
            gl_account=org.gl_accounts["6600"],
            amount=Decimal(amount),
            actor=org.cora,
            at=NOW,
            reason="For the test",
            **{"cost_center": org.cost_centers["CC100"], "control": Control.STOP, **facts},
        )

    def draft(self, *lines: tuple[str, str], basis: str = "quantity", **facts: Any) -> Any:
        names = set(AgreementInput.__dataclass_fields__)
        said = {name: facts.pop(name) for name in names & set(facts)}
        if said.get("limit_by", "amount") == "amount":
            said.setdefault("limit", "150000")
        terms = AgreementInput(**{name: _figure(name, each) for name, each in said.items()})
        data = self.make.order_data(
            *(self.make.line(quantity, price, basis=basis) for quantity, price in _given(lines)),
            **{"kind": PurchaseOrder.Kind.BLANKET, "terms": terms, "title": "Cable", **facts},
        )
        org = self.make.org
        return services.create(entity=org.entity, data=data, actor=org.bea, at=NOW)

    def issued(self, *lines: tuple[str, str], **facts: Any) -> PurchaseOrder:
        return self.make.issue(self.draft(*lines, **facts))

    def release_draft(self, blanket: PurchaseOrder, *quantities: str, **facts: Any) -> Any:
        """Quantities of the first lines, in order."""
        lines = [
            ReleaseLineInput(line, Decimal(quantity))
            for line, quantity in zip(
                blanket.lines.order_by("line_number"), quantities, strict=False
            )
        ]
        facts = {"actor": self.make.org.bea, "at": NOW, **facts}
        return services.release(order=blanket, lines=lines, **facts)

    def release(self, blanket: PurchaseOrder, *quantities: str) -> PurchaseOrder:
        return self.make.issue(self.release_draft(blanket, *quantities))


def changed(
    make: Maker,
    order: PurchaseOrder,
    *,
    quantity: str | None = None,
    price: str | None = None,
    **said: Any,
) -> ChangeOrder:
    """A change of the first line and the terms, issued as if whoever is asked agreed."""
    who: dict[str, Any] = {"actor": make.org.bea, "at": NOW}
    change = submitted(make, order, quantity=quantity, price=price, **said)
    if change.status != ChangeOrder.Status.APPROVED:
        change.approve(at=NOW)
        change.save()
    return services.issue_change(change=change, **who)


def submitted(
    make: Maker,
    order: PurchaseOrder,
    *,
    quantity: str | None = None,
    price: str | None = None,
    **said: Any,
) -> ChangeOrder:
    line = ChangedLine(
        line_of(order),
        quantity=Decimal(quantity) if quantity else None,
        unit_price=Decimal(price) if price else None,
    )
    lines = [line] if quantity or price else []
    data = ChangeInput(reason_code="need", reason="Needed", lines=said.pop("new", lines), **said)
    who: dict[str, Any] = {"actor": make.org.bea, "at": NOW}
    change = services.draft_change(order=order, data=data, **who)
    return services.submit_change(change=change, **who)


def withdraw(make: Maker, order: PurchaseOrder) -> None:
    """The change that was refused, so that another can be made."""
    for change in order.change_orders.filter(status__in=ChangeOrder.OPEN):
        services.withdraw_change(change=change, actor=make.org.bea, at=NOW)


def terms(blanket: PurchaseOrder) -> Agreement:
    return Agreement.objects.get(order=blanket)


def log(blanket: PurchaseOrder) -> list[tuple[str, str, str]]:
    """The draw-down log as (number, cause, amount), oldest first."""
    rows = terms(blanket).draw_downs.select_related("release").order_by("pk")
    return [(row.release.number, row.cause, f"{row.amount:.2f}") for row in rows]


def _given(lines: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return lines or (("1500", "100"),)


def _figure(name: str, value: Any) -> Any:
    return Decimal(value) if name not in ("limit_by", "commits") and value is not None else value
