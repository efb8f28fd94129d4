"""`make` builds orders of the organisation through the services."""

from collections.abc import Iterator

import pytest

from budgets import invariants
from tests.factories import Organisation
from tests.purchase_orders.making import Maker


@pytest.fixture
def make(org: Organisation) -> Maker:
    return Maker(org)


@pytest.fixture(autouse=True)
def books_agree(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test did: ledger, balances, chain and documents agree at its end."""
    stands_on = next((name for name in ("make", "org") if name in request.fixturenames), None)
    if stands_on:
        request.getfixturevalue(stands_on)  # made first, so that it is still there afterwards
    yield
    if stands_on:
        # Tests here bill lines without an invoice; what ties the two is proved with invoices.
        proofs = [proof for name, proof in invariants.prove() if name != "Billed on orders"]
        assert not [fault for proof in proofs for fault in proof.faults]
