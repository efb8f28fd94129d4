"""The demo: everybody named is there, the books hold, and a second load adds nothing."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import transaction

from accounts.models import Control, Entity, User
from administration.models import ChangeRequest
from approvals.models import ApprovalPolicy
from budgets.models import BudgetCell, CostCenter, FiscalYear, GLAccount, Project
from chargeback.models import Allocation, Statement
from core.models import OutboxItem, TrailEvent
from invoicing.models import Invoice, MatchException, Tolerance
from po_portal.demo import organisation
from purchase_orders.models import PurchaseOrder
from requisitions.models import Requisition
from vendors.models import BankAccount, CatalogItem, Contract, Vendor

PEOPLE = [
    *("rita", "axel", "dora", "bea", "rob", "finn"),
    *("fay", "cora", "vera", "olga", "ada", "nils"),
]


def load() -> str:
    out = StringIO()
    call_command("load_demo", without_documents=True, stdout=out)
    return out.getvalue()


@pytest.fixture(scope="module")
def loaded(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """One load for all tests of this file that only look at it; undone afterwards."""
    with django_db_blocker.unblock(), transaction.atomic():
        load()
        yield
        transaction.set_rollback(True)


@pytest.fixture
def demo(loaded: None, db: None) -> None:
    """The loaded demo; what a test changes is undone with the test."""


def test_everybody_named_signs_in_with_the_demo_password(demo):
    for name in PEOPLE:
        assert User.objects.get(email=f"{name}@demo.example").check_password("demo")
    nils = User.objects.get(email="nils@demo.example")
    rita = User.objects.get(email="rita@demo.example")
    assert nils.entity != rita.entity
    assert rita.manager.email == "axel@demo.example"


def test_the_organisation_has_what_it_needs(demo):
    assert {each.currency for each in Entity.objects.all()} == {"EUR", "GBP"}
    german = {"entity__code": "DE01"}
    assert CostCenter.objects.filter(**german, owner__isnull=False).count() == 6
    assert GLAccount.objects.filter(**german).count() == 10
    assert Project.objects.filter(**german).count() == 3
    controls = set(BudgetCell.objects.values_list("control", flat=True))
    assert controls == set(Control.values)
    assert ApprovalPolicy.objects.filter(**german, status="active").count() == 8
    assert Tolerance.objects.filter(**german, check_name="unit_price", percent=2).exists()
    assert Vendor.objects.filter(status="approved").count() >= 10
    assert CatalogItem.objects.count() >= 40


def test_a_month_of_shared_cost_is_charged(demo):
    posted = Allocation.objects.get()
    assert posted.status == Allocation.Status.POSTED
    assert posted.total == sum(line.amount for line in posted.lines.all()) > 0
    assert Statement.objects.count() == 3


def test_this_year_and_the_next_have_budgets(demo):
    this_year = datetime.now(tz=UTC).year
    for year in (this_year, this_year + 1):
        for entity in Entity.objects.all():
            assert FiscalYear.objects.filter(entity=entity, year=year).exists()
            cells = BudgetCell.objects.filter(entity=entity, fiscal_year__year=year)
            assert cells.exists() and all(cell.amount > 0 for cell in cells)


def test_the_recent_past_shows_every_state_people_meet(demo):
    requisitions = Counter(Requisition.objects.values_list("status", flat=True))
    assert set(requisitions) >= {
        *("draft", "submitted", "approved", "partially_ordered", "ordered"),
        *("returned", "rejected", "withdrawn", "cancelled"),
    }
    orders = Counter(PurchaseOrder.objects.values_list("status", flat=True))
    assert set(orders) >= {"issued", "on_hold", "closed", "cancelled"}
    invoices = Counter(Invoice.objects.values_list("status", flat=True))
    assert set(invoices) >= {"cleared", "in_exception", "returned_to_vendor"}
    now = datetime.now(tz=UTC)
    assert all(each.submitted_at < now for each in Requisition.objects.exclude(submitted_at=None))
    numbers = Requisition.objects.filter(entity__code="DE01").exclude(number=None).order_by("id")
    moments = [each.submitted_at for each in numbers]
    assert moments == sorted(moments)


def test_contracts_cover_some_of_it(demo):
    states = dict(Contract.objects.values_list("number", "status"))
    assert sorted(states.values()) == ["active", "active", "draft", "expiring"]
    assert CatalogItem.objects.filter(contract__isnull=False).count() >= 6
    assert PurchaseOrder.objects.filter(contract__isnull=False).exists()
    issued = TrailEvent.objects.filter(type="order.issued")
    assert any("above_contract" in each.data for each in issued)


def test_a_change_of_a_vendor_waits_for_somebody_else(demo):
    change = ChangeRequest.objects.get(kind="vendor")
    assert change.status == "proposed"
    assert change.vendor.order_email == change.before["order_email"]


def test_vendors_are_paid_where_their_invoices_say(demo):
    assert not [each.code for each in Vendor.objects.filter(status="approved", bank_accounts=None)]
    billed = Invoice.objects.exclude(vendor=None).exclude(payee_accounts=[])
    assert billed.filter(status="cleared").count() > 20
    stopped = MatchException.objects.filter(check_name="remit_to")
    assert [each.invoice.number for each in stopped] == ["R-20718"]
    new = BankAccount.objects.exclude(replaces=None).values_list("status", flat=True)
    assert sorted(new) == ["pending", "verified"]


def test_the_books_of_the_demo_hold(demo):
    call_command("verify_books", stdout=StringIO())


def test_what_workers_did_then_is_not_done_again(demo):
    left = set(OutboxItem.objects.filter(done_at=None).values_list("handler", flat=True))
    assert left <= {"notifications.approval_requested", "purchase_orders.render_document"}


def test_a_second_load_adds_nothing(demo):
    before = _counts()
    assert "there already" in load()
    assert _counts() == before


def _counts() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in apps.get_models()}


def test_budgets_rise_with_the_years_in_full_hundreds(demo):
    cell = {"entity__code": "DE01", "cost_center__code": "CC100", "gl_account__code": "6300"}
    amounts = {
        each.fiscal_year.year: each.amount
        for each in BudgetCell.objects.filter(**cell).select_related("fiscal_year")
    }
    assert amounts[2025] == 180_000
    assert amounts[2026] == 187_200
    assert set(amounts) >= set(organisation.fiscal_years(datetime.now(tz=UTC).date()))
