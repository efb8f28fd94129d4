"""Two entities with people, coding, budgets and exchange rates, always around the present year."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

from django.contrib.auth.hashers import make_password

import budgets.services
from accounts.models import Control, Entity, Role, RoleAssignment, TaxCode, User
from budgets.models import CostCenter, ExchangeRate, FiscalYear, GLAccount, Project
from core import events
from core.transactions import atomic

PASSWORD = "demo"  # noqa: S105 - the demo says so itself
GERMANY, BRITAIN = "DE01", "UK01"
BASE_YEAR = 2025

ENTITIES = {
    GERMANY: {
        "name": "Nordlicht Systems GmbH",
        "currency": "EUR",
        "country": "DE",
        "subdivision": "HH",
        "time_zone": "Europe/Berlin",
        "address": "Am Sandtorkai 48\n20457 Hamburg\nGermany",
        "tax_id": "DE288411900",
        "registration": "Amtsgericht Hamburg, HRB 148 207",
        "purchasing_email": "purchasing@demo.example",
        "email_decision_limit": Decimal(5_000),
        "purchase_terms": (
            "Please confirm this order within two working days and quote its number on every "
            "delivery note and invoice. Invoices without our order number are returned. Our "
            "general terms of purchase apply; other terms do not become part of the contract."
        ),
    },
    BRITAIN: {
        "name": "Nordlicht UK Ltd",
        "currency": "GBP",
        "country": "GB",
        "subdivision": "ENG",
        "time_zone": "Europe/London",
        "address": "22 Canal Wharf\nLeeds LS11 5PS\nUnited Kingdom",
        "tax_id": "GB673209924",
        "registration": "Companies House 09 417 226",
        "purchasing_email": "purchasing.uk@demo.example",
        "email_decision_limit": Decimal(5_000),
        "purchase_terms": (
            "Please confirm this order within two working days and quote its number on every "
            "delivery note and invoice. Our terms of purchase apply."
        ),
    },
}
REQUESTS, APPROVES, OWNS = Role.REQUESTER, Role.APPROVER, Role.BUDGET_OWNER
PEOPLE = {
    # first name: (surname, job, entity, roles, manager, approval, delegated order, variance limit)
    "cora": (
        *("Neumann", "Head of controlling", GERMANY),
        *([Role.CONTROLLER], None, 1_000_000, 0, 0),
    ),
    "dora": (
        *("Lindqvist", "Director of technology", GERMANY),
        *([REQUESTS, APPROVES, OWNS], None, 100_000, 0, 0),
    ),
    "axel": (
        *("Brandt", "Head of platform engineering", GERMANY),
        *([REQUESTS, APPROVES], "dora", 10_000, 2_500, 0),
    ),
    "sven": (
        *("Aydin", "Information security officer", GERMANY),
        *([REQUESTS, APPROVES, OWNS, Role.SECURITY], "dora", 25_000, 1_000, 0),
    ),
    "sigrid": ("Falk", "Security architect", GERMANY, [Role.SECURITY], "sven", None, 0, 0),
    "lena": ("Vogt", "Legal counsel", GERMANY, [Role.LEGAL], "cora", None, 0, 0),
    "rita": ("Sommer", "Platform engineer", GERMANY, [REQUESTS], "axel", None, 1_000, 0),
    "bea": ("Hoffmann", "Buyer", GERMANY, [REQUESTS, Role.BUYER], "dora", None, 1_000, 0),
    "rob": ("Jansen", "Logistics", GERMANY, [REQUESTS, Role.RECEIVER], "axel", None, 250, 0),
    "fay": (
        "Winter",
        "Head of accounts payable",
        GERMANY,
        [Role.AP_MANAGER],
        "cora",
        None,
        0,
        5_000,
    ),
    "finn": ("Petersen", "Accounts payable", GERMANY, [Role.AP_CLERK], "fay", None, 0, 100),
    "vera": ("Kaya", "Vendor manager", GERMANY, [Role.VENDOR_MANAGER], "dora", None, 0, 0),
    "olga": ("Marin", "Internal auditor", GERMANY, [Role.AUDITOR], "cora", None, 0, 0),
    "ada": ("Okafor", "Portal administrator", GERMANY, [Role.ADMINISTRATOR], "dora", None, 0, 0),
    "gwen": (
        *("Pritchard", "Managing director", BRITAIN),
        *([APPROVES, OWNS, Role.CONTROLLER, Role.VENDOR_MANAGER, Role.AP_MANAGER],),
        *(None, 250_000, 0, 1_000),
    ),
    "nils": (
        *("Hughes", "IT lead", BRITAIN),
        *([REQUESTS, APPROVES, Role.BUYER, Role.RECEIVER, Role.ADMINISTRATOR], "gwen"),
        *(5_000, 500, 0),
    ),
}
FALLBACK = {GERMANY: "cora", BRITAIN: "gwen"}
EMERGENCIES = {GERMANY: ("sven", Decimal(10_000))}  # who decides them, and up to what
TAX_CODES = {
    GERMANY: {
        "DE19": ("VAT 19 %", "S", 19),
        "DE7": ("VAT 7 %", "S", 7),
        "RC": ("Reverse charge", "AE", 0),
        "DE0": ("Zero rated", "Z", 0),
    },
    BRITAIN: {"UK20": ("VAT 20 %", "S", 20), "UK0": ("Zero rated", "Z", 0)},
}
COST_CENTERS = {
    GERMANY: {
        "CC100": ("IT operations", "dora"),
        "CC200": ("Platform engineering", "dora"),
        "CC300": ("Information security", "sven"),
        "CC400": ("Workplace services", "dora"),
        "CC500": ("Data and analytics", "dora"),
        "CC600": ("Finance and administration", "cora"),
    },
    BRITAIN: {"UK100": ("IT United Kingdom", "gwen"), "UK200": ("Office Leeds", "gwen")},
}
GL_ACCOUNTS = {
    "6300": ("Cloud infrastructure", GLAccount.Kind.OPEX),
    "6310": ("Software subscriptions", GLAccount.Kind.OPEX),
    "6320": ("Software maintenance", GLAccount.Kind.OPEX),
    "6400": ("Professional services", GLAccount.Kind.OPEX),
    "6410": ("Training and certification", GLAccount.Kind.OPEX),
    "6500": ("Connectivity", GLAccount.Kind.OPEX),
    "6600": ("Small hardware and supplies", GLAccount.Kind.OPEX),
    "6700": ("Managed security services", GLAccount.Kind.OPEX),
    "0135": ("Software licences", GLAccount.Kind.CAPEX),
    "0650": ("IT equipment", GLAccount.Kind.CAPEX),
}
PROJECTS = {
    "ATLAS": "Cloud migration",
    "HELIOS": "Analytics platform",
    "KOMPASS": "Workplace without perimeter",
}
STOP, WARN, TRACK = Control.STOP, Control.WARN, Control.TRACK
BUDGETS = {
    # (cost centre, account, project, amount of 2025 in base currency, control)
    GERMANY: [
        ("CC100", "6300", None, 180_000, STOP),
        ("CC100", "6320", None, 48_000, STOP),
        ("CC100", "6500", None, 60_000, STOP),
        ("CC100", "6600", None, 20_000, WARN),
        ("CC100", "0650", None, 120_000, STOP),
        ("CC200", "6300", None, 240_000, STOP),
        ("CC200", "6300", "ATLAS", 80_000, STOP),
        ("CC200", "6310", None, 90_000, WARN),
        ("CC200", "6400", None, 150_000, STOP),
        ("CC200", "6400", "ATLAS", 60_000, STOP),
        ("CC200", "6410", None, 24_000, TRACK),
        ("CC200", "6600", None, 15_000, WARN),
        ("CC300", "6310", None, 35_000, STOP),
        ("CC300", "6400", None, 40_000, WARN),
        ("CC300", "6400", "KOMPASS", 45_000, STOP),
        ("CC300", "6700", None, 110_000, STOP),
        ("CC400", "6310", None, 60_000, STOP),
        ("CC400", "6600", None, 45_000, WARN),
        ("CC400", "0650", None, 90_000, STOP),
        ("CC500", "6300", None, 70_000, TRACK),
        ("CC500", "6310", None, 120_000, STOP),
        ("CC500", "6400", "HELIOS", 100_000, STOP),
        ("CC500", "0135", None, 50_000, STOP),
        ("CC600", "6310", None, 25_000, TRACK),
        ("CC600", "6400", None, 30_000, WARN),
        ("CC600", "6410", None, 18_000, TRACK),
    ],
    BRITAIN: [
        ("UK100", "6300", None, 40_000, STOP),
        ("UK100", "6310", None, 20_000, WARN),
        ("UK100", "6600", None, 12_000, STOP),
        ("UK200", "6600", None, 6_000, TRACK),
    ],
}
GROWTH_PER_YEAR = Decimal("0.04")
RATES = {
    # base currency for one unit, before the small monthly movement
    "EUR": {
        "USD": "0.9210",
        "GBP": "1.1640",
        "CHF": "1.0520",
        "DKK": "0.1340",
        "SEK": "0.0884",
        "PLN": "0.2342",
        "JPY": "0.0061",
    },
    "GBP": {"EUR": "0.8590", "USD": "0.7910"},
}


def fiscal_years(today: date) -> list[int]:
    """2025 and 2026, and in any case last year, this year and the next."""
    return sorted({2025, 2026, today.year - 1, today.year, today.year + 1})


@atomic
def load(*, today: date) -> None:
    """Build both entities. Figures depend on nothing but `today`'s year and month."""
    at = datetime.combine(date(fiscal_years(today)[0], 1, 1), time(8), UTC)
    entities = {code: Entity.objects.create(code=code, **ENTITIES[code]) for code in ENTITIES}
    people = _people(entities)
    for code, entity in entities.items():
        entity.fallback_approver = people[FALLBACK[code]]
        if code in EMERGENCIES:
            on_call, entity.emergency_cap = EMERGENCIES[code]
            entity.on_call_approver = people[on_call]
        entity.save()
        _master_data(entity, people, today)
        _rates(entity, today)
        _budgets(entity, today, at)
        events.publish("entity.set_up", entity, actor=None, at=at)


