"""What orders take over is counted under a lock, and never twice."""

from decimal import Decimal

import pytest

from core.errors import Conflict, IllegalTransition, Missing, NotAllowed
from core.ids import new_id
from requisitions import services
from tests.factories import NOW, approved, line_input, submitted
from tests.requisitions.watching import events_of, last_event, nothing_changes


def order(org, requisition, actor=None, **quantities):
    """`order(org, r, line1=4)` notes 4 of line 1 at its own price."""
    lines = {f"line{line.line_number}": line for line in requisition.lines.all()}
    return services.mark_ordered(
        requisition=requisition,
        quantities={
            lines[name].pk: (Decimal(quantity), Decimal(quantity) * lines[name].unit_price)
            for name, quantity in quantities.items()
        },
        actor=actor or org.bea,
        at=NOW,
    )


def test_part_by_part_until_all_is_ordered(org, bea):
    made = approved(org, line_input(org, 10), line_input(org, 5))
    made = order(org, made, line1=4)
    assert made.status == "partially_ordered"
    made = order(org, made, line1=6)
    assert made.status == "partially_ordered"
    made = order(org, made, line2=5)
    assert made.status == "ordered"
    assert [line.ordered_quantity for line in made.lines.all()] == [10, 5]
    assert [line.ordered_amount for line in made.lines.all()] == [100, 50]
    assert events_of(made)[-3:] == [
        "requisition.partially_ordered",
        "requisition.partially_ordered",
        "requisition.ordered",
    ]
    assert last_event(made).changes == [
        {"field": "status", "old": "partially_ordered", "new": "ordered"}
    ]
    assert made.history.first().history_user == bea


def test_the_portal_itself_orders_self_service(org):
    made = approved(org)
    line = made.lines.get()
    made = services.mark_ordered(
        requisition=made, quantities={line.pk: (Decimal(10), Decimal(100))}, actor=None, at=NOW
    )
    assert made.status == "ordered"


def test_a_line_by_amount_is_complete_when_its_net_is_ordered(org):
    made = approved(org, line_input(org, 1, "5000.00", basis="amount"))
    line = made.lines.get()
    share = {line.pk: (Decimal("0.6"), Decimal(3000))}
    made = services.mark_ordered(requisition=made, quantities=share, actor=org.bea, at=NOW)
    assert made.status == "partially_ordered"
    rest = {line.pk: (Decimal(1), Decimal(2000))}
    made = services.mark_ordered(requisition=made, quantities=rest, actor=org.bea, at=NOW)
    assert made.status == "ordered"
    assert made.lines.get().ordered_quantity == 1


@pytest.mark.parametrize("quantity", ["10.000001", "0", "-1"])
def test_refused_more_than_is_left_or_nothing(org, quantity):
    made = approved(org)
    with nothing_changes(), pytest.raises(Conflict):
        order(org, made, line1=quantity)


def test_refused_what_is_ordered_already(org):
    made = approved(org)
    order(org, made, line1=7)
    with nothing_changes(), pytest.raises(Conflict, match="3 C62 left"):
        order(org, made, line1=4)


def test_refused_for_a_line_of_another_requisition(org):
    made = approved(org)
    with nothing_changes(), pytest.raises(Missing):
        services.mark_ordered(
            requisition=made,
            quantities={new_id(): (Decimal(1), Decimal(1))},
            actor=org.bea,
            at=NOW,
        )


def test_refused_before_it_is_approved(org):
    made = submitted(org)
    with nothing_changes(), pytest.raises(IllegalTransition):
        order(org, made, line1=1)


@pytest.mark.parametrize("persona", ["axel", "dora", "rob", "finn", "cora", "olga", "ada", "nils"])
def test_only_buyers_and_the_requester_order(org, persona):
    made = approved(org)
    with nothing_changes(), pytest.raises(NotAllowed):
        order(org, made, actor=org.people[persona], line1=1)
