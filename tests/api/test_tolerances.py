"""Tolerances over the API: read, tried on what waits, and changed as settings are."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from administration.models import ChangeRequest
from approvals.models import ApprovalStep
from core.models import TrailEvent
from tests.api.conftest import Client
from tests.api.lives import get, post
from tests.api.test_problems import problem
from tests.invoicing.billing import Biller
from tests.purchase_orders.making import Maker

pytestmark = pytest.mark.django_db


def test_one_is_proposed_tried_agreed_and_read(org: Any, api: Client) -> None:
    today = org.entity.day_of(timezone.now())
    make, bills = Maker(org), Biller(org)
    bills.tolerance("line_amount", percent=1, vendor=org.vendor)
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    waits = bills.billed(order, ("10", "10.15"))
    after = {
        "check": "line_amount",
        "vendor": org.vendor.code,
        "percent": "2.5",
        "absolute": "15.00",
        "valid_from": today.isoformat(),
    }
    before = TrailEvent.objects.count()
    tried = post(api(org.fay), "tolerances/simulate/", {"after": after})
    assert ([each["invoice"] for each in tried["results"]], tried["looked_at"]) == (
        [str(waits.pk)],
        1,
    )
    assert tried["results"][0]["gross"] == "120.79"
    assert TrailEvent.objects.count() == before
    said = {"kind": "tolerance", "after": after, "reason": "Freight is dearer"}
    made = post(api(org.fay), "setting-changes/", said, status=201)
    assert made["before"]["percent"] == "1"
    step = ApprovalStep.objects.get(request__subject_id=made["id"])
    post(api(org.cora), f"approvals/{step.pk}/approve/", {"comment": "Agreed"})
    (row,) = get(api(org.olga), f"tolerances/?valid_on={today}")["results"]
    assert {name: row[name] for name in ("percent", "absolute", "valid_from", "valid_to")} == {
        "percent": "2.5", "absolute": "15", "valid_from": today.isoformat(), "valid_to": None,
    }  # fmt: skip
    assert row["sentence"].startswith("The amount of a line may be 2.5 % or 15.00 over, whichever")
    yesterday = today - timedelta(days=1)
    (old,) = get(api(org.ada), f"tolerances/?valid_on={yesterday}")["results"]
    assert (old["percent"], old["valid_to"]) == ("1", yesterday.isoformat())
    history = get(api(org.fay), f"tolerances/{row['id']}/history/")["results"]
    assert [(each["action"], each["actor"]["name"]) for each in history] == [
        ("proposed", "Fay Winter"),
        ("applied", "Cora Neumann"),
    ]
    assert not get(api(org.finn), "tolerances/")["results"]


def test_what_is_refused_says_so_at_its_field(org: Any, api: Client) -> None:
    today = org.entity.day_of(timezone.now()).isoformat()
    after = {"check": "tax", "percent": "2", "valid_from": today}
    for given, pointer in (
        ({"percent": "-1"}, "/percent"),
        ({"percent": "101"}, "/percent"),
        ({"currency": "USD"}, "/currency"),
        ({"valid_from": "2020-01-01"}, "/valid_from"),
    ):
        said = {"after": {**after, **given}}
        for path, more in (
            ("tolerances/simulate/", {}),
            ("setting-changes/", {"kind": "tolerance", "reason": "Why"}),
        ):
            answer = api(org.fay).post(f"/api/v1/{path}", {**said, **more}, format="json")
            (error,) = problem(answer, 422, "invalid")["errors"]
            assert error["pointer"] == pointer
    said = {"kind": "tolerance", "after": after, "reason": "Why"}
    problem(api(org.ada).post("/api/v1/setting-changes/", said, format="json"), 403, "not-allowed")
    answer = api(org.finn).post("/api/v1/tolerances/simulate/", {"after": after}, format="json")
    problem(answer, 403, "not-allowed")
    assert not ChangeRequest.objects.exists()
