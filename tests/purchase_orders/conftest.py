"""`make` builds orders of the organisation through the services."""

import pytest

from tests.factories import Organisation
from tests.purchase_orders.making import Maker


@pytest.fixture
def make(org: Organisation) -> Maker:
    return Maker(org)
