"""A small organisation to test with: two entities, everybody's persona, coding, budgets, a catalog.

Rows are written directly, so that these stand below every service under test. Both entities use
the same codes on purpose: a query that forgets the entity finds the wrong row.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.hashers import make_password

import approvals.services
import requisitions.services
from accounts import duties
from accounts.models import Control, DutyPair, Entity, Role, RoleAssignment, TaxCode, User
from approvals.models import ApprovalPolicy, ApprovalStep, PolicyRule
from budgets.amounts import counts_from
from budgets.models import (
    BudgetAdjustment,
    BudgetCell,
    CostCenter,
    ExchangeRate,
    FiscalYear,
    GLAccount,
    Project,
)
from requisitions.inputs import DistributionInput, LineInput, RequisitionInput
from requisitions.models import Requisition
from vendors.models import CatalogItem, ServiceType, Vendor, VendorContact

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
TODAY = NOW.date()
PASSWORD = "demo"
MANY = Decimal(1_000_000)

PEOPLE = {
    # name: (surname, roles, manager, approval, delegated order and variance limit)
    "cora": ("Neumann", [Role.CONTROLLER], None, MANY, 0, 0),
    "dora": ("Lindqvist", [Role.REQUESTER, Role.APPROVER, Role.BUDGET_OWNER], None, 50_000, 0, 0),
    "axel": ("Brandt", [Role.REQUESTER, Role.APPROVER], "dora", 5_000, 0, 0),
    "sven": ("Aydin", [Role.APPROVER, Role.BUDGET_OWNER], "dora", 10_000, 0, 0),
    "rita": ("Sommer", [Role.REQUESTER], "axel", None, 500, 0),
    "bea": ("Hoffmann", [Role.REQUESTER, Role.BUYER], "dora", None, 0, 0),
    "rob": ("Jansen", [Role.RECEIVER], "axel", None, 0, 0),
    "fay": ("Winter", [Role.AP_MANAGER], "cora", None, 0, 5_000),
    "finn": ("Petersen", [Role.AP_CLERK], "fay", None, 0, 100),
    "vera": ("Kaya", [Role.VENDOR_MANAGER], "dora", None, 0, 0),
    "olga": ("Marin", [Role.AUDITOR], "cora", None, 0, 0),
    "ada": ("Okafor", [Role.ADMINISTRATOR], "dora", None, 0, 0),
}
COST_CENTERS = {
    "CC100": ("IT operations", "dora"),
    "CC200": ("Engineering", "dora"),
    "CC300": ("Information security", "sven"),
    "CC400": ("Workplace", "dora"),
    "CC500": ("Data platform", "sven"),
    "CC600": ("Finance and administration", "cora"),
}
GL_ACCOUNTS = {
    "6300": ("Cloud infrastructure", GLAccount.Kind.OPEX),
    "6310": ("Software subscriptions", GLAccount.Kind.OPEX),
    "6400": ("Professional services", GLAccount.Kind.OPEX),
    "6600": ("Small hardware", GLAccount.Kind.OPEX),
    "0650": ("IT equipment", GLAccount.Kind.CAPEX),
}
PROJECTS = {"ATLAS": "Cloud migration", "HELIOS": "Analytics platform"}
CELLS = [
    # cost centre, account, project, amount, control
    ("CC100", "6300", None, 100_000, Control.STOP),
    ("CC100", "6600", None, 100_000, Control.STOP),
    ("CC100", "0650", None, 100_000, Control.STOP),
    ("CC200", "6310", None, 5_000, Control.WARN),
    ("CC300", "6400", None, 1_000, Control.TRACK),
    ("CC400", "6600", None, 500, Control.STOP),
    ("CC500", "6400", "ATLAS", 50_000, Control.STOP),
]
RATES = {
    "EUR": {"USD": "0.90", "GBP": "1.15", "CHF": "1.05", "JPY": "0.006", "KWD": "3.00"},
    "GBP": {"EUR": "0.87", "USD": "0.79"},
}
TAX_CODES = {
    # code: (name, EN 16931 category, percent, recoverable percent)
    "DE19": ("VAT 19 %", "S", 19, 100),
    "DE7": ("VAT 7 %", "S", 7, 100),
    "DE19N": ("VAT 19 %, not recoverable", "S", 19, 0),
    "RC": ("Reverse charge", "AE", 0, 100),
    "DE0": ("Zero rated", "Z", 0, 100),
}
ITEMS = {
    # sku: (name, unit, price, service type, tax code, account)
    "NB-14": ("Notebook 14 inch", "C62", "1180.00", ServiceType.HARDWARE, "DE19", "6600"),
    "DOCK": ("USB-C dock", "C62", "149.90", ServiceType.HARDWARE, "DE19", "6600"),
    "CONS-HR": ("Consultant hour", "HUR", "125.00", ServiceType.SERVICES, "DE19", "6400"),
    "VM-M": ("Virtual machine M", "MON", "86.40", ServiceType.IAAS, "DE19", "6300"),
}


@dataclass(frozen=True)
class Organisation:
    """What `organisation()` built; coding and items of DE01 by code, people by first name."""

    entity: Entity
    uk: Entity
    people: dict[str, User]
    cost_centers: dict[str, CostCenter]
    gl_accounts: dict[str, GLAccount]
    projects: dict[str, Project]
    cells: dict[tuple[str, str, str | None], BudgetCell]
    vendor: Vendor
    other_vendor: Vendor
    prospect: Vendor
    items: dict[str, CatalogItem]
    policies: dict[str, ApprovalPolicy]
    uk_cost_center: CostCenter
    uk_gl_account: GLAccount
    uk_project: Project
    uk_cell: BudgetCell
    uk_vendor: Vendor
    uk_item: CatalogItem

    def __getattr__(self, name: str) -> Any:
        """People by first name: `org.rita`."""
        try:
            return self.__dict__["people"][name]
        except KeyError:
            raise AttributeError(name) from None

    def cell(self, cost_center: str, gl_account: str, project: str | None = None) -> BudgetCell:
        """The cell as it stands in the database now."""
        return BudgetCell.objects.get(pk=self.cells[cost_center, gl_account, project].pk)


def organisation() -> Organisation:
    """Nordlicht Systems GmbH (DE01, EUR) with all personas, and Nordlicht UK Ltd (UK01) with nils.

    In DE01 sven decides emergencies up to 10 000; UK01 knows none.
    Cells of 2026: CC100 on 6300, 6600 and 0650 stop at 100 000; CC200/6310 warns at 5 000;
    CC300/6400 tracks 1 000; CC400/6600 stops at 500; CC500/6400/ATLAS stops at 50 000.
    """
    entity = _entity("DE01", "Nordlicht Systems GmbH", "EUR", "DE", "Europe/Berlin")
    uk = _entity("UK01", "Nordlicht UK Ltd", "GBP", "GB", "Europe/London")
    people = _people(entity)
    people["nils"] = person(
        "nils", entity=uk, surname="Hughes", roles=list(Role), approval_limit=MANY
    )
    entity.fallback_approver, uk.fallback_approver = people["cora"], people["nils"]
    entity.on_call_approver, entity.emergency_cap = people["sven"], Decimal(10_000)
    Entity.objects.bulk_update(
        [entity, uk], ["fallback_approver", "on_call_approver", "emergency_cap"]
    )
    duty_pairs(entity)
    for each in (entity, uk):
        _fiscal_years(each)
        _rates(each)
    _tax_codes(entity, TAX_CODES)
    _tax_codes(uk, {"UK20": ("VAT 20 %", "S", 20, 100)})
    coding = _coding(entity, people)
    vendor = approved_vendor(entity, "V-1000", "Elbe IT Handel GmbH")
    abroad = _coding_abroad(uk, people["nils"])
    return Organisation(
        entity=entity,
        uk=uk,
        people=people,
        vendor=vendor,
        other_vendor=approved_vendor(entity, "V-2000", "Alster Consulting GmbH"),
        prospect=_vendor(entity, "V-3000", "Neuling GmbH", Vendor.Status.PROSPECT),
        items={sku: _item(vendor, sku, *fields) for sku, fields in ITEMS.items()},
        policies=_policies(entity, people) | {"uk": _standard_policy(uk)},
        **coding,
        **abroad,
    )


def duty_pairs(entity: Entity) -> None:
    """What an entity keeps apart unless it says otherwise. UK01 is one man, and says so."""
    DutyPair.objects.bulk_create(
        DutyPair(entity=entity, first=first, second=second, at_grant=at_grant)
        for first, second, at_grant in duties.default_pairs()
    )


def person(
    first_name: str,
    *,
    entity: Entity,
    roles: list[str],
    surname: str = "Person",
    manager: User | None = None,
    approval_limit: Decimal | int | None = None,
    delegated_order_limit: Decimal | int = 0,
    variance_limit: Decimal | int = 0,
) -> User:
    user = User.objects.create(
        email=f"{first_name}@demo.example",
        name=f"{first_name.title()} {surname}",
        password=_PASSWORD_HASH,
        entity=entity,
        manager=manager,
        approval_limit=None if approval_limit is None else Decimal(approval_limit),
        delegated_order_limit=Decimal(delegated_order_limit),
        variance_limit=Decimal(variance_limit),
    )
    RoleAssignment.objects.bulk_create(
        [RoleAssignment(user=user, entity=entity, role=role) for role in roles]
    )
    return user


_PASSWORD_HASH = make_password(PASSWORD, hasher="md5")


def approved_vendor(entity: Entity, code: str, name: str) -> Vendor:
    return _vendor(entity, code, name, Vendor.Status.APPROVED)


def budget_cell(
    entity: Entity,
    cost_center: CostCenter,
    gl_account: GLAccount,
    project: Project | None = None,
    *,
    amount: Decimal | int,
    control: str = Control.STOP,
    year: int = 2026,
) -> BudgetCell:
    """A cell of the whole year with the adjustment that its amount is the sum of."""
    cell = BudgetCell.objects.create(
        entity=entity,
        fiscal_year=FiscalYear.objects.get(entity=entity, year=year),
        cost_center=cost_center,
        gl_account=gl_account,
        project=project,
        amount=Decimal(amount),
        control=control,
    )
    BudgetAdjustment.objects.create(
        cell=cell,
        amount=Decimal(amount),
        control=control,
        reason="Annual budget",
        actor=None,
        effective_on=counts_from(cell, NOW),
        recorded_at=NOW,
    )
    return cell


def _entity(code: str, name: str, currency: str, country: str, zone: str) -> Entity:
    return Entity.objects.create(
        code=code,
        name=name,
        currency=currency,
        country=country,
        subdivision="HH" if country == "DE" else "",
        time_zone=zone,
        address="Speicherstraße 12\n20457 Hamburg" if country == "DE" else "1 Quay\nLeeds LS1 4BR",
        purchasing_email=f"purchasing.{code.lower()}@demo.example",
        email_decision_limit=Decimal(25_000),
    )


def _people(entity: Entity) -> dict[str, User]:
    people: dict[str, User] = {}
    for name, (surname, roles, manager, approval, delegated, variance) in PEOPLE.items():
        people[name] = person(
            name,
            entity=entity,
            surname=surname,
            roles=roles,
            manager=people.get(manager),
            approval_limit=approval,
            delegated_order_limit=delegated,
            variance_limit=variance,
        )
    return people


def _fiscal_years(entity: Entity) -> None:
    FiscalYear.objects.bulk_create(
        FiscalYear(entity=entity, year=year, starts_on=date(year, 1, 1), ends_on=date(year, 12, 31))
        for year in (2025, 2026, 2027)
    )


def _rates(entity: Entity) -> None:
    ExchangeRate.objects.bulk_create(
        ExchangeRate(
            currency=currency,
            base=entity.currency,
            day=date(2026, 1, 1),
            rate=Decimal(rate),
            source="ECB",
        )
        for currency, rate in RATES[entity.currency].items()
    )


def _tax_codes(entity: Entity, codes: dict[str, tuple[str, str, int, int]]) -> None:
    TaxCode.objects.bulk_create(
        TaxCode(
            entity=entity,
            code=code,
            name=name,
            category=category,
            percent=Decimal(percent),
            recoverable_percent=Decimal(recoverable),
        )
        for code, (name, category, percent, recoverable) in codes.items()
    )


def _coding(entity: Entity, people: dict[str, User]) -> dict[str, Any]:
    centers = {
        code: CostCenter.objects.create(entity=entity, code=code, name=name, owner=people[owner])
        for code, (name, owner) in COST_CENTERS.items()
    }
    accounts = {
        code: GLAccount.objects.create(entity=entity, code=code, name=name, kind=kind)
        for code, (name, kind) in GL_ACCOUNTS.items()
    }
    projects = {
        code: Project.objects.create(entity=entity, code=code, name=name)
        for code, name in PROJECTS.items()
    }
    cells = {
        (center, account, project): budget_cell(
            entity,
            centers[center],
            accounts[account],
            projects.get(project),
            amount=amount,
            control=control,
        )
        for center, account, project, amount, control in CELLS
    }
    return {
        "cost_centers": centers,
        "gl_accounts": accounts,
        "projects": projects,
        "cells": cells,
    }


def _coding_abroad(entity: Entity, owner: User) -> dict[str, Any]:
    center = CostCenter.objects.create(entity=entity, code="CC100", name="IT", owner=owner)
    account = GLAccount.objects.create(entity=entity, code="6600", name="Small hardware")
    vendor = approved_vendor(entity, "V-1000", "Humber Supplies Ltd")
    return {
        "uk_cost_center": center,
        "uk_gl_account": account,
        "uk_project": Project.objects.create(entity=entity, code="ATLAS", name="Cloud migration"),
        "uk_cell": budget_cell(entity, center, account, amount=20_000),
        "uk_vendor": vendor,
        "uk_item": _item(
            vendor, "NB-14", "Notebook 14 inch", "C62", "990.00", "hardware", "UK20", "6600"
        ),
    }


def _vendor(entity: Entity, code: str, name: str, status: str) -> Vendor:
    vendor = Vendor.objects.create(
        entity=entity,
        code=code,
        name=name,
        status=status,
        country=entity.country,
        currency=entity.currency,
        address="Hafenstraße 3\n20457 Hamburg" if entity.country == "DE" else "2 Dock\nHull HU1",
        order_email=f"orders.{code.lower()}.{entity.code.lower()}@vendors.example",
        created_at=NOW,
    )
    VendorContact.objects.create(
        vendor=vendor, name="Order desk", email=vendor.order_email, role="Orders"
    )
    return vendor


def _item(
    vendor: Vendor,
    sku: str,
    name: str,
    unit: str,
    price: str,
    service_type: str,
    tax_code: str,
    account: str,
) -> CatalogItem:
    return CatalogItem.objects.create(
        vendor=vendor,
        sku=sku,
        name=name,
        category=ServiceType(service_type).label,
        service_type=service_type,
        unit=unit,
        unit_price=Decimal(price),
        currency=vendor.currency,
        tax_code=tax_code,
        gl_account_code=account,
    )


def policy(
    entity: Entity,
    name: str,
    rules: list[tuple[str, dict[str, Any], list[dict[str, Any]]]],
    *,
    priority: int = 100,
    applies_to: str = "requisition",
) -> ApprovalPolicy:
    """An active policy; a rule is (name, conditions, steps)."""
    made = ApprovalPolicy.objects.create(
        entity=entity,
        name=name,
        applies_to=applies_to,
        priority=priority,
        status=ApprovalPolicy.Status.ACTIVE,
        created_at=NOW,
    )
    PolicyRule.objects.bulk_create(
        PolicyRule(policy=made, position=position, name=rule, conditions=conditions, steps=steps)
        for position, (rule, conditions, steps) in enumerate(rules, 1)
    )
    return made


def step(*kinds: str | tuple[str, str], mode: str = "all") -> dict[str, Any]:
    """A step of a rule: `step("manager_chain")`, `step(("person", "sven@demo.example"))`."""
    pairs = [(kind, "") if isinstance(kind, str) else kind for kind in kinds]
    return {"mode": mode, "approvers": [{"kind": kind, "value": value} for kind, value in pairs]}


def _standard_policy(entity: Entity) -> ApprovalPolicy:
    return policy(
        entity,
        "Standard",
        [
            (
                "From 1 000",
                {"all": [{"fact": "amount", "operator": "gte", "value": "1000"}]},
                [step("manager_chain"), step("budget_owner")],
            ),
            ("Small", {"all": []}, [step("manager")]),
        ],
    )


def _policies(entity: Entity, people: dict[str, User]) -> dict[str, ApprovalPolicy]:
    cloud = {
        "all": [
            {"fact": "service_type", "operator": "in", "value": ["saas", "iaas"]},
            {"fact": "amount", "operator": "gte", "value": "1000"},
        ]
    }
    self_service = {
        "all": [
            {"fact": "catalog_only", "operator": "eq", "value": True},
            {"fact": "within_delegated_limit", "operator": "eq", "value": True},
            {"fact": "budget_state", "operator": "eq", "value": "ok"},
        ]
    }
    security = step(("person", people["sven"].email))
    emergency = {"all": [{"fact": "emergency", "operator": "is_true", "value": True}]}
    return {
        "emergency": policy(
            entity, "Emergency", [("On call", emergency, [step("on_call")])], priority=5
        ),
        "self_service": policy(
            entity, "Catalog self-service", [("Catalog", self_service, [])], priority=10
        ),
        "cloud": policy(
            entity,
            "Cloud and SaaS",
            [("Security review", cloud, [step("manager_chain"), security])],
            priority=20,
        ),
        "standard": _standard_policy(entity),
    }


def coded(
    org: Organisation,
    cost_center: str = "CC100",
    gl_account: str = "6600",
    project: str | None = None,
    percent: Decimal | int | str = 100,
) -> DistributionInput:
    """A part of a line by its codes in DE01."""
    return DistributionInput(
        cost_center=org.cost_centers[cost_center],
        gl_account=org.gl_accounts[gl_account],
        project=org.projects[project] if project else None,
        percent=Decimal(percent),
    )


def line_input(
    org: Organisation, quantity: Decimal | int | str = 10, price: str = "10.00", **fields: Any
) -> LineInput:
    """A free-text line, by default 10 × 10.00 paid by CC100 · 6600."""
    given = {
        "description": "Patch cable",
        "tax_code": "DE19",
        "distributions": [coded(org)],
        **fields,
    }
    return LineInput(quantity=Decimal(quantity), unit_price=Decimal(price), **given)


def item_input(
    org: Organisation, sku: str, quantity: Decimal | int | str = 1, **fields: Any
) -> LineInput:
    """A line of a catalog item, coded to CC100 and the item's account."""
    item = org.items[sku]
    given = {"distributions": [coded(org, "CC100", item.gl_account_code)], **fields}
    return LineInput(catalog_item=item, quantity=Decimal(quantity), **given)


