"""Vendors over the API."""

from typing import Any

import pytest

from tests.api.conftest import Client
from tests.api.lives import get, post
from tests.api.test_problems import problem

pytestmark = pytest.mark.django_db
NEW = {
    "code": "V-4000",
    "name": "Isar Netze GmbH",
    "country": "DE",
    "currency": "EUR",
    "order_email": "orders@isar.example",
    "contacts": [{"name": "Order desk", "email": "orders@isar.example", "role": "Orders"}],
}


def test_a_vendor_is_entered_reviewed_and_approved(org: Any, api: Client) -> None:
    vera = api(org.vera)
    made = post(vera, "vendors/", NEW, status=201)
    assert (made["status"], made["contacts"]) == ("prospect", NEW["contacts"])
    assert post(vera, f"vendors/{made['id']}/submit/")["status"] == "in_review"
    assert post(vera, f"vendors/{made['id']}/approve/")["status"] == "approved"
    no_reason = vera.post(f"/api/v1/vendors/{made['id']}/suspend/")
    assert problem(no_reason, 422, "invalid")["errors"][0]["pointer"] == "/reason"
    gone = post(vera, f"vendors/{made['id']}/suspend/", {"reason": "Late"})
    assert "reinstate" in gone["available_actions"]
    told = get(vera, f"vendors/{made['id']}/history/")["results"]
    assert [line["action"] for line in told] == ["created", "submitted", "approved", "suspended"]
    assert told[-1]["reason"] == "Late"
    assert {"field": "status", "old": "approved", "new": "suspended"} in told[-1]["changes"]


def test_what_is_not_sent_stays(org: Any, api: Client) -> None:
    vera = api(org.vera)
    made = post(vera, "vendors/", NEW, status=201)
    answer = vera.patch(f"/api/v1/vendors/{made['id']}/", {"name": "Isar AG"}, format="json")
    assert answer.status_code == 200, answer.content
    changed = answer.json()
    assert (changed["name"], changed["code"], changed["contacts"]) == (
        "Isar AG",
        "V-4000",
        NEW["contacts"],
    )


@pytest.mark.parametrize("persona", ["rita", "bea", "finn", "cora", "olga", "ada"])
def test_nobody_else_manages_vendors(org: Any, api: Client, persona: str) -> None:
    client = api(org.people[persona])
    problem(client.post("/api/v1/vendors/", NEW, format="json"), 403, "not-allowed")
    vendor = get(client, "vendors/?code=V-3000")["results"][0]
    assert vendor["available_actions"] == []
    problem(client.post(f"/api/v1/vendors/{vendor['id']}/submit/"), 403, "not-allowed")


def test_a_vendor_of_the_other_entity_is_404(org: Any, api: Client) -> None:
    vera = api(org.vera)
    url = f"/api/v1/vendors/{org.uk_vendor.pk}/"
    problem(vera.get(url), 404, "not-found")
    problem(vera.patch(url, {"name": "Mine"}, format="json"), 404, "not-found")
    problem(vera.post(f"{url}block/", {"reason": "x"}, format="json"), 404, "not-found")


def test_the_catalog_is_searched(org: Any, api: Client) -> None:
    rows = get(api(org.rita), "catalog-items/?search=notebook")["results"]
    assert [(row["sku"], row["unit_price"], row["vendor_code"]) for row in rows] == [
        ("NB-14", "1180.00", "V-1000")
    ]
    rows = get(api(org.rita), "catalog-items/?vendor=V-1000&service_type=iaas")["results"]
    assert [row["sku"] for row in rows] == ["VM-M"]
