"""What every answer of the portal carries, and what the watching machinery is told."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from core.models import OutboxItem


@pytest.mark.django_db
def test_healthz_asks_nothing(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert answer.json() == {"status": "ok"}


@pytest.mark.django_db
def test_readyz_tells_database_broker_and_lag(client: Client) -> None:
    answer = client.get("/readyz").json()
    assert answer["status"] == "ok"
    assert (answer["database"], answer["broker"]) == ("ok", "ok")
    assert answer["outbox"]["lag_seconds"] == 0


@pytest.mark.django_db
def test_readyz_tells_late_work(client: Client) -> None:
    now = timezone.now()
    OutboxItem.objects.create(
        handler="core.nothing",
        arguments={},
        key="late",
        created_at=now,
        run_at=now - timedelta(seconds=600),
    )
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["outbox"]["lag_seconds"] >= 600


@pytest.mark.django_db
def test_readyz_is_503_without_the_outbox(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {OutboxItem._meta.db_table}")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "down"


@pytest.mark.django_db
def test_pages_forbid_inline_code_frames_and_caches(client: Client) -> None:
    answer = client.get("/accounts/login/")
    assert answer.status_code == 200
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_nobody_signs_up(client: Client) -> None:
    client.post(
        "/accounts/signup/",
        {"email": "mallory@example.com", "password1": "a long enough password"},
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_user")
        assert cursor.fetchone() == (0,)


def test_a_request_id_of_the_caller_is_not_taken(client: Client) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": "forged\nline"})
    assert len(answer["X-Request-ID"]) == 32
    assert "forged" not in answer["X-Request-ID"]


@pytest.mark.parametrize("address", ["/search/?q=a%00b", "/reports/commitments/?cost_center=%00"])
def test_an_address_with_a_nul_is_malformed(client: Client, address: str) -> None:
    """PostgreSQL takes no NUL as text: every search and filter would have to look for it."""
    assert client.get(address).status_code == 400
