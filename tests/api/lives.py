"""Steps of a purchase over the API, for tests that begin somewhere in its middle."""

from typing import Any

from core import outbox
from tests.api.conftest import signed_in

V1 = "/api/v1"


def post(client: Any, path: str, body: Any = None, *, status: int = 200, **more: Any) -> Any:
    """POST JSON and return the answer's body. Fails on another status than the expected one."""
    answer = client.post(f"{V1}/{path}", body or {}, format="json", **more)
    assert answer.status_code == status, (answer.status_code, answer.content)
    return answer.json()


def get(client: Any, path: str) -> Any:
    answer = client.get(f"{V1}/{path}")
    assert answer.status_code == 200, (answer.status_code, answer.content)
    return answer.json()


def requested(org: Any, *, quantity: str = "10", price: str = "100.00") -> dict[str, Any]:
    """A submitted requisition of rita: one line on CC100 / 6600."""
    rita = signed_in(org.rita)
    line = {
        "description": "Monitor",
        "quantity": quantity,
        "unit_price": price,
        "tax_code": "DE19",
        "distributions": [{"cost_center": "CC100", "gl_account": "6600"}],
    }
    made = post(
        rita,
        "requisitions/",
        {"title": "Monitors", "vendor": "V-1000", "lines": [line]},
        status=201,
    )
    return post(rita, f"requisitions/{made['id']}/submit/")


def approved(org: Any, **figures: str) -> dict[str, Any]:
    """… and everybody who is asked says yes."""
    requisition = requested(org, **figures)
    while requisition["status"] == "submitted":
        person = next(
            each for each in org.people.values() if each.name == requisition["holder_name"]
        )
        client = signed_in(person)
        for step in get(client, "approvals/?mine=true")["results"]:
            post(client, f"approvals/{step['id']}/approve/")
        requisition = get(signed_in(org.rita), f"requisitions/{requisition['id']}/")
    assert requisition["status"] == "approved"
    return requisition


def ordered(org: Any, **figures: str) -> dict[str, Any]:
    """… and bea's draft order."""
    requisition = approved(org, **figures)
    return post(signed_in(org.bea), f"requisitions/{requisition['id']}/order/", status=201)


def issued(org: Any, **figures: str) -> dict[str, Any]:
    """… which is issued."""
    return post(signed_in(org.bea), f"orders/{ordered(org, **figures)['id']}/issue/")


def received(org: Any, order: dict[str, Any], quantity: str, **more: Any) -> dict[str, Any]:
    """A receipt by rob for the first line."""
    line = {"order_line": order["lines"][0]["id"], "quantity": quantity}
    body = {"order": order["number"], "received_at": "2026-03-02", "lines": [line], **more}
    return post(signed_in(org.rob), "receipts/", body, status=201)


def billed(
    org: Any,
    order: dict[str, Any],
    quantity: str,
    price: str = "100.00",
    number: str = "R-1",
    **header: Any,
) -> dict[str, Any]:
    """An invoice captured by finn for the first line, and matched by the worker."""
    line = {
        "order_line": order["lines"][0]["id"],
        "description": "Monitor",
        "quantity": quantity,
        "unit": order["lines"][0]["unit"],
        "unit_price": price,
        "tax_code": "DE19",
    }
    body = {
        "number": number,
        "vendor": "V-1000",
        "order_reference": order["number"],
        "issue_date": "2026-03-02",
        "lines": [line],
        **header,
    }
    finn = signed_in(org.finn)
    invoice = post(finn, "invoices/", body, status=201)
    outbox.drain()
    return get(finn, f"invoices/{invoice['id']}/")
