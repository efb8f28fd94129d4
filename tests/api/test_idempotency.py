"""One effect per key: the same key and body gives the first answer again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import permutations
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from budgets.models import BudgetAdjustment
from core import events, idempotency, transactions
from core.api.idempotency import once
from core.api.views import Api
from core.errors import IllegalTransition
from core.models import IdempotencyKey, TrailEvent
from requisitions.models import Requisition
from tests.api.conftest import Client, signed_in
from tests.api.lives import issued, requested
from tests.api.test_problems import problem
from tests.api.test_requisitions import URL, said

KEY = {"Idempotency-Key": "order-4711"}


@pytest.mark.django_db
def test_the_same_key_and_body_makes_one_document(org: Any, api: Client) -> None:
    client = api(org.rita)
    first = client.post(URL, said(), format="json", headers=KEY)
    second = client.post(URL, said(), format="json", headers=KEY)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert first["Location"] == second["Location"]
    assert first["ETag"] == second["ETag"]
    assert second["Idempotent-Replayed"] == "true"
    assert not first.has_header("Idempotent-Replayed")
    assert Requisition.objects.count() == 1
    assert TrailEvent.objects.filter(type="requisition.created").count() == 1


@pytest.mark.django_db
def test_order_and_white_space_of_members_do_not_count(org: Any, api: Client) -> None:
    client = api(org.rita)
    first = client.post(
        URL,
        b'{"title":"A","currency":"EUR","lines":[]}',
        content_type="application/json",
        headers=KEY,
    )
    second = client.post(
        URL,
        b'{"lines": [], "currency": "EUR",\n "title": "A"}',
        content_type="application/json",
        headers=KEY,
    )
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"


@pytest.mark.django_db
def test_the_same_key_with_another_body_or_address_is_409(org: Any, api: Client) -> None:
    client = api(org.rita)
    made = client.post(URL, said(), format="json", headers=KEY).json()
    other = client.post(URL, said(title="Other"), format="json", headers=KEY)
    problem(other, 409, "idempotency-key-reused")
    elsewhere = client.post(f"{URL}{made['id']}/submit/", headers=KEY)
    problem(elsewhere, 409, "idempotency-key-reused")
    assert Requisition.objects.get().status == "draft"


@pytest.mark.django_db
@pytest.mark.parametrize("order", sorted(set(permutations("AAbB"))), ids="".join)
def test_m7_duplicates_in_any_order_have_the_effect_of_one(
    org: Any, api: Client, order: tuple[str, ...]
) -> None:
    """Twice one request and once another with one key; B comes with a key of its own."""
    client, told = api(org.rita), {}
    for each in order:
        key = {"Idempotency-Key": "own" if each == "B" else "shared"}
        answer = client.post(URL, said(title=each), format="json", headers=key)
        first = told.setdefault(key["Idempotency-Key"], (each, answer))
        if first[0] != each:
            problem(answer, 409, "idempotency-key-reused")
        else:
            assert (answer.status_code, answer.json()) == (201, first[1].json())
    made = Requisition.objects.order_by("pk").values_list("title", flat=True)
    assert sorted(made) == sorted(each for each, _ in told.values())
    assert TrailEvent.objects.filter(type="requisition.created").count() == 2


@pytest.mark.django_db
def test_another_person_s_key_is_another_key(org: Any, api: Client) -> None:
    api(org.rita).post(URL, said(), format="json", headers=KEY)
    answer = api(org.bea).post(URL, said(), format="json", headers=KEY)
    assert answer.status_code in (201, 403)
    assert not answer.has_header("Idempotent-Replayed")


@pytest.mark.django_db
def test_a_refusal_by_rule_is_an_answer_too(org: Any, api: Client) -> None:
    client = api(org.cora)
    sent = {
        "fiscal_year": 2026,
        "cost_center": "CC100",
        "gl_account": "6300",
        "amount": "-1",
        "reason": "No",
    }
    first = client.post("/api/v1/budgets/", sent, format="json", headers=KEY)
    second = client.post("/api/v1/budgets/", sent, format="json", headers=KEY)
    assert problem(first, 422, "rule-broken") == problem(second, 422, "rule-broken")
    assert second["Idempotent-Replayed"] == "true"
    assert not BudgetAdjustment.objects.filter(actor=org.cora).exists()


@pytest.mark.django_db
def test_a_twin_between_a_refusal_and_its_keeping_gives_the_answer_for_both(org: Any) -> None:
    view = Api()
    sent = APIRequestFactory().post(URL, {}, format="json")
    view.request = request = view.initialize_request(sent)
    view.args, view.kwargs = (), {}
    request.user = org.rita

    def made(_: Any) -> Response:
        return Response({"made": True}, status=201)

    def refused(_: Any) -> Response:
        transactions.afterwards(lambda: once(view, made, "k")(request))
        events.publish("requisition.created", org.entity, actor=org.rita, at=timezone.now())
        raise IllegalTransition("Not now.")

    answer = once(view, refused, "k")(request)
    assert (answer.status_code, answer.data) == (201, {"made": True})
    assert answer["Idempotent-Replayed"] == "true"
    assert not TrailEvent.objects.filter(type="requisition.created").exists()
    other = once(view, refused, "another")(request)
    assert other.status_code == 409
    assert [each.status for each in IdempotencyKey.objects.order_by("key")] == [409, 201]


@pytest.mark.django_db
def test_a_replayed_action_moves_nothing_twice(org: Any, api: Client) -> None:
    requisition = requested(org)
    client = api(org.rita)
    url = f"{URL}{requisition['id']}/withdraw/"
    first = client.post(url, {"reason": "No"}, format="json", headers=KEY)
    second = client.post(url, {"reason": "No"}, format="json", headers=KEY)
    assert first.json() == second.json()
    problem(client.post(url, {"reason": "No"}, format="json"), 409, "illegal-transition")
    assert TrailEvent.objects.filter(type="requisition.withdrawn").count() == 1


@pytest.mark.django_db
def test_a_key_is_forgotten_after_a_day(
    org: Any, api: Client, clock: Callable[[], datetime]
) -> None:
    client = api(org.rita)
    client.post(URL, said(), format="json", headers=KEY)
    old = timezone.now() - timedelta(hours=24, seconds=1)
    IdempotencyKey.objects.update(created_at=old)
    client.post(URL, said(), format="json", headers=KEY)
    assert Requisition.objects.count() == 2
    assert IdempotencyKey.objects.count() == 1
    IdempotencyKey.objects.update(created_at=old)
    idempotency.forget(at=timezone.now())
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 201, "ключ"])
def test_an_unusable_key_is_400(org: Any, api: Client, key: str) -> None:
    answer = api(org.rita).post(
        URL, said(), format="json", HTTP_IDEMPOTENCY_KEY=key.encode().decode("latin-1")
    )
    problem(answer, 400, "malformed")
    assert not Requisition.objects.exists()


@pytest.mark.django_db
def test_without_a_key_two_requests_are_two(org: Any, api: Client) -> None:
    client = api(org.rita)
    for _ in range(2):
        client.post(URL, said(), format="json")
    assert Requisition.objects.count() == 2


def _twenty_at_once(work: Callable[[], Any]) -> list[Any]:
    gate = Barrier(20)

    def one(_: int) -> Any:
        gate.wait()
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(one, range(20)))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_with_one_key_make_one_document(org: Any) -> None:
    client = signed_in(org.rita)
    token = client._credentials["HTTP_AUTHORIZATION"]

    def work() -> Any:
        mine = type(client)()
        mine.credentials(HTTP_AUTHORIZATION=token)
        return mine.post(URL, said(), format="json", headers=KEY)

    answers = _twenty_at_once(work)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum(answer.has_header("Idempotent-Replayed") for answer in answers) == 19
    assert Requisition.objects.count() == 1
    assert TrailEvent.objects.filter(type="requisition.created").count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_twenty_keys_at_once_receive_no_more_than_was_ordered(org: Any) -> None:
    order = issued(org)
    token = signed_in(org.rob)._credentials["HTTP_AUTHORIZATION"]
    line = {"order_line": order["lines"][0]["id"], "quantity": "1"}

    def work() -> Any:
        mine = type(signed_in(org.rob))()
        mine.credentials(HTTP_AUTHORIZATION=token)
        return mine.post(
            "/api/v1/receipts/", {"order": order["id"], "lines": [line]}, format="json"
        )

    codes = sorted(answer.status_code for answer in _twenty_at_once(work))
    assert codes == [201] * 10 + [422] * 10
