"""Every page with the person who uses it, on demo documents in states that look different."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

import purchase_orders.services
from accounts.models import User
from administration.models import ChangeRequest
from approvals import links
from approvals.models import ApprovalStep
from budgets.models import BudgetCell, LedgerEntry
from invoicing.models import Invoice, Tolerance
from purchase_orders.models import PurchaseOrder, Receipt
from requisitions.models import Requisition
from tests.pages import signed_in
from vendors.models import Vendor


@dataclass(frozen=True)
class Opened:
    """A page as somebody opens it; nobody's name means not signed in."""

    name: str
    who: str
    path: str
    status: int = 200


def all_pages(at: datetime) -> list[Opened]:
    """Every page of the portal on the demo organisation, which must be loaded and drained."""
    return [*_looking(), *_setting_up(), *_buying(at), *_paying(), *_without_sign_in(at)]


def _looking() -> list[Opened]:
    # the cell of an entry that was spent has all three stages
    spent = LedgerEntry.objects.filter(stage="ACT", entity__code="DE01").order_by("pk").first()
    center = BudgetCell.objects.get(pk=spent.cell_id).cost_center.code
    vendor = Vendor.objects.filter(entity__code="DE01", status="approved").order_by("pk").first()
    account = vendor.bank_accounts.get()
    report, entries = reverse("reports:commitments"), reverse("reports:entries")
    return [
        Opened("home-requester", "rita", "/"),
        Opened("home-budget-owner", "dora", "/"),
        Opened("home-buyer", "bea", "/"),
        Opened("home-clerk", "finn", "/"),
        Opened("search", "bea", "/search/?q=notebooks"),
        Opened("search-nothing", "rita", "/search/?q=zeppelin"),
        Opened("budgets", "dora", reverse("budgets:list")),
        Opened("budgets-of-one", "dora", f"{reverse('budgets:list')}?cost_center={center}"),
        Opened("budget", "cora", reverse("budgets:detail", args=[spent.cell_id])),
        Opened("commitments", "cora", report),
        Opened("commitments-of-one", "cora", f"{report}?cost_center={center}&group_by=gl_account"),
        Opened("commitments-by-month", "olga", f"{report}?group_by=period"),
        Opened("entries", "cora", entries),
        Opened("entries-budget", "cora", f"{entries}?stage=BUD"),
        Opened("entries-accrued", "cora", f"{entries}?stage=RNI"),
        Opened("vendors", "vera", reverse("vendors:list")),
        Opened("vendor", "vera", reverse("vendors:detail", args=[vendor.pk])),
        Opened(
            "bank-account", "vera", reverse("vendors:bank_account", args=[vendor.pk, account.pk])
        ),
        Opened("bank-account-new", "vera", reverse("vendors:bank_new", args=[vendor.pk])),
        Opened("catalog", "rita", reverse("vendors:catalog")),
        Opened("audit", "olga", reverse("core:audit")),
        Opened("mail", "ada", reverse("notifications:mail")),
    ]


def _setting_up() -> list[Opened]:
    axel = User.objects.get(email="axel@demo.example")
    change = ChangeRequest.objects.filter(status="proposed").order_by("-pk").first()
    person = reverse("administration:person", args=[axel.pk])
    tolerance = Tolerance.objects.filter(entity=axel.entity_id).earliest("pk")
    return [
        Opened("administration", "ada", reverse("administration:start")),
        Opened("people", "ada", reverse("administration:people")),
        Opened("person", "ada", person),
        Opened("person-new", "ada", reverse("administration:add")),
        *(
            Opened(f"propose-{kind}", "ada", f"{person}propose/{kind}/")
            for kind in ("roles", "limits", "manager", "mitigation")
        ),
        Opened("changes", "ada", reverse("administration:changes")),
        Opened("change", "ada", reverse("administration:change", args=[change.pk])),
        Opened("settings", "ada", reverse("administration:settings")),
        Opened("tolerances", "olga", reverse("administration:tolerances")),
        Opened("tolerance", "fay", reverse("administration:tolerance", args=[tolerance.pk])),
        Opened("duties", "ada", reverse("administration:segregation")),
        Opened("segregation", "olga", reverse("reports:segregation")),
        Opened("emergencies", "olga", reverse("reports:emergencies")),
        Opened("bottlenecks", "olga", reverse("reports:bottlenecks")),
    ]


