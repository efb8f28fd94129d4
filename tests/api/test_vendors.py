"""Vendors over the API."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import step_up
from accounts.models import ApiToken
from administration.models import ChangeRequest
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
    half = {"contacts": [{"name": "Half"}]}
    refused = vera.patch(f"/api/v1/vendors/{made['id']}/", half, format="json")
    assert [each["pointer"] for each in problem(refused, 422, "invalid")["errors"]] == [
        "/contacts/0/email"
    ]


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


def change(client: Any, vendor: Any, **said: Any) -> Any:
    return client.patch(f"/api/v1/vendors/{vendor.pk}/", said, format="json")


def test_a_change_of_an_approved_vendor_waits_for_somebody_else(org: Any, api: Client) -> None:
    vera = api(org.vera)
    no_reason = change(vera, org.vendor, order_email="new@elbe.example")
    assert problem(no_reason, 422, "invalid")["errors"][0]["pointer"] == "/reason"
    answer = change(vera, org.vendor, order_email="new@elbe.example", reason="Called Jana")
    assert answer.status_code == 202, answer.content
    proposed = get(api(org.ada), f"setting-changes/{answer.json()['setting_change']}/")
    assert answer["Location"].endswith(f"/setting-changes/{proposed['id']}/")
    assert (proposed["kind"], proposed["vendor"]) == ("vendor", str(org.vendor.pk))
    assert proposed["changes"] == [
        {"field": "Orders go to", "old": org.vendor.order_email, "new": "new@elbe.example"}
    ]
    assert get(vera, f"vendors/{org.vendor.pk}/")["order_email"] == org.vendor.order_email
    problem(change(vera, org.vendor, name="Elbe SE", reason="x"), 409, "conflict")


@pytest.mark.parametrize("persona", ["rita", "bea", "finn", "cora", "olga", "ada"])
def test_nobody_else_proposes_one(org: Any, api: Client, persona: str) -> None:
    answer = change(api(org.people[persona]), org.vendor, name="Elbe SE", reason="x")
    problem(answer, 403, "not-allowed")


def test_an_old_token_proposes_nothing(org: Any, api: Client) -> None:
    vera = api(org.vera)
    ApiToken.objects.filter(user=org.vera).update(
        created=timezone.now() - step_up.TOKEN_FRESH - timedelta(seconds=1)
    )
    problem(change(vera, org.vendor, name="Elbe SE", reason="x"), 403, "step-up-needed")
    said = {"kind": "vendor", "vendor": "V-1000", "after": {"name": "Elbe SE"}, "reason": "x"}
    other = vera.post("/api/v1/setting-changes/", said, format="json")
    problem(other, 403, "step-up-needed")
    assert not ChangeRequest.objects.exists()


def test_it_is_proposed_as_a_setting_change_too(org: Any, api: Client) -> None:
    said = {"kind": "vendor", "vendor": "V-1000", "after": {"name": "Elbe SE"}, "reason": "x"}
    made = post(api(org.vera), "setting-changes/", said, status=201)
    assert made["title"] == "Master data of Elbe IT Handel GmbH"
