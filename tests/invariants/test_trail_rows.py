"""Rows T1 to T8 of the trail, a test named after each, and what an auditor tries on a copy (C24).

What else proves them is named in docs/proofs.md.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

import approvals.services
from approvals import links
from approvals.models import ApprovalStep
from core import anchors, append_only, events, trail
from core.errors import NotAllowed
from core.models import TrailEvent, TrailHead
from core.transactions import atomic
from invoicing.models import Invoice
from notifications.models import OutgoingMail
from purchase_orders import services
from purchase_orders.models import PurchaseOrder
from requisitions.models import Requisition
from tests.factories import NOW, Organisation, submitted
from tests.invoicing.billing import Biller, drain
from tests.purchase_orders.making import LATER, Maker

pytestmark = pytest.mark.django_db

Tamper = Callable[..., None]


@pytest.fixture
def life(org: Organisation) -> Invoice:
    """Requested, ordered, received, billed and closed: some twenty events in one chain."""
    maker, biller = Maker(org), Biller(org)
    (draft,) = maker.drafts(maker.requisition(("10", "100")))
    order = maker.issue(draft)
    maker.receive(order, "6")
    invoice = biller.billed(order, ("6", "100"))
    services.close(order=order, actor=org.bea, at=LATER, reason="Enough")
    drain()
    return invoice


def said() -> str:
    """What `verify_books` says of the chain; it must not agree."""
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_books", stdout=out, no_color=True)
    return out.getvalue()


def stream() -> str:
    return TrailHead.objects.get().stream


# ---- T1: every change of state has exactly one event


@pytest.mark.parametrize("model", [Requisition, PurchaseOrder, Invoice])
def test_t1_every_change_of_state_has_exactly_one_event(life: Invoice, model: Any):
    """The history that each save leaves, against the changes that the trail tells."""
    document = model.objects.get()
    states = list(document.history.order_by("history_id").values_list("status", flat=True))
    moves = [(old, new) for old, new in pairwise(states) if old != new]
    told = [
        (change["old"], change["new"])
        for event in TrailEvent.objects.filter(document_id=document.pk).order_by("sequence")
        for change in event.changes
        if change["field"] == "status"
    ]
    assert [new for _, new in moves] == [new for _, new in told]


def test_t1_an_event_and_its_change_come_together_or_not_at_all(org: Organisation):
    before = TrailEvent.objects.count()
    with pytest.raises(RuntimeError), atomic():
        events.publish("vendor.approved", org.vendor, actor=org.vera, at=NOW)
        raise RuntimeError
    assert TrailEvent.objects.count() == before


@pytest.mark.parametrize("statement", ["UPDATE {0} SET id = id", "DELETE FROM {0}"])
def test_t1_what_only_grows_changes_by_no_road(life: Invoice, statement: str):
    """ORM, update(), bulk and raw SQL end in these two verbs; the database refuses both."""
    for table in append_only.tables():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM {table}")
            (rows,) = cursor.fetchone()
            if rows:
                with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
                    cursor.execute(statement.format(table))


# ---- T2: what an event states


def test_t2_an_event_says_who_when_whence_what_and_why(org: Organisation, present: Any):
    client = Client(headers={"x-request-id": "abc-123"})
    client.force_login(org.bea, backend="django.contrib.auth.backends.ModelBackend")
    order = Maker(org).issued(("1", "100"))
    client.post(reverse("purchase_orders:perform", args=[order.pk, "close"]), {"reason": "Enough"})
    event = TrailEvent.objects.get(type="order.closed")
    assert (event.actor, event.channel, event.reason) == (org.bea, "web", "Enough")
    assert event.address and event.request_id
    assert event.at and event.recorded_at and event.document_version
    assert (event.document_type, event.document_id) == ("order", order.pk)
    assert {"field": "status", "old": "issued", "new": "closed"} in event.changes


@pytest.mark.parametrize(
    "column",
    [
        *("stream", "sequence", "type", "at", "recorded_at", "channel", "request_id", "address"),
        *("document_type", "document_id", "document_reference", "document_version", "reason"),
        *("previous_hash", "hash"),
    ],
)
def test_t2_the_database_refuses_an_event_that_does_not_say_it(org: Organisation, column: str):
    with atomic():
        events.publish("vendor.approved", org.vendor, actor=org.vera, at=NOW)
    event = TrailEvent.objects.get()
    event.pk, event.sequence, event._state.adding = trail_id(), 2, True
    setattr(event, column, None)
    with pytest.raises(DatabaseError), transaction.atomic():
        TrailEvent.objects.bulk_create([event])


def trail_id() -> Any:
    return TrailEvent._meta.pk.get_default()


# ---- T3: the chain names the first row that was touched


def middle() -> int:
    return TrailHead.objects.get().sequence // 2


def test_t3_an_edited_row_is_named(life: Invoice, tampered: Tamper):
    place = middle()
    tampered("UPDATE core_trailevent SET reason = 'Another' WHERE sequence = %s", place)
    assert f"trail {stream()} event {place}: was changed after it was written" in said()


def test_t3_a_dropped_row_is_named(life: Invoice, tampered: Tamper):
    place = middle()
    tampered("DELETE FROM core_trailevent WHERE sequence = %s", place)
    assert f"trail {stream()} event {place}: missing; the next row is {place + 1}" in said()


def test_t3_an_inserted_row_is_named(life: Invoice, tampered: Tamper):
    """Room is made, and the forged row continues the one before it with a hash that is right."""
    place, head = middle(), TrailHead.objects.get()
    for sequence in range(head.sequence, place - 1, -1):
        tampered(
            "UPDATE core_trailevent SET sequence = %s WHERE sequence = %s", sequence + 1, sequence
        )
    forged = TrailEvent.objects.get(sequence=place + 1)
    before = TrailEvent.objects.get(sequence=place - 1)
    forged.pk, forged.sequence, forged.reason = trail_id(), place, "Never happened"
    forged.previous_hash, forged.hash = before.hash, trail.digest(forged, before.hash)
    forged._state.adding = True
    forged.save()
    assert f"trail {stream()} event {place + 1}: does not continue the row before it" in said()


def test_t3_swapped_rows_are_named(life: Invoice, tampered: Tamper):
    place = middle()
    for old, new in ((place, 10**6), (place + 1, place), (10**6, place + 1)):
        tampered("UPDATE core_trailevent SET sequence = %s WHERE sequence = %s", new, old)
    assert f"trail {stream()} event {place}: does not continue the row before it" in said()


# ---- T4: the head that left the database


def test_t4_an_older_copy_that_went_on_differently_misses_its_anchor(
    life: Invoice, org: Organisation, tampered: Tamper
):
    """Restored from before, then worked on until the chain is as long: it holds, and is found."""
    anchors.anchor(at=NOW)
    head = TrailHead.objects.get()
    tampered("DELETE FROM core_trailevent WHERE sequence > %s", head.sequence - 2)
    last = TrailEvent.objects.get(sequence=head.sequence - 2)
    tampered("UPDATE core_trailhead SET sequence = %s, hash = %s", last.sequence, last.hash)
    for _ in range(3):
        with atomic():
            events.publish("vendor.approved", org.vendor, actor=org.vera, at=LATER)
    text = said()
    assert "Audit trail              agrees" in text
    assert f"trail {head.stream} had another event {head.sequence}" in text


def test_t4_the_head_leaves_every_hour(life: Invoice, settings: Any):
    for hours in range(3):
        anchors.anchor(at=NOW + timedelta(hours=hours))
    (file,) = Path(settings.ANCHOR_DIR).glob("*.jsonl")
    heads = [json.loads(line)["heads"] for line in file.read_text().splitlines()]
    head = TrailHead.objects.get()
    assert heads == [{head.stream: [head.sequence, head.hash]}] * 3


# ---- T5: tests/core/test_app_role.py tries every verb as the portal's own role


@pytest.mark.postgres
def test_t5_a_role_that_may_alter_what_only_grows_is_named(db: None, settings: Any):
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE careless_role_of_tests")
        cursor.execute("GRANT UPDATE ON budgets_ledgerentry TO careless_role_of_tests")
    settings.APP_DATABASE_ROLE = "careless_role_of_tests"
    assert "table budgets_ledgerentry: the portal's role may alter it" in said()


# ---- T6: what was refused


def test_t6_a_refused_act_is_an_event(org: Organisation):
    """Somebody else's decision; `tests/core/test_refusals.py` has the rest."""
    step = ApprovalStep.objects.get(request__subject_id=submitted(org).pk, status="active")
    before = TrailEvent.objects.count()
    with pytest.raises(NotAllowed):
        approvals.services.decide(step=step, decision="approve", actor=org.finn, at=NOW)
    assert ApprovalStep.objects.get(pk=step.pk).status == "active"
    event = TrailEvent.objects.order_by("sequence").last()
    assert TrailEvent.objects.count() == before + 1
    assert event.type.endswith("refused")
    assert (event.actor, event.data["why"]) == (org.finn, "not-allowed")


