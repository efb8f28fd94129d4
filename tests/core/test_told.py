"""T1: what no event tells is refused by the database, on every road, when the transaction ends."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.models import DutyPair, Entity, Role, RoleAssignment, TaxCode, User
from approvals.models import ApprovalPolicy, ApprovalStep, Delegation, PolicyRule
from budgets import trail
from budgets.models import BudgetCell, BudgetWatch, ExchangeRate, FiscalYear, GLAccount
from core import events, told
from core.documents import Document
from core.transactions import atomic
from invoicing.models import Tolerance
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from requisitions.models import Requisition
from tests.factories import NOW, Organisation, approved
from tests.purchase_orders.making import Maker
from vendors.models import CatalogItem, Vendor, VendorContact

Change = Callable[[Organisation], Any]


@pytest.fixture
def world(org: Organisation) -> Organisation:
    """Documents and settings of every guarded kind that the changes below touch."""
    Maker(org).issued(("1", "100"))
    approved(org)
    VendorContact.objects.create(vendor=org.vendor, name="Sales", email="sales@elbe.example")
    Tolerance.objects.create(entity=org.entity, check_name="unit_price", action="exception")
    BudgetWatch.objects.create(cell=BudgetCell.objects.latest("pk"))
    return org


def refused(change: Callable[[], Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        change()
        connection.check_constraints()  # what a commit asks


def accepted(change: Callable[[], Any]) -> None:
    with transaction.atomic():
        change()
        connection.check_constraints()


def _update(model: type[Any], **values: Any) -> Change:
    return lambda org: model._base_manager.filter(pk=_first(model).pk).update(**values)


def _first(model: type[Any]) -> Any:
    return model._base_manager.order_by("pk").first()


# ---- Roads


def _saved(order: PurchaseOrder) -> None:
    order.__dict__["status"] = "closed"
    order.save()


def _bulk(order: PurchaseOrder) -> None:
    order.__dict__["status"] = "closed"
    PurchaseOrder._base_manager.bulk_update([order], ["status"])


def _sql(order: PurchaseOrder) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {PurchaseOrder._meta.db_table} SET status = 'closed'")


ROADS = {
    "save": _saved,
    "update": lambda order: PurchaseOrder._base_manager.update(status="closed"),
    "bulk_update": _bulk,
    "sql": _sql,
}


@pytest.mark.parametrize("road", ROADS)
def test_a_state_changes_by_no_road_untold(world, unvouched, road):
    order = PurchaseOrder.objects.get()
    refused(lambda: ROADS[road](order))
    assert PurchaseOrder.objects.get().status == "issued"


@pytest.mark.parametrize("road", ROADS)
def test_by_every_road_it_changes_with_its_event(world, unvouched, road):
    order = PurchaseOrder.objects.get()

    @atomic
    def tell():
        ROADS[road](order)
        events.publish("order.closed", order, actor=world.bea, at=NOW)

    accepted(tell)
    assert PurchaseOrder.objects.get().status == "closed"


def test_an_event_of_another_document_tells_nothing(world, unvouched):
    def tell():
        with atomic():
            events.publish("vendor.approved", world.vendor, actor=world.vera, at=NOW)
        PurchaseOrder._base_manager.update(status="closed")

    refused(tell)


def test_an_event_that_is_taken_back_tells_nothing(world, unvouched):
    order = PurchaseOrder.objects.get()

    def tell():
        with pytest.raises(RuntimeError), atomic():
            events.publish("order.closed", order, actor=world.bea, at=NOW)
            raise RuntimeError
        PurchaseOrder._base_manager.update(status="closed")

    refused(tell)


def test_what_is_taken_back_needs_no_event(world, unvouched):
    def undone():
        with pytest.raises(RuntimeError), transaction.atomic():
            PurchaseOrder._base_manager.update(status="closed")
            raise RuntimeError

    accepted(undone)


def test_what_says_the_same_as_before_needs_no_event(world, unvouched):
    accepted(lambda: PurchaseOrder._base_manager.update(status="issued"))


# ---- What is held

LIMIT = Decimal(999_999)
CHANGES: dict[str, Change] = {
    "state of a request": _update(Requisition, status="closed"),
    "state of a step": _update(ApprovalStep, status="approved"),
    "state of a vendor": _update(Vendor, status="blocked"),
    "money of an order": _update(PurchaseOrder, total=LIMIT),
    "money of a line": _update(PurchaseOrderLine, unit_price=LIMIT),
    "role given": lambda org: RoleAssignment.objects.create(
        user=org.rita, entity=org.entity, role=Role.CONTROLLER
    ),
    "role changed": _update(RoleAssignment, role=Role.AUDITOR),
    "role taken": lambda org: RoleAssignment.objects.filter(user=org.bea).delete(),
    "limit": _update(User, approval_limit=LIMIT),
    "person back": lambda org: User.objects.filter(pk=org.rita.pk).update(is_active=False),
    "superuser": _update(User, is_superuser=True),
    "manager": lambda org: User.objects.filter(pk=org.rita.pk).update(manager=org.cora),
    "duties": lambda org: DutyPair.objects.all().delete(),
    "setting": _update(Entity, email_decision_limit=LIMIT),
    "tax code": _update(TaxCode, recoverable_percent=1),
    "tolerance": _update(Tolerance, percent=50),
    "tolerance taken": lambda org: Tolerance.objects.all().delete(),
    "vendor": _update(Vendor, name="Another"),
    "contact": _update(VendorContact, email="thief@else.example"),
    "price": _update(CatalogItem, unit_price=LIMIT),
    "delegation": lambda org: Delegation.objects.create(
        entity=org.entity, from_user=org.dora, to_user=org.rita, valid_from=NOW,
        valid_to=NOW + timedelta(days=1), reason="Leave", created_by=org.dora, created_at=NOW,
    ),
    "policy": _update(ApprovalPolicy, priority=99),
    "rule": _update(PolicyRule, conditions={}, name="Nobody"),
    "rule taken": lambda org: PolicyRule.objects.all().delete(),
    "budget": _update(BudgetCell, amount=LIMIT),
    "control": _update(BudgetCell, control="track"),
    "levels": _update(BudgetWatch, levels=[1]),
    "fiscal year": lambda org: FiscalYear.objects.all().update(is_open=False),
    "account": _update(GLAccount, name="Another"),
    "rate": _update(ExchangeRate, rate=LIMIT),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_what_must_be_told_is_refused_untold(world, unvouched, what):
    refused(lambda: CHANGES[what](world))


@pytest.mark.parametrize("what", ["role given", "role taken", "setting", "duties", "tolerance"])
def test_it_passes_with_the_event_of_its_document(world, unvouched, what):
    @atomic
    def tell():
        CHANGES[what](world)
        events.publish("entity.settings_changed", world.entity, actor=world.ada, at=NOW)

    accepted(tell)


def test_a_budget_is_told_by_its_number(world, unvouched):
    cell, other = BudgetCell.objects.order_by("-pk")[:2]

    @atomic
    def tell(of: BudgetCell) -> None:
        trail.told("budget.levels_set", of, actor=world.cora, at=NOW)
        if of == cell:
            CHANGES["levels"](world)

    refused(lambda: (tell(other), CHANGES["levels"](world)))
    accepted(lambda: tell(cell))


def test_every_document_with_a_state_is_held():
    documents = {
        model._meta.db_table
        for model in apps.get_models()
        if issubclass(model, Document) and any(f.name == "status" for f in model._meta.fields)
    }
    assert documents <= set(told.tables())


def test_half_way_through_its_migrations_a_table_is_held_by_the_columns_it_has(world, unvouched):
    table = TaxCode._meta.db_table
    with connection.cursor() as cursor:
        for statement in told.dropping(connection.vendor, table):
            cursor.execute(statement)
        cursor.execute(f"ALTER TABLE {table} RENAME COLUMN name TO called")
        told.install_triggers(sender=apps.get_app_config("accounts"), using="default")
        refused(lambda: cursor.execute(f"UPDATE {table} SET percent = 1"))
        accepted(lambda: cursor.execute(f"UPDATE {table} SET called = 'Another'"))


# ---- Commits


@pytest.fixture
def world_for_good(transactional_db: None, request: Any) -> Iterator[Organisation]:
    yield request.getfixturevalue("world")


def test_a_real_commit_is_refused_and_undone(world_for_good, unvouched):
    with pytest.raises(DatabaseError):
        PurchaseOrder._base_manager.update(status="closed")
    assert PurchaseOrder.objects.get().status == "issued"
    Maker(world_for_good).issued(("1", "10"))  # what tells of itself goes on
    assert PurchaseOrder.objects.filter(status="issued").count() == 2
