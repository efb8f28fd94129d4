"""Contracts over the API."""

from typing import Any

import pytest

from tests.api.conftest import Client
from tests.api.lives import get, post
from tests.api.test_problems import problem
from tests.vendors.agreements import contract
from vendors.models import Contract

pytestmark = pytest.mark.django_db
NEW = {
    "vendor": "V-1000",
    "number": "MSA-7",
    "title": "Hardware frame",
    "valid_from": "2026-01-01",
    "valid_to": "2099-12-31",
    "notice_days": 90,
    "currency": "EUR",
    "spend_cap": "50000",
    "sla_terms": ["Delivery within 5 working days"],
    "prices": [{"sku": "NB-14", "unit_price": "1180.00", "unit": "C62"}],
}


def test_one_drafts_it_and_another_puts_it_into_force(org: Any, api: Client) -> None:
    vera = api(org.vera)
    made = post(vera, "contracts/", NEW, status=201)
    assert {name: made[name] for name in NEW if name != "vendor"} == {
        **{name: NEW[name] for name in NEW if name != "vendor"},
        "spend_cap": "50000.00",
    }
    assert (made["status"], made["vendor"], made["decide_by"]) == (
        "draft",
        str(org.vendor.pk),
        "2099-10-02",
    )
    assert made["available_actions"] == ["edit", "terminate"]
    alone = vera.post(f"/api/v1/contracts/{made['id']}/activate/")
    problem(alone, 403, "not-allowed")
    held = post(api(org.cora), f"contracts/{made['id']}/activate/")
    assert (held["status"], held["activated_by"]["id"]) == ("active", str(org.cora.pk))
    assert held["available_actions"] == []
    again = vera.patch(f"/api/v1/contracts/{made['id']}/", {"title": "x"}, format="json")
    problem(again, 409, "illegal-transition")
    ended = post(vera, f"contracts/{made['id']}/terminate/", {"reason": "Insolvent"})
    assert ended["status"] == "terminated"
    told = get(vera, f"contracts/{made['id']}/history/")["results"]
    assert [line["action"] for line in told] == ["drafted", "activated", "terminated"]


def test_what_is_not_sent_stays(org: Any, api: Client) -> None:
    vera = api(org.vera)
    made = post(vera, "contracts/", {**NEW, "number": ""}, status=201)
    url = f"/api/v1/contracts/{made['id']}/"
    answer = vera.patch(url, {"spend_cap": None, "prices": []}, format="json")
    assert answer.status_code == 200, answer.content
    changed = answer.json()
    assert (changed["spend_cap"], changed["prices"]) == (None, [])
    kept = ("number", "title", "valid_to", "sla_terms", "notice_days", "vendor")
    assert {name: changed[name] for name in kept} == {name: made[name] for name in kept}
    stale = vera.patch(url, {"title": "x"}, format="json", headers={"If-Match": '"1"'})
    problem(stale, 412, "stale-version")


def test_faults_stand_at_their_fields(org: Any, api: Client) -> None:
    wrong = {**NEW, "valid_to": "2025-01-01", "prices": [{"sku": "", "unit_price": "1"}]}
    answer = api(org.vera).post("/api/v1/contracts/", {**wrong, "prices": []}, format="json")
    assert problem(answer, 422, "invalid")["errors"][0]["pointer"] == "/valid_to"
    answer = api(org.vera).post("/api/v1/contracts/", {**NEW, "vendor": "V-9"}, format="json")
    assert answer.json()["errors"][0]["pointer"] == "/vendor"
    assert not Contract.objects.exists()


@pytest.mark.parametrize("days", ["1_000", "１２", "1.0", 1.5, True, 10**30, "9" * 4400])
def test_days_are_a_plain_whole_number(org: Any, api: Client, days: Any) -> None:
    answer = api(org.vera).post("/api/v1/contracts/", {**NEW, "notice_days": days}, format="json")
    assert problem(answer, 422, "invalid")["errors"][0]["pointer"] == "/notice_days"


@pytest.mark.parametrize("persona", ["rita", "axel", "rob"])
def test_they_do_not_exist_for_others(org: Any, api: Client, persona: str) -> None:
    found = contract(org)
    client = api(org.people[persona])
    assert get(client, "contracts/")["results"] == []
    problem(client.get(f"/api/v1/contracts/{found.pk}/"), 404, "not-found")
    problem(client.post("/api/v1/contracts/", NEW, format="json"), 403, "not-allowed")


@pytest.mark.parametrize("persona", ["finn", "fay", "cora", "olga", "ada"])
def test_some_only_read_them(org: Any, api: Client, persona: str) -> None:
    found = contract(org, prices={"NB-14": "1000"})
    client = api(org.people[persona])
    assert get(client, "contracts/?status=active&vendor=V-1000")["results"][0]["prices"]
    said = {"reason": "x"}
    answer = client.post(f"/api/v1/contracts/{found.pk}/terminate/", said, format="json")
    problem(answer, 403, "not-allowed")


def test_lists_take_as_many_statements_with_more_rows(
    org: Any, api: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        contract(org, f"M-{number}", prices={"A": "1", "B": "2"})
    with django_assert_max_num_queries(12):
        assert len(get(api(org.bea), "contracts/?page_size=50")["results"]) == 30


def test_a_catalog_item_names_its_contract(org: Any, api: Client) -> None:
    frame = contract(org, "MSA-7")
    org.items["NB-14"].contract = frame
    org.items["NB-14"].save()
    rows = get(api(org.rita), "catalog-items/?contract=MSA-7")["results"]
    assert [(row["sku"], row["contract"], row["contract_number"]) for row in rows] == [
        ("NB-14", str(frame.pk), "MSA-7")
    ]
