"""Every refusal is problem details, and a refused call changed nothing."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from budgets.models import BudgetAdjustment, CostCenter
from tests.api.conftest import Client

pytestmark = pytest.mark.django_db
BUDGET = {
    "fiscal_year": 2026,
    "cost_center": "CC100",
    "gl_account": "6400",
    "amount": "100.00",
    "reason": "New",
}


def problem(answer: Any, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == slug
    assert body["status"] == status
    assert body["title"]
    assert body["instance"].startswith("/api/v1/")
    return body


def test_without_a_token_everything_is_401() -> None:
    answer = APIClient().get("/api/v1/cost-centers/")
    problem(answer, 401, "not-authenticated")
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["x", "ÿ", "a b", "a" * 500, "0" * 64])
def test_a_token_that_is_none_is_401(token: str) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}".encode().decode("latin-1"))
    problem(client.get("/api/v1/cost-centers/"), 401, "not-authenticated")


def test_unknown_addresses_are_problems_too(api: Client, rita: Any) -> None:
    problem(api(rita).get("/api/v1/nothing/here/"), 404, "not-found")
    problem(api(rita).post("/api/v1/cost-centers", {}, format="json"), 404, "not-found")


def test_an_unknown_and_a_foreign_record_are_the_same_404(org: Any, api: Client) -> None:
    client = api(org.rita)
    foreign = client.get(f"/api/v1/cost-centers/{org.uk_cost_center.pk}/")
    unknown = client.get("/api/v1/cost-centers/0192f0c8-0000-7000-8000-000000000000/")
    no_id = client.get("/api/v1/cost-centers/not-an-id/")
    bodies = [problem(each, 404, "not-found") for each in (foreign, unknown, no_id)]
    for body in bodies:
        body.pop("instance")
    assert bodies[0] == bodies[1] == bodies[2]


def test_a_method_that_an_address_does_not_take_is_405(api: Client, rita: Any) -> None:
    answer = api(rita).delete("/api/v1/cost-centers/")
    problem(answer, 405, "method-not-allowed")
    assert "GET" in answer["Allow"]


def test_options_is_no_second_description(api: Client, rita: Any) -> None:
    answer = api(rita).options("/api/v1/orders/")
    problem(answer, 405, "method-not-allowed")
    assert answer["Allow"] == "GET, HEAD, POST"


def test_a_write_bound_to_a_version_of_what_has_none_is_412(api: Client, org: Any) -> None:
    """It would be done to whatever there is, although the caller asked for just one."""
    address = f"/api/v1/budgets/{org.cell('CC100', '6600').pk}/set-levels/"
    said, cora = {"levels": [70]}, api(org.cora)
    refused = cora.post(address, said, format="json", headers={"If-Match": '"1"'})
    problem(refused, 412, "stale-version")
    assert cora.post(address, said, format="json", headers={"If-Match": "*"}).status_code == 200


def test_another_media_type_is_415(api: Client, cora: Any) -> None:
    answer = api(cora).post("/api/v1/budgets/", "<a/>", content_type="application/xml")
    problem(answer, 415, "wrong-type")


@pytest.mark.parametrize(
    "body",
    [
        *("{", "{'a': 1}", '{"a": NaN}', '{"a": 1e999999999999}', '{"a":' * 3000, "\xff\xfe", ""),
        *('{"amount": 1e9999999}', '{"amount": -1e-9999999}', '{"amount": 0e9999999}'),
        *('{"amount": 1e99999999999999999999}', '{"amount": ' + "9" * 4000 + "}"),
        '{"amount": "1", "amount": "2"}',
        '{"amount": 1.00000000000000000000000000000000000001}',
    ],
)
def test_a_body_that_is_not_json_is_400(api: Client, cora: Any, body: str) -> None:
    answer = api(cora).post(
        "/api/v1/budgets/", body.encode("latin-1"), content_type="application/json"
    )
    assert answer.status_code in (400, 422)
    assert answer["Content-Type"] == "application/problem+json"
    assert BudgetAdjustment.objects.filter(actor=cora).count() == 0


def test_a_body_that_is_no_object_is_422(api: Client, cora: Any) -> None:
    answer = api(cora).post("/api/v1/budgets/", [1], format="json")
    problem(answer, 422, "invalid")


def test_a_body_over_the_limit_is_413(api: Client, cora: Any) -> None:
    answer = api(cora).post("/api/v1/budgets/", {"reason": "x" * 6_000_000}, format="json")
    problem(answer, 413, "too-large")


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (rb'{"reason": "a\u0000b"}', "/reason"),
        (rb'{"reason": "\ud800"}', "/reason"),
        (rb'{"reason": "\u202egnp"}', "/reason"),
        (rb'{"deep": {"list": ["ok", "\u0000"]}}', "/deep/list/1"),
    ],
)
def test_characters_that_break_databases_are_422(
    api: Client, cora: Any, raw: bytes, pointer: str
) -> None:
    answer = api(cora).post("/api/v1/budgets/", raw, content_type="application/json")
    body = problem(answer, 422, "invalid")
    assert body["errors"][0]["pointer"] == pointer


def test_a_member_that_is_not_known_is_named(api: Client, org: Any) -> None:
    sent = {**BUDGET, "spent": "5", "entity": "UK01", "overdraft": "9"}
    body = problem(api(org.cora).post("/api/v1/budgets/", sent, format="json"), 422, "invalid")
    assert {(each["pointer"], each["code"]) for each in body["errors"]} == {
        ("/spent", "unknown_field"),
        ("/entity", "unknown_field"),
        ("/overdraft", "unknown_field"),
    }
    assert not BudgetAdjustment.objects.filter(actor=org.cora).exists()


@pytest.mark.parametrize(
    "amount",
    ["1_000.00", "１２.５０", "1e3", "NaN", "Infinity", "1,000.00", "", "−5", True, None, []],
)
def test_a_figure_must_be_a_plain_decimal(api: Client, org: Any, amount: Any) -> None:
    sent = {**BUDGET, "amount": amount}
    body = problem(api(org.cora).post("/api/v1/budgets/", sent, format="json"), 422, "invalid")
    assert [each["pointer"] for each in body["errors"]] == ["/amount"]


def test_a_record_of_another_entity_cannot_be_named(api: Client, org: Any) -> None:
    sent = {**BUDGET, "cost_center": str(org.uk_cost_center.pk)}
    foreign = problem(api(org.cora).post("/api/v1/budgets/", sent, format="json"), 422, "invalid")
    sent["cost_center"] = "CC999"
    unknown = problem(api(org.cora).post("/api/v1/budgets/", sent, format="json"), 422, "invalid")
    assert foreign["errors"] == unknown["errors"]
    assert foreign["errors"][0]["pointer"] == "/cost_center"


def test_the_wrong_role_is_403_and_changes_nothing(api: Client, org: Any) -> None:
    before = org.cell("CC100", "6300").amount
    sent = {**BUDGET, "gl_account": "6300"}
    problem(api(org.rita).post("/api/v1/budgets/", sent, format="json"), 403, "not-allowed")
    assert org.cell("CC100", "6300").amount == before


def test_somebody_without_an_entity_sees_nothing(api: Client, org: Any) -> None:
    org.rita.entity = None
    org.rita.save()
    problem(api(org.rita).get("/api/v1/cost-centers/"), 403, "not-allowed")


def test_an_unexpected_error_is_a_problem_without_a_trace(
    api: Client, rita: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("the secret inner state")

    monkeypatch.setattr(CostCenter.objects.__class__, "visible_to", broken, raising=False)
    client = api(rita, raise_request_exception=False)
    answer = client.get("/api/v1/cost-centers/")
    body = problem(answer, 500, "internal-error")
    assert "secret" not in answer.content.decode()
    assert "X-Request-ID" in body["detail"]
