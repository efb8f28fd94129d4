"""Where somebody bends an allocation, verify_books names it."""

import pytest

from budgets import invariants
from chargeback import services
from tests.chargeback.sharing import AT


def faults() -> str:
    return "\n".join(fault for _, proof in invariants.prove() for fault in proof.faults)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE chargeback_statementline SET moved = moved + 1 WHERE line_number = 1", "moved"),
        ("UPDATE chargeback_statementline SET amount = amount + 1 WHERE line_number = 1", "lines"),
        ("UPDATE chargeback_allocation SET total = total + 1", "its spends"),
        ("UPDATE chargeback_sharedspend SET amount = amount + 1", "its spends"),
        (
            "UPDATE budgets_ledgerentry SET amount = amount + 1, "
            "document_amount = document_amount + 1 WHERE document_type = 'allocation'",
            "allocation entries",
        ),
    ],
)
def test_a_bent_row_is_named(posted, tampered, statement, says):
    assert faults() == ""
    tampered(statement)
    assert says in faults()


def test_a_reversed_allocation_of_which_something_is_left_is_named(posted, cora, tampered):
    services.reverse(allocation=posted, actor=cora, at=AT, reason="Wrong")
    assert faults() == ""
    tampered("UPDATE chargeback_statementline SET amount = amount - 1 WHERE line_number = 3")
    assert "mirrors" in faults()
