import pytest

from chargeback.models import Allocation, AllocationRule
from tests.chargeback.sharing import make_rule, room, run, spend
from tests.factories import Organisation


@pytest.fixture
def rule(org: Organisation) -> AllocationRule:
    """CC100 · 6300 of each month, 60 % to CC200 and 40 % to CC300, who have room for 10 000."""
    room(org, "CC200", "CC300")
    return make_rule(org)


@pytest.fixture
def posted(org: Organisation, rule: AllocationRule) -> Allocation:
    """1 000.01 of February shared: 600.01 to CC200, 400.00 to CC300."""
    spend(org.cell("CC100", "6300"), "1000.01")
    return run(rule)
