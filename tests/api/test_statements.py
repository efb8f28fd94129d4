"""How many statements a call sends: the same for ten lines and for forty."""

import re
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.conftest import signed_in
from tests.api.lives import get, post
from tests.factories import Organisation

pytestmark = pytest.mark.django_db
INTO = re.compile(r'INSERT INTO "(\w+)"')


def _count(queries: CaptureQueriesContext) -> int:
    """Statements sent; rows that go into one table in a row count once, however they are parted.

    SQLite takes only so many parameters at a time.
    """
    told = [each["sql"] for each in queries.captured_queries]
    tables = [found[1] if (found := INTO.match(sql)) else "" for sql in told]
    return sum(not table or table != before for before, table in pairwise(["", *tables]))


class Counted:
    """A client whose calls are counted by name."""

    def __init__(self) -> None:
        self.sent: dict[str, int] = {}

    def post(self, user: Any, name: str, path: str, body: Any = None, status: int = 200) -> Any:
        client = signed_in(user)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = post(client, path, body, status=status, HTTP_IDEMPOTENCY_KEY=uuid4().hex)
        self.sent[name] = _count(queries)
        return answer

    def get(self, user: Any, name: str, path: str) -> Any:
        client = signed_in(user)
        with CaptureQueriesContext(connection) as queries:
            answer = get(client, path)
        self.sent[name] = _count(queries)
        return answer


def _lived(org: Organisation, lines: int) -> dict[str, int]:
    """The calls of a purchase of so many lines, each by whose duty it is."""
    people, api = org.people, Counted()
    line = {
        "description": "Monitor",
        "quantity": "1",
        "unit_price": "10.00",
        "tax_code": "DE19",
        "distributions": [{"cost_center": "CC100", "gl_account": "6600"}],
    }
    said = {"title": f"{lines} monitors", "vendor": "V-1000", "lines": [line] * lines}
    wanted = api.post(people["rita"], "create", "requisitions/", said, 201)
    wanted = api.post(people["rita"], "submit", f"requisitions/{wanted['id']}/submit/")
    while wanted["status"] == "submitted":
        holder = next(each for each in people.values() if each.name == wanted["holder_name"])
        for step in api.get(holder, "inbox", "approvals/?mine=true")["results"]:
            api.post(holder, f"approve {holder.name}", f"approvals/{step['id']}/approve/")
        wanted = api.get(people["rita"], "requisition", f"requisitions/{wanted['id']}/")
    order = api.post(people["bea"], "order", f"requisitions/{wanted['id']}/order/", None, 201)
    order = api.post(people["bea"], "issue", f"orders/{order['id']}/issue/")
    came = [{"order_line": each["id"], "quantity": each["quantity"]} for each in order["lines"]]
    api.post(people["rob"], "receive", "receipts/", {"order": order["number"], "lines": came}, 201)
    billed = [
        {**each, "unit_price": "10.00", "tax_code": "DE19", "description": "Monitor"}
        for each in came
    ]
    invoice = {
        "number": f"R-{lines}",
        "vendor": "V-1000",
        "order_reference": order["number"],
        "issue_date": "2026-03-02",
        "lines": billed,
    }
    api.post(people["finn"], "bill", "invoices/", invoice, 201)
    for name, path in (("orders", "orders/"), ("requisitions", "requisitions/")):
        api.get(people["bea"], name, path)
    api.get(people["bea"], "one order", f"orders/{order['id']}/")
    return api.sent


def test_no_call_of_a_purchase_sends_more_statements_for_more_lines(org: Organisation) -> None:
    _lived(org, 2)  # what is made once: heads of chains, numbers, sums
    few, many = _lived(org, 10), _lived(org, 40)
    assert many == few
    assert {"create", "submit", "order", "issue", "receive", "bill"} <= few.keys()


def test_the_calls_of_a_purchase_stay_cheap(org: Organisation) -> None:
    """Statements of a call, by what it may send at most; savepoints counted."""
    _lived(org, 2)
    sent = _lived(org, 10)
    most = {
        "create": 28, "submit": 56, "inbox": 8, "requisition": 10, "order": 38, "issue": 58,
        "receive": 38, "bill": 42, "one order": 10,
    }  # fmt: skip
    assert {name: sent[name] for name in most if sent[name] > most[name]} == {}
