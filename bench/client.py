"""The other side of `bench.web`: lives over HTTP by a process that knows nothing of the portal.

Reads its job as JSON from standard input, writes the seconds of each life to standard output.
"""

import http.client
import json
import sys
import time
import uuid
from typing import Any

WARM = 2


class Api:
    """One kept-open connection that speaks JSON as one person at a time."""

    def __init__(self, port: int, tokens: dict[str, str]) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.tokens, self.requests = tokens, 0

    def get(self, person: str, path: str) -> Any:
        return self._ask(person, "GET", path, None, {})

    def post(self, person: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
        return self._ask(person, "POST", path, json.dumps(body or {}), headers)

    def _ask(
        self, person: str, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> Any:
        headers = {**headers, "Authorization": f"Bearer {self.tokens[person]}"}
        self.connection.request(method, f"/api/v1/{path}", body, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        self.requests += 1
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:800]!r}")
        return json.loads(data)


def live(api: Api, said: dict[str, Any], *, number: str, day: str) -> None:
    """Requested, approved, ordered, issued, received and billed by six people."""
    wanted = api.post("rita", "requisitions/", said)
    wanted = api.post("rita", f"requisitions/{wanted['id']}/submit/")
    for asked in wanted["approval"]["steps"]:
        person = asked["assignee"]["name"].split()[0].lower()
        for step in api.get(person, "approvals/?mine=true")["results"]:
            api.post(person, f"approvals/{step['id']}/approve/")
    order = api.post("bea", f"requisitions/{wanted['id']}/order/")
    order = api.post("bea", f"orders/{order['id']}/issue/")
    lines = order["lines"]
    api.post(
        "rob",
        "receipts/",
        {
            "order": order["number"],
            "received_at": day,
            "lines": [{"order_line": line["id"], "quantity": line["quantity"]} for line in lines],
        },
    )
    api.post(
        "finn",
        "invoices/",
        {
            "number": number,
            "vendor": order["vendor"],
            "order_reference": order["number"],
            "issue_date": day,
            "lines": [
                {
                    "order_line": line["id"],
                    "description": line["description"],
                    "quantity": line["quantity"],
                    "unit": line["unit"],
                    "unit_price": line["unit_price"],
                    "tax_code": line["tax_code"],
                }
                for line in lines
            ],
        },
    )


def main() -> None:
    job = json.load(sys.stdin)
    api = Api(int(sys.argv[1]), job["tokens"])
    took = []
    for place, said in enumerate(job["purchases"]):
        if place == WARM:
            api.requests = 0
        began = time.perf_counter()
        live(api, said, number=f"{job['run']}-{place}", day=job["day"])
        took.append(time.perf_counter() - began)
    lives = took[WARM:]
    json.dump({"lives": lives, "requests": api.requests // len(lives)}, sys.stdout)


if __name__ == "__main__":
    main()
