"""Reading orders: visibility, derived states in SQL and in Python alike, constant statements."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from purchase_orders import queries, services
from purchase_orders.models import PurchaseOrder, Receipt
from tests.factories import NOW
from tests.purchase_orders.making import Maker, held, line_of


@pytest.mark.parametrize(
    ("persona", "sees"),
    [
        ("bea", True),
        ("rob", True),
        ("finn", True),
        ("cora", True),
        ("olga", True),
        ("ada", True),
        ("vera", True),
        ("rita", True),  # she asked for it
        ("dora", True),  # her budget pays
        ("sven", False),  # his does not
        ("axel", False),
        ("nils", False),  # another entity
    ],
)
def test_who_sees_an_order_and_its_receipts(make: Maker, persona: str, sees: bool) -> None:
    order = make.issued(("2", "10"))
    make.receive(order, "1")
    person = make.org.people[persona]
    assert queries.order_list(person).exists() is sees
    assert queries.to_receive(person).exists() is sees
    assert queries.receipt_list(person).exists() is sees
    assert Receipt.objects.visible_to(person).exists() is sees


def bill(
    order: PurchaseOrder, number: int, quantity: str, amount: str, final: bool = False
) -> None:
    billed = {line_of(order, number).pk: (Decimal(quantity), Decimal(amount), final)}
    services.bill(order=order, lines=billed, actor=None, at=NOW)


def test_states_in_sql_are_those_in_python(make: Maker) -> None:
    """Every pair of states that the two ways of deriving must agree on."""
    one, two, three = (make.issued(("10", "10"), ("5", "1")) for _ in range(3))
    over = make.tolerant("10", "10", "50")
    amount = make.issued(("1", "5000"), basis="amount")
    make.draft(("1", "1"))
    make.receive(two, "10")
    make.receive(three, "10", "5")
    make.receive(over, "11")
    bill(one, 1, "10", "100")
    bill(two, 1, "10", "100")
    bill(two, 2, "5", "5")
    bill(three, 1, "11", "110", final=True)
    bill(three, 2, "0", "0", final=True)
    bill(over, 1, "10", "101")
    bill(amount, 1, "0.5", "2500")
    services.close(order=two, actor=make.org.bea, at=NOW, reason="Enough")
    seen = set()
    for annotated in queries.order_list(make.org.bea):
        plain = PurchaseOrder.objects.get(pk=annotated.pk)
        states = (queries.receipt_status(plain), queries.billing_status(plain))
        assert (annotated.receipt_state, annotated.billing_state) == states
        assert annotated.open_commitment == held(plain.pk)
        seen.update(states)
    assert seen == {"none", "partial", "full", "over", "short_closed", "final"}


def test_states_can_be_filtered_by(make: Maker) -> None:
    part, full = make.issued(("10", "10")), make.issued(("1", "10"))
    make.receive(part, "1")
    make.receive(full, "1")
    rows = queries.order_list(make.org.bea)
    assert list(rows.filter(receipt_state="partial")) == [part]
    assert list(queries.to_receive(make.org.rob)) == [part]
    assert list(queries.open_lines(part)) == [line_of(part)]
    assert not queries.open_lines(full)


@pytest.mark.parametrize("count", [3, 30])
def test_a_list_takes_one_statement_however_long(make: Maker, count: int) -> None:
    for _ in range(count):
        make.draft(("1", "1"), ("2", "2"))
    user = make.org.bea
    user.has_role()  # the roles are read once per request, not per list
    with CaptureQueriesContext(
        connection,
    ) as statements:
        rows = list(queries.order_list(user))
        words = [
            (row.vendor.name, row.buyer.name, queries.receipt_status(row), row.open_commitment)
            for row in rows
        ]
    assert len(words) == count
    assert len(statements) == 1


@pytest.mark.parametrize("lines", [2, 40])
def test_issue_takes_the_same_statements_for_any_number_of_lines(make: Maker, lines: int) -> None:
    order = make.draft(*[("2", "10")] * lines)
    actor = make.org.bea
    actor.has_role()
    with CaptureQueriesContext(connection) as statements:
        make.issue(order)
    assert len(statements) <= 60, "\n".join(each["sql"][:120] for each in statements)


def test_an_order_is_found_by_its_number_in_any_case(make: Maker) -> None:
    order = make.issued(("1", "1"))
    entity = make.org.entity
    assert queries.by_any_number(entity, "po-2026-000001 ").get() == order
    for text in ("", " ", "PO-2026-00000", "%", "000001"):
        assert not queries.by_any_number(entity, text)


def test_the_life_of_an_order_begins_with_its_requisition(make: Maker) -> None:
    order = make.issued(("2", "10"))
    make.receive(order, "2")
    types = [event.type for event in queries.life_of(order)]
    assert types[0] == "requisition.created"
    assert types[-2:] == ["order.issued", "receipt.posted"]
    assert types.index("requisition.approved") < types.index("order.created")
