"""The OpenAPI description: whole, sound, and shown without help from outside."""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client as BrowserClient
from django.test import override_settings

from tests.api.conftest import signed_in
from tests.factories import Organisation

pytestmark = pytest.mark.django_db


def test_the_description_is_sound() -> None:
    call_command(
        "spectacular", "--validate", "--fail-on-warn", stdout=StringIO(), stderr=StringIO()
    )


def test_every_reference_leads_somewhere(client: BrowserClient) -> None:
    found = client.get("/api/v1/schema/?format=json")
    known = {f"#/components/schemas/{name}" for name in found.json()["components"]["schemas"]}
    told = set(re.findall(r'"\$ref": ?"([^"]+)"', found.content.decode()))
    assert told
    assert told <= known, told - known


def test_every_operation_tells_its_refusals(client: BrowserClient) -> None:
    found = client.get("/api/v1/schema/?format=json").json()
    assert found["openapi"].startswith("3.1")
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            told = set(operation["responses"])
            least = {"400", "401", "403", "404", "429"}
            if method != "get":
                least |= {"409", "412", "413", "415", "422"}
            if "schema" not in path:
                assert least <= told, (method, path)


def test_where_a_word_may_stand_for_an_id_the_refused_method_is_told(
    client: BrowserClient, org: Organisation
) -> None:
    """`/orders/import/` is no order: it takes POST, and says so to every other method."""
    paths = client.get("/api/v1/schema/?format=json").json()["paths"]
    bea = signed_in(org.bea)
    found = []
    for path in paths:
        collection, _, word = path.removesuffix("/").rpartition("/")
        operations = paths.get(f"{collection}/{{id}}/", {})
        if "{" in word or not operations:
            continue
        found.append(path)
        for method in operations.keys() - paths[path].keys():
            answer = getattr(bea, method)(path)
            assert answer.status_code == 405, (method, path)
            assert "POST" in answer["Allow"].split(", ")
            assert "405" in operations[method]["responses"], (method, path)
    assert "/api/v1/orders/import/" in found


def test_every_resource_of_the_contract_is_there(client: BrowserClient) -> None:
    paths = client.get("/api/v1/schema/?format=json").json()["paths"]
    actions = {
        "vendors": ["submit", "approve", "reject", "suspend", "reinstate", "block"],
        "contracts": ["activate", "terminate"],
        "catalog-items": [],
        "cost-centers": [],
        "gl-accounts": [],
        "projects": [],
        "fiscal-years": [],
        "budgets": ["transfer"],
        "budget-alerts": ["acknowledge"],
        "budget-changes": ["submit", "withdraw", "reverse"],
        "journals": ["reverse"],
        "requisitions": ["submit", "withdraw", "cancel", "copy", "order"],
        "approvals": ["approve", "reject", "return", "forward", "ask", "answer", "add-approver"],
        "approval-policies": [
            *("activate", "retire", "keep", "new-version", "discard", "simulate"),
        ],
        "delegations": ["revoke"],
        "ratifications": ["ratify", "object"],
        "orders": ["issue", "hold", "resume", "cancel", "close", "reopen", "send"],
        "receipts": ["post", "reverse"],
        "invoices": ["match", "clear", "return_to_vendor", "reject", "dispute", "void"],
        "match-exceptions": ["resolve", "assign"],
        "ledger-entries": [],
        "events": [],
        "year-ends": ["resume", "reverse", "close", "reopen"],
        "release-proposals": ["keep", "reverse"],
        "attachments": [],
        "scheduled-reports": ["pause", "resume", "end"],
    }
    for resource, verbs in actions.items():
        assert f"/api/v1/{resource}/" in paths
        assert f"/api/v1/{resource}/{{id}}/" in paths
        for verb in verbs:
            assert "post" in paths[f"/api/v1/{resource}/{{id}}/{verb}/"], (resource, verb)
    for resource in ("catalog-items", "orders", "invoices", "budgets", "journals"):
        assert "post" in paths[f"/api/v1/{resource}/import/"]
    for resource in ("vendors", "requisitions", "approvals", "orders", "receipts", "invoices"):
        assert "get" in paths[f"/api/v1/{resource}/{{id}}/history/"]
    assert "post" in paths["/api/v1/approvals/decide-many/"]
    assert "get" in paths["/api/v1/approval-policies/{id}/findings/"]
    for name in ("pdf", "trace"):
        assert "get" in paths[f"/api/v1/orders/{{id}}/{name}/"]


def test_the_docs_load_nothing_from_elsewhere(client: BrowserClient) -> None:
    answer = client.get("/api/v1/docs/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "http://" not in page.replace("http://testserver", "")
    assert "https://" not in page
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self';" in f"{policy};"
    assert "<script>" not in page
    assert client.get("/api/v1/docs/?script=").status_code == 200


def test_in_production_the_description_is_for_signed_in_people(
    client: BrowserClient, api: Any, rita: Any
) -> None:
    with override_settings(PRODUCTION=True):
        assert client.get("/api/v1/schema/").status_code in (401, 403)
        assert client.get("/api/v1/docs/").status_code in (401, 403)
        assert api(rita).get("/api/v1/schema/").status_code == 200
