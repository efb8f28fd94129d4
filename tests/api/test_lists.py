"""Lists: keyset pages that stay put, filters and orders from a closed list."""

from typing import Any

import pytest

from budgets.models import CostCenter
from tests.api.conftest import Client
from tests.api.test_problems import problem

pytestmark = pytest.mark.django_db
URL = "/api/v1/cost-centers/"


def codes(body: dict[str, Any]) -> list[str]:
    return [row["code"] for row in body["results"]]


def test_pages_follow_each_other_without_gap_or_twin(org: Any, api: Client) -> None:
    client, seen, url = api(org.rita), [], f"{URL}?page_size=2"
    while url:
        assert url.startswith(("/api", "http://testserver/api"))
        body = client.get(url).json()
        seen += codes(body)
        url = body["next"]
    assert seen == ["CC100", "CC200", "CC300", "CC400", "CC500", "CC600"]


def test_a_row_that_comes_in_moves_no_page(org: Any, api: Client) -> None:
    client = api(org.rita)
    first = client.get(f"{URL}?page_size=2").json()
    CostCenter.objects.create(entity=org.entity, code="CC050", name="Earlier")
    assert codes(client.get(first["next"]).json()) == ["CC300", "CC400"]


def test_the_way_back_leads_to_the_same_page(org: Any, api: Client) -> None:
    client = api(org.rita)
    first = client.get(f"{URL}?page_size=2&ordering=-code").json()
    second = client.get(first["next"]).json()
    back = client.get(second["previous"]).json()
    assert codes(back) == codes(first) == ["CC600", "CC500"]
    assert back["previous"] is None


def test_ties_are_broken_by_the_id(org: Any, api: Client) -> None:
    for number in range(5):
        CostCenter.objects.create(entity=org.entity, code=f"T{number}", name="Same")
    client, seen = api(org.rita), []
    url = f"{URL}?ordering=name&page_size=2&search=Same"
    while url:
        body = client.get(url).json()
        seen += codes(body)
        url = body["next"]
    assert seen == ["T0", "T1", "T2", "T3", "T4"]


@pytest.mark.parametrize("size", ["0", "201", "-1", "x", "", "９", "1e1"])
def test_a_page_size_out_of_bounds_is_400(org: Any, api: Client, size: str) -> None:
    problem(api(org.rita).get(URL, {"page_size": size}), 400, "invalid-page-size")


@pytest.mark.parametrize("cursor", ["x", "", "W10=", "bnVsbA==", "%00", "WzEsMiwzLDRd"])
def test_a_cursor_that_is_not_ours_is_400(org: Any, api: Client, cursor: str) -> None:
    problem(api(org.rita).get(URL, {"cursor": cursor}), 400, "invalid-cursor")


def test_a_cursor_of_another_order_is_400(org: Any, api: Client) -> None:
    client = api(org.rita)
    url = client.get(f"{URL}?page_size=2").json()["next"]
    problem(client.get(f"{url}&ordering=name"), 400, "invalid-cursor")


@pytest.mark.parametrize(
    "query",
    [
        {"owner__password": "x"},
        {"entity": "UK01"},
        {"code__startswith": "CC"},
        {"format": "csv"},
        {"active": "maybe"},
        {"active": ["true", "false"]},
        {"code": "\x00"},
        {"search": "\x00"},
    ],
)
def test_a_filter_that_is_not_on_the_list_is_400(org: Any, api: Client, query: Any) -> None:
    answer = api(org.rita).get(URL, query)
    assert answer.status_code == 400
    assert answer.json()["type"] in ("unknown-filter", "invalid-filter")


@pytest.mark.parametrize("ordering", ["owner__password", "entity", "", "--code", "?"])
def test_an_order_that_is_not_on_the_list_is_400(org: Any, api: Client, ordering: str) -> None:
    problem(api(org.rita).get(URL, {"ordering": ordering}), 400, "invalid-order")


def test_filters_narrow_the_list(org: Any, api: Client) -> None:
    client = api(org.rita)
    assert codes(client.get(f"{URL}?code=CC300").json()) == ["CC300"]
    client = api(org.dora)
    budgets = client.get("/api/v1/budgets/?cost_center=CC200&fiscal_year=2026").json()["results"]
    assert [row["amount"] for row in budgets] == ["5000.00"]
    assert budgets[0]["control"] == "warn"
    assert budgets[0]["available"] == "5000.00"


def test_the_other_entity_sees_its_own(org: Any, api: Client) -> None:
    assert codes(api(org.nils).get(URL).json()) == ["CC100"]
    rows = api(org.nils).get("/api/v1/budgets/").json()["results"]
    assert [(row["currency"], row["amount"]) for row in rows] == [("GBP", "20000.00")]


def test_the_number_of_queries_does_not_grow_with_the_rows(
    org: Any, api: Client, django_assert_max_num_queries: Any
) -> None:
    client = api(org.rita)
    CostCenter.objects.bulk_create(
        CostCenter(entity=org.entity, code=f"N{number:03}", name="N", owner=org.dora)
        for number in range(200)
    )
    with django_assert_max_num_queries(4):
        body = client.get(f"{URL}?page_size=200").json()
    assert len(body["results"]) == 200