def _people(entities: dict[str, Entity]) -> dict[str, User]:
    password = make_password(PASSWORD)
    people: dict[str, User] = {}
    for first_name, facts in PEOPLE.items():
        surname, job, entity, roles, manager, approval, delegated, variance = facts
        user = User.objects.create(
            email=f"{first_name}@demo.example",
            name=f"{first_name.title()} {surname}",
            password=password,
            job_title=job,
            entity=entities[entity],
            manager=people[manager] if manager else None,
            approval_limit=approval,
            delegated_order_limit=delegated,
            variance_limit=variance,
        )
        for role in roles:
            RoleAssignment.objects.create(user=user, entity=user.entity, role=role)
        people[first_name] = user
    return people


def _master_data(entity: Entity, people: dict[str, User], today: date) -> None:
    FiscalYear.objects.bulk_create(
        FiscalYear(entity=entity, year=year, starts_on=date(year, 1, 1), ends_on=date(year, 12, 31))
        for year in fiscal_years(today)
    )
    TaxCode.objects.bulk_create(
        TaxCode(entity=entity, code=code, name=name, category=category, percent=percent)
        for code, (name, category, percent) in TAX_CODES[entity.code].items()
    )
    CostCenter.objects.bulk_create(
        CostCenter(entity=entity, code=code, name=name, owner=people[owner])
        for code, (name, owner) in COST_CENTERS[entity.code].items()
    )
    GLAccount.objects.bulk_create(
        GLAccount(entity=entity, code=code, name=name, kind=kind)
        for code, (name, kind) in GL_ACCOUNTS.items()
    )
    Project.objects.bulk_create(
        Project(entity=entity, code=code, name=name) for code, name in PROJECTS.items()
    )


