"""Clients of the API: `api(rita)` carries a token of hers with every scope."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from core.api.authentication import SCOPES

Client = Callable[..., APIClient]


@pytest.fixture
def api() -> Client:
    def client(user: User, *scopes: str, **options: Any) -> APIClient:
        _, token = ApiToken.objects.create(
            user=user, scopes=list(scopes or SCOPES), expiry=timedelta(hours=1)
        )
        made = APIClient(**options)
        made.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return made

    return client