# ---- T7: no secret in the trail


def test_t7_no_token_and_no_password_is_in_any_event_or_kept_mail(org: Organisation):
    step = ApprovalStep.objects.get(request__subject_id=submitted(org).pk, status="active")
    raw = links.issue(step=step, at=NOW)
    links.decide_by_link(token=links.find(raw), decision="approve", signed_in=None, at=NOW)
    drain()
    written = [
        *(str(row) for row in TrailEvent.objects.values_list("changes", "data", "reason")),
        *(str(row) for row in OutgoingMail.objects.values_list("error")),
    ]
    assert written
    secrets = (raw, org.axel.password, "pbkdf2_", "md5$")
    assert not [row for row in written for secret in secrets if secret in row]


# ---- T8: kept, and personal data taken out without breaking the chain


def test_t8_a_person_without_name_and_mail_leaves_the_chain_whole(life: Invoice, org: Organisation):
    """Events name people by key: what is forgotten of a person was never in the hash."""
    anchors.anchor(at=NOW)
    for person in org.people.values():
        person.name, person.email = "Former colleague", f"{person.pk}@gone.invalid"
        person.save()
    assert list(trail.verify_all()) == [] and list(anchors.verify()) == []
    text = json.dumps(list(TrailEvent.objects.values_list("changes", "data")), default=str)
    assert "@demo.example" not in text


def test_t8_nothing_is_purged(life: Invoice):
    """There is no road by which an event goes: kept for as long as the database is (ADR 36)."""
    with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
        TrailEvent.objects.all()._raw_delete(TrailEvent.objects.db)