def _rates(entity: Entity, today: date) -> None:
    """One rate at the beginning of each month, moving within a percent around its middle."""
    months = [
        date(year, month, 1)
        for year in range(fiscal_years(today)[0] - 1, today.year + 1)
        for month in range(1, 13)
        if date(year, month, 1) <= today
    ]
    ExchangeRate.objects.bulk_create(
        ExchangeRate(
            currency=currency,
            base=entity.currency,
            day=day,
            rate=round(Decimal(middle) * (1 + _movement(day, shift)), 6),
            source="Demo monthly rates",
        )
        for shift, (currency, middle) in enumerate(RATES[entity.currency].items())
        for day in months
    )


def _movement(day: date, shift: int) -> Decimal:
    return Decimal((day.month * 7 + day.year * 3 + shift * 5) % 9 - 4) / 400


def _budgets(entity: Entity, today: date, at: datetime) -> None:
    """Set for each year by the controller; four per cent more each year, in full hundreds."""
    coding = {
        model: {each.code: each for each in model.objects.filter(entity=entity)}
        for model in (CostCenter, GLAccount, Project)
    }
    for year in fiscal_years(today):
        growth = 1 + GROWTH_PER_YEAR * (year - BASE_YEAR)
        for center, account, project, amount, control in BUDGETS[entity.code]:
            budgets.services.set_budget(
                entity=entity,
                fiscal_year=year,
                cost_center=coding[CostCenter][center],
                gl_account=coding[GLAccount][account],
                project=coding[Project][project] if project else None,
                amount=amount * growth // 100 * 100,
                control=control,
                actor=entity.fallback_approver,
                at=at,
                reason=f"Budget {year} as approved by the board",
            )
