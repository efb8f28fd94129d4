"""`make` builds orders, `bills` captures and matches invoices, all through the services."""

from pathlib import Path

import pytest

from tests.factories import Organisation
from tests.invoicing.billing import Biller
from tests.purchase_orders.making import Maker


@pytest.fixture
def make(org: Organisation) -> Maker:
    return Maker(org)


@pytest.fixture
def bills(org: Organisation) -> Biller:
    return Biller(org)


@pytest.fixture
def documents() -> Path:
    """The project's own small documents."""
    return Path(__file__).parent.parent / "documents"
