import pytest

from tests.factories import Organisation
from tests.peer_cases.cases import Case, selected
from tests.peer_cases.play import Stage
from tests.shared_data import folder


@pytest.fixture
def stage(org: Organisation) -> Stage:
    return Stage(org)


@pytest.fixture
def case():
    """A case by its id; without the shared data there is nothing to play."""

    def find(name: str) -> Case:
        folder("peer-cases")
        return next(each for each in selected() if each.id == name)

    return find