def _buying(at: datetime) -> list[Opened]:
    found = Requisition.objects.filter(entity__code="DE01").order_by("-pk")
    draft, asked = found.filter(status="draft").first(), found.filter(status="submitted").first()
    approved = found.filter(status="approved").first()
    receipt = Receipt.objects.filter(entity__code="DE01").order_by("-pk").first()
    bea = User.objects.get(email="bea@demo.example")
    drafted = purchase_orders.services.create_from_requisition(
        requisition=approved, actor=bea, at=at
    )[0]
    of = _at("requisitions:detail")
    order = _at("purchase_orders:detail")
    orders = PurchaseOrder.objects.filter(entity__code="DE01").order_by("pk")
    closed = orders.filter(status="closed").first()
    billed = orders.filter(status="issued", lines__billed_amount__gt=0, lines__line_number=2).last()
    return [
        Opened("requisitions", "rita", reverse("requisitions:list")),
        Opened("requisition-new", "rita", reverse("requisitions:create")),
        Opened("requisition-draft", draft.requester.email.split("@")[0], of(draft)),
        Opened("requisition-edit", draft.requester.email.split("@")[0], _edit(draft)),
        Opened("requisition-asked", asked.requester.email.split("@")[0], of(asked)),
        Opened("requisition-approved", "bea", of(approved)),
        Opened("approvals", "dora", reverse("approvals:inbox")),
        Opened("orders", "bea", reverse("purchase_orders:list")),
        Opened("order-draft", "bea", order(drafted)),
        Opened("order-edit", "bea", reverse("purchase_orders:edit", args=[drafted.pk])),
        Opened("order-issued", "bea", order(receipt.order)),
        Opened("order-part-billed", "bea", order(billed)),
        Opened("order-closed", "cora", order(closed)),
        Opened("order-import", "bea", reverse("purchase_orders:import")),
        Opened("receive", "rob", reverse("purchase_orders:receive")),
        Opened("receive-order", "rob", _at("purchase_orders:receive_order")(receipt.order)),
        Opened("receipt", "rob", _at("purchase_orders:receipt")(receipt)),
    ]


def _paying() -> list[Opened]:
    found = Invoice.objects.filter(entity__code="DE01").order_by("-pk")
    invoice = _at("invoicing:detail")
    return [
        Opened("invoices", "finn", reverse("invoicing:list")),
        Opened("invoice-cleared", "finn", invoice(found.filter(status="cleared").first())),
        Opened("invoice-stopped", "finn", invoice(found.filter(status="in_exception").first())),
        Opened("invoice-new", "finn", reverse("invoicing:create")),
        Opened("invoice-upload", "finn", reverse("invoicing:upload")),
        Opened("exceptions", "fay", reverse("invoicing:exceptions")),
    ]


def _without_sign_in(at: datetime) -> list[Opened]:
    step = (
        ApprovalStep.objects.filter(status="active", entity__code="DE01")
        .order_by("request__amount")
        .first()
    )
    link = reverse("approvals:link", args=[links.issue(step=step, at=at)])
    return [
        Opened("decide-by-mail", "", link),
        Opened("decide-signed-in", step.assignee.email.split("@")[0], link),
        Opened("sign-in", "", reverse("account_login")),
        Opened("forgotten-password", "", reverse("account_reset_password")),
        Opened("forgotten-password-sent", "", reverse("account_reset_password_done")),
        Opened("security", "rita", reverse("security")),
        Opened("change-password", "rita", reverse("account_change_password")),
        Opened("unknown", "", "/no/such/page/", 404),
        Opened("forbidden", "rita", reverse("core:audit"), 403),
    ]


def session_of(person: User, url: str) -> Any:
    """The cookie of somebody who has signed in."""
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": signed_in(person).cookies[name].value, "url": url}


def _at(name: str) -> Callable[[Any], str]:
    return lambda document: reverse(name, args=[document.pk])


def _edit(requisition: Requisition) -> str:
    return reverse("requisitions:edit", args=[requisition.pk])
