import pytest

from tests.budgets.postings import Desk
from tests.factories import Organisation


@pytest.fixture
def desk(org: Organisation) -> Desk:
    """Posts to CC100/6600: 100 000, control stop."""
    return Desk(org, org.cells["CC100", "6600", None])


@pytest.fixture
def tight(org: Organisation) -> Desk:
    """Posts to CC400/6600: 500, control stop."""
    return Desk(org, org.cells["CC400", "6600", None])


@pytest.fixture
def warned(org: Organisation) -> Desk:
    """Posts to CC200/6310: 5 000, control warn."""
    return Desk(org, org.cells["CC200", "6310", None])


@pytest.fixture
def tracked(org: Organisation) -> Desk:
    """Posts to CC300/6400: 1 000, control track."""
    return Desk(org, org.cells["CC300", "6400", None])
