"""The organisation and its people as fixtures: `def test_…(org, rita)`."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts.models import User
from tests import factories
from tests.factories import Organisation
from tests.template import Template

PERSONAS = (
    *("rita", "axel", "dora", "bea", "rob", "finn", "fay", "cora", "vera", "olga", "ada"),
    *("sven", "nils"),
)


@pytest.fixture
def now() -> datetime:
    return factories.NOW


@pytest.fixture(scope="session")
def organisation(django_db_setup: None, django_db_blocker: Any) -> Template[Organisation]:
    with django_db_blocker.unblock():
        return Template(factories.organisation)


@pytest.fixture
def org(organisation: Template[Organisation], db: None) -> Organisation:
    """The organisation of `tests.factories`, fresh for each test."""
    cache.clear()  # on Redis it would remember what the same people did in another test
    return organisation.written()


def _persona(name: str) -> Callable[..., User]:
    @pytest.fixture(name=name)
    def persona(org: Organisation) -> User:
        return org.people[name]

    return persona


rita = _persona("rita")
axel = _persona("axel")
dora = _persona("dora")
bea = _persona("bea")
rob = _persona("rob")
finn = _persona("finn")
fay = _persona("fay")
cora = _persona("cora")
vera = _persona("vera")
olga = _persona("olga")
ada = _persona("ada")
sven = _persona("sven")
nils = _persona("nils")


@pytest.fixture(autouse=True)
def anchors_of_its_own(settings: Any, tmp_path: Path) -> None:
    """No test finds the anchors of another one's trail."""
    settings.ANCHOR_DIR = tmp_path / "anchors"


@pytest.fixture
def present(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """It is `NOW`, for pages too: they look at the clock themselves."""
    monkeypatch.setattr(timezone, "now", lambda: factories.NOW)
    return factories.NOW
