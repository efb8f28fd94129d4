"""Tokens: got by password or command, limited by scope, dead with their user."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client as BrowserClient
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiToken, RoleAssignment
from accounts.tasks import forget_tokens
from budgets.models import BudgetAdjustment
from tests.api.conftest import Client
from tests.api.test_problems import BUDGET, problem
from tests.factories import PASSWORD, Organisation

pytestmark = pytest.mark.django_db
TOKEN = "/api/v1/auth/token/"


@pytest.fixture(autouse=True)
def clock() -> None:
    """The real one: the lock-out keeps its own time."""


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def sign_in(email: str, password: str = PASSWORD, *, source: str = "127.0.0.1", **more: Any) -> Any:
    client = APIClient(REMOTE_ADDR=source)
    return client.post(TOKEN, {"email": email, "password": password, **more}, format="json")


def test_email_and_password_give_a_token_that_works(rita: Any) -> None:
    answer = sign_in("rita@demo.example")
    assert answer.status_code == 201
    body = answer.json()
    assert body["expires_at"].endswith("Z")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {body['token']}")
    assert client.get("/api/v1/me/").json()["email"] == "rita@demo.example"


def test_only_a_digest_is_kept(rita: Any) -> None:
    token = sign_in("rita@demo.example").json()["token"]
    row = ApiToken.objects.get(user=rita)
    assert token not in (row.digest, row.token_key)
    assert len(row.digest) == 128


def test_wrong_password_and_unknown_person_get_the_same_answer(rita: Any) -> None:
    wrong = problem(sign_in("rita@demo.example", "nope"), 401, "not-authenticated")
    unknown = problem(sign_in("nobody@demo.example", "nope"), 401, "not-authenticated")
    assert wrong == unknown


def test_asking_too_often_is_429_with_a_time_to_wait(org: Any) -> None:
    answers = [sign_in(f"nobody{number}@demo.example") for number in range(11)]
    assert [each.status_code for each in answers[:10]] == [401] * 10
    problem(answers[10], 429, "too-many-requests")
    assert int(answers[10]["Retry-After"]) >= 1


def test_five_failures_lock_the_account_even_for_the_right_password(rita: Any, axel: Any) -> None:
    for _ in range(5):
        sign_in("rita@demo.example", "nope")
    locked = sign_in("rita@demo.example")
    problem(locked, 429, "too-many-requests")
    assert sign_in("axel@demo.example").status_code == 201


def test_one_address_tried_from_everywhere_is_paused_here_and_at_the_sign_in_page(
    org: Any, settings: Any
) -> None:
    """X49: each source stays under its own limit, and page and API count together."""
    settings.ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": "3/h/key"}
    said = {"login": "rita@demo.example", "password": "nope"}
    BrowserClient(REMOTE_ADDR="203.0.113.1").post("/accounts/login/", said)
    for number in range(2, 4):
        sign_in("Rita@demo.example", "nope", source=f"203.0.113.{number}")
    paused = sign_in("rita@demo.example", source="203.0.113.9")
    problem(paused, 429, "too-many-requests")
    assert int(paused["Retry-After"]) >= 1
    assert sign_in("axel@demo.example").status_code == 201


def test_a_token_may_be_asked_for_with_fewer_scopes(org: Any) -> None:
    token = sign_in("cora@demo.example", scopes=["read"]).json()["token"]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/api/v1/budgets/").status_code == 200
    problem(client.post("/api/v1/budgets/", BUDGET, format="json"), 403, "missing-scope")
    assert not BudgetAdjustment.objects.filter(actor=org.cora).exists()


def test_a_scope_of_another_resource_does_not_write(org: Any, api: Client) -> None:
    client = api(org.cora, "read", "orders:write")
    problem(client.post("/api/v1/budgets/", BUDGET, format="json"), 403, "missing-scope")


def test_a_writing_scope_does_not_read(org: Any, api: Client) -> None:
    client = api(org.cora, "budgets:write")
    problem(client.get("/api/v1/budgets/"), 403, "missing-scope")
    assert client.post("/api/v1/budgets/", BUDGET, format="json").status_code == 201


def test_an_expired_token_is_refused(rita: Any) -> None:
    _, token = ApiToken.objects.create(user=rita, scopes=["read"], expiry=timedelta(seconds=-1))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    problem(client.get("/api/v1/me/"), 401, "not-authenticated")


def test_a_token_whose_time_is_over_is_forgotten_and_the_others_stay(rita: Any) -> None:
    now = timezone.now()
    ApiToken.objects.create(user=rita, scopes=["read"], expiry=timedelta(hours=-1))
    kept, _ = ApiToken.objects.create(user=rita, scopes=["read"], expiry=timedelta(hours=1))
    endless, _ = ApiToken.objects.create(user=rita, scopes=["read"], expiry=None)
    forget_tokens(at=now)
    assert set(ApiToken.objects.all()) == {kept, endless}


def test_a_token_is_read_by_one_statement_however_many_a_person_has(
    rita: Any, api: Client, django_assert_num_queries: Any
) -> None:
    for _ in range(5):
        client = api(rita)
    client.get("/api/v1/me/")
    with django_assert_num_queries(1):  # the token with its person, their entity and roles
        client.get("/api/v1/me/")


def test_the_roles_of_a_call_are_those_of_the_moment_in_the_own_entity(
    org: Organisation, api: Client
) -> None:
    client = api(org.rita)

    def roles() -> list[str]:
        told: list[str] = client.get("/api/v1/me/").json()["roles"]
        return told

    held = RoleAssignment.objects.filter(user=org.rita)
    held.delete()
    assert roles() == []
    held.create(user=org.rita, entity=org.uk, role="auditor")
    assert roles() == []
    for role in ("requester", "buyer"):
        held.create(user=org.rita, entity=org.entity, role=role)
    assert roles() == ["buyer", "requester"]


def test_a_token_is_known_by_all_of_it(rita: Any) -> None:
    _, token = ApiToken.objects.create(user=rita, scopes=["read"])
    for wrong in (token[:15], token[:-1], token[:-1] + ("0" if token[-1] != "0" else "1")):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {wrong}")
        problem(client.get("/api/v1/me/"), 401, "not-authenticated")


def test_a_disabled_person_s_token_is_dead_at_once(rita: Any, api: Client) -> None:
    client = api(rita)
    assert client.get("/api/v1/me/").status_code == 200
    rita.is_active = False
    rita.save()
    problem(client.get("/api/v1/me/"), 401, "not-authenticated")


def test_a_token_in_the_address_is_no_token(rita: Any) -> None:
    token = sign_in("rita@demo.example").json()["token"]
    problem(APIClient().get(f"/api/v1/me/?token={token}"), 401, "not-authenticated")


def test_the_browser_s_session_needs_the_csrf_token_to_write(org: Any) -> None:
    browser = BrowserClient(enforce_csrf_checks=True)
    browser.force_login(org.cora, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get("/api/v1/budgets/").status_code == 200
    answer = browser.post("/api/v1/budgets/", BUDGET, content_type="application/json")
    problem(answer, 403, "not-allowed")
    assert not BudgetAdjustment.objects.filter(actor=org.cora).exists()


def test_the_command_prints_a_token_with_its_scopes(rita: Any) -> None:
    out = StringIO()
    call_command(
        "create_api_token", "Rita@demo.example", "--scopes", "read,orders:write", stdout=out
    )
    row = ApiToken.objects.get(user=rita)
    assert row.scopes == ["read", "orders:write"]
    assert row.token_key == out.getvalue().strip()[:15]


@pytest.mark.parametrize(
    "arguments",
    [["nobody@demo.example"], ["rita@demo.example", "--scopes", "everything"]],
)
def test_the_command_refuses_unknown_people_and_scopes(rita: Any, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("create_api_token", *arguments, stdout=StringIO())
    assert not ApiToken.objects.exists()
