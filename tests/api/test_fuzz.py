"""The description against the portal: no 5xx and no answer that it does not tell of.

Runs once, on the embedded defaults, through WSGI. The cases are the same in each run, so a finding
comes again: the seed is fixed, and the words to try are those of the description.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import Role
from approvals.models import ApprovalRequest, Ratification
from core import attachments
from po_portal.wsgi import application
from purchase_orders.models import PurchaseOrder
from tests.api.conftest import signed_in
from tests.api.lives import billed, get, issued, ordered, post, received, requested
from tests.factories import NOW, Organisation, person
from tests.vendors.agreements import contract

pytestmark = [pytest.mark.django_db, pytest.mark.once]
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
EXAMPLES = 6


@pytest.fixture(autouse=True)
def words(monkeypatch: pytest.MonkeyPatch) -> Iterator[Constants]:
    """Words that stand in for any text now and then.

    Hypothesis takes them from all code that is loaded: a new line anywhere in the portal, or
    another test before this one, would change every case. Here they are what a test puts in.
    """
    known = Constants()
    monkeypatch.setattr(providers, "_get_local_constants", lambda: known)
    providers.CONSTANTS_CACHE.cache.clear()
    yield known
    providers.CONSTANTS_CACHE.cache.clear()


def test_no_answer_is_unexpected(org: Organisation, words: Constants) -> None:
    client, asked_to_approve = _everybody(org), signed_in(org.axel)
    documents = _documents(org, client)
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", application)
    words.strings = sorted(_words_of(schema.raw_schema))  # type: ignore[assignment]
    findings: list[str] = []
    asked: set[str] = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        asked.add(operation.path.split("/")[3])
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            who = asked_to_approve if "/approvals/" in operation.path else client
            findings += _ask(operation, mode, who, documents)
    assert not findings, "\n\n".join(findings[:10])
    assert {"orders", "invoices", "requisitions", "approvals", "reports"} <= asked


def _words_of(description: dict[str, Any]) -> set[str]:
    """The names of its resources and actions, such as orders and import."""
    return set(re.findall(r"(?<=/)[a-z][a-z0-9_-]*(?=/)", " ".join(description["paths"])))


def _everybody(org: Organisation) -> Any:
    """Somebody with every role, so that the calls get past the door."""
    everybody = person("omar", entity=org.entity, roles=list(Role), approval_limit=10**6)
    return signed_in(everybody)


def _documents(org: Organisation, client: Any) -> dict[str, str]:
    """An existing document of each kind, in a state in which something can be done with it."""
    order = issued(org)
    receipt = received(org, order, "6")
    invoice = billed(org, order, "9")
    drafted = ordered(org)
    approval = requested(org)["approval"]["steps"][0]
    drawing = attachments.attach(
        document=PurchaseOrder.objects.get(pk=order["id"]),
        data=b"%PDF-1.7 drawing",
        name="drawing.pdf",
        actor=org.bea,
        at=NOW,
    )
    found = {
        "orders": drafted["id"],
        "attachments": str(drawing.pk),
        "receipts": receipt["id"],
        "invoices": invoice["id"],
        "match-exceptions": invoice["exceptions"][-1]["id"],
        "approvals": approval["id"],
    }
    contract(org, prices={"NB-14": "1180"})
    for resource in (
        *("vendors", "contracts", "catalog-items"),
        *("cost-centers", "gl-accounts", "projects"),
    ):
        found[resource] = get(client, f"{resource}/")["results"][0]["id"]
    for resource in ("fiscal-years", "budgets", "ledger-entries", "events", "approval-policies"):
        found[resource] = get(client, f"{resource}/")["results"][0]["id"]
    approved = get(client, "requisitions/?status=approved")["results"][0]["id"]
    lent = {
        "from_user": "axel@demo.example",
        "to_user": "sven@demo.example",
        "valid_from": "2026-03-05T08:00:00Z",
        "valid_to": "2026-03-09T17:00:00Z",
        "reason": "Away",
    }
    ratification = Ratification.objects.create(
        entity=org.entity,
        request=ApprovalRequest.objects.get(subject_id=approved),
        requester=org.rita,
        assignee=org.axel,
        incident="INC-1",
        due_at=NOW,
        created_at=NOW,
    )
    return found | {
        "requisitions": approved,
        "delegations": post(client, "delegations/", lent, status=201)["id"],
        "ratifications": str(ratification.pk),
    }


def _ask(operation: Any, mode: GenerationMode, client: Any, documents: dict[str, str]) -> list[str]:
    token = client._credentials["HTTP_AUTHORIZATION"]
    known = documents.get(operation.path.split("/")[3])
    findings: list[str] = []

    @seed(20260302)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Any) -> None:
        if known and "id" in case.path_parameters and len(str(case.path_parameters["id"])) % 3:
            case.path_parameters["id"] = known
        headers = {} if operation.path.endswith("/auth/token/") else {"Authorization": token}
        response = case.call(headers=headers)
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            findings.append(f"{operation.method} {operation.path}: {group.exceptions}")

    try:
        call()
    except schemathesis.errors.SchemathesisError:
        if mode == GenerationMode.POSITIVE:
            raise
    return findings
