"""Clients of the API: `api(rita)` carries a token of hers with every scope.

The clock starts at the tests' fixed moment, so that budgets, rates and dates fit for good.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from core.api.authentication import SCOPES
from tests.factories import NOW

Client = Callable[..., APIClient]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], datetime]:
    """The moment it is: `NOW` and what has passed since the test began."""
    began = time.monotonic()

    def moment() -> datetime:
        return NOW + timedelta(seconds=time.monotonic() - began)

    monkeypatch.setattr(timezone, "now", moment)
    return moment


def signed_in(user: User, *scopes: str, **options: Any) -> APIClient:
    """A client with a new token of this person; all scopes unless some are named."""
    _, token = ApiToken.objects.create(
        user=user, scopes=list(scopes or SCOPES), expiry=timedelta(hours=1)
    )
    client = APIClient(**options)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def api() -> Client:
    return signed_in