def requisition_input(org: Organisation, *lines: LineInput, **fields: Any) -> RequisitionInput:
    """A request to `org.vendor` in EUR, by default one line of 10 × 10.00."""
    given = {"title": "Cables", "currency": "EUR", "vendor": org.vendor, **fields}
    return RequisitionInput(lines=list(lines) or [line_input(org)], **given)


def draft(org: Organisation, *lines: LineInput, at: datetime = NOW, **fields: Any) -> Requisition:
    """Rita's draft."""
    data = requisition_input(org, *lines, **fields)
    return requisitions.services.create(requester=org.rita, data=data, at=at)


def submitted(
    org: Organisation, *lines: LineInput, at: datetime = NOW, **fields: Any
) -> Requisition:
    """Rita's request, waiting for its approvers."""
    made = draft(org, *lines, at=at, **fields)
    return requisitions.services.submit(requisition=made, actor=org.rita, at=at)


def approved(
    org: Organisation, *lines: LineInput, at: datetime = NOW, **fields: Any
) -> Requisition:
    """Rita's request, agreed to by everybody who was asked; its budget is reserved."""
    made = submitted(org, *lines, at=at, **fields)
    decide_all(made, at=at)
    return made


def decide_all(requisition: Requisition, decision: str = "approve", *, at: datetime = NOW) -> None:
    """Everybody whose turn it is decides alike, until nobody is left to ask."""
    waiting = ApprovalStep.objects.filter(
        request__subject_id=requisition.pk, status=ApprovalStep.Status.ACTIVE
    )
    while step := waiting.select_related("assignee").order_by("group", "id").first():
        approvals.services.decide(
            step=step, decision=decision, actor=step.assignee, at=at, comment="As agreed."
        )
    requisition.refresh_from_db()
