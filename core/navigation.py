"""The side navigation as data: one row per entry, who sees it, and what waits behind it.

Apps above put a number on an entry with `count("approvals:inbox", function)` in
`AppConfig.ready()`; the function takes the user and answers how many things wait for that person.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse

EVERYONE: frozenset[str] = frozenset()
BUYING = frozenset({"requester", "approver", "buyer", "administrator"})
MONEY = frozenset({"budget_owner", "controller", "auditor", "administrator"})
CONTRACTS = frozenset({"buyer", "vendor_manager", "ap_clerk", "ap_manager", "legal", "finance"})
REPORTS = MONEY | {"buyer", "ap_manager"}
OVERSIGHT = frozenset({"controller", "auditor", "administrator"})


@dataclass(frozen=True)
class Entry:
    """A line of the navigation. No roles = everybody who is signed in."""

    label: str
    icon: str
    url_name: str
    roles: frozenset[str] = EVERYONE
    demo_only: bool = False


@dataclass(frozen=True)
class Group:
    title: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Link:
    """An entry as one person sees it on one page."""

    label: str
    icon: str
    url: str
    is_current: bool
    count: int = 0


@dataclass(frozen=True)
class Section:
    title: str
    links: list[Link] = field(default_factory=list)


MENU = (
    Group(
        "",
        (
            Entry("Home", "home", "home"),
            Entry(
                "Approvals",
                "clipboard-check",
                "approvals:inbox",
                frozenset({"approver", "budget_owner", "controller", "ap_manager", "buyer"})
                | {"security", "legal", "finance"},
            ),
        ),
    ),
    Group(
        "Buying",
        (
            Entry("Requisitions", "file-text", "requisitions:list"),
            Entry(
                "Orders",
                "shopping-cart",
                "purchase_orders:list",
                BUYING
                | {"receiver", "ap_clerk", "ap_manager", "vendor_manager"}
                | {"budget_owner", "controller", "auditor"},
            ),
            Entry(
                "Release proposals",
                "clipboard-check",
                "purchase_orders:proposals",
                frozenset({"buyer", "controller", "auditor"}),
            ),
            Entry(
                "Receive",
                "truck-delivery",
                "purchase_orders:receive",
                frozenset({"receiver", "buyer"}),
            ),
        ),
    ),
    Group(
        "Invoices",
        (
            Entry(
                "Invoices",
                "receipt",
                "invoicing:list",
                frozenset({"ap_clerk", "ap_manager", "buyer", "controller", "auditor"}),
            ),
            Entry(
                "Exceptions",
                "alert-triangle",
                "invoicing:exceptions",
                frozenset({"ap_clerk", "ap_manager", "buyer", "auditor"}),
            ),
            Entry(
                "Tolerances",
                "adjustments",
                "administration:tolerances",
                OVERSIGHT | {"ap_manager"},
            ),
        ),
    ),
    Group(
        "Money",
        (
            Entry("Budgets", "wallet", "budgets:list", MONEY | {"buyer", "approver"}),
            Entry("Budget changes", "arrows-split", "budgeting:changes", MONEY),
            Entry(
                "Outside actuals", "books", "budgeting:journals", MONEY | {"buyer", "ap_manager"}
            ),
            Entry("Year ends", "calendar", "budgeting:year_ends", MONEY),
            Entry("Statements", "receipt", "chargeback:statements", MONEY | {"approver"}),
            Entry(
                "Commitments",
                "chart-bar",
                "reports:commitments",
                REPORTS,
            ),
            Entry("Budget variance", "coin", "reports:variance", REPORTS),
            Entry("Forecast", "calendar", "reports:forecast", REPORTS),
            Entry("Received, not invoiced", "package", "reports:accruals", REPORTS),
            Entry("Open orders by age", "clock", "reports:aging", REPORTS),
            Entry("Reports by mail", "mail", "reports:scheduled", REPORTS),
        ),
    ),
    Group(
        "Master data",
        (
            Entry(
                "Vendors",
                "building-store",
                "vendors:list",
                frozenset({"buyer", "vendor_manager", "ap_clerk", "ap_manager", "controller"})
                | {"auditor", "administrator"},
            ),
            Entry("Contracts", "list-details", "vendors:contracts", CONTRACTS | OVERSIGHT),
            Entry("Catalog", "books", "vendors:catalog"),
        ),
    ),
    Group(
        "Oversight",
        (
            Entry(
                "Policies",
                "adjustments",
                "approvals:policies",
                frozenset({"auditor", "controller", "administrator"}),
            ),
            Entry(
                "Audit trail",
                "history",
                "core:audit",
                frozenset({"auditor", "controller", "administrator"}),
            ),
            Entry("Segregation of duties", "shield-check", "reports:segregation", OVERSIGHT),
            Entry("Emergencies", "bolt", "reports:emergencies", OVERSIGHT),
            Entry("Where approvals wait", "clock", "reports:bottlenecks", OVERSIGHT),
            Entry("Demo mail", "mail", "notifications:mail", demo_only=True),
        ),
    ),
    Group(
        "Administration",
        (
            Entry("Overview", "adjustments", "administration:start", OVERSIGHT),
            Entry("People", "users", "administration:people", OVERSIGHT),
            Entry("Duties kept apart", "arrows-split", "administration:segregation", OVERSIGHT),
            Entry("Changes", "git-compare", "administration:changes", OVERSIGHT),
            Entry("Settings", "settings", "administration:settings", frozenset({"administrator"})),
        ),
    ),
)

_counts: dict[str, Callable[[Any], int]] = {}


def count(url_name: str, function: Callable[[Any], int]) -> None:
    """Show `function(user)` beside the entry of that URL name whenever it is above zero."""
    _counts[url_name] = function


def address(url_name: str) -> str:
    """The path of a URL name, or nothing where this installation does not serve that page."""
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""


def sections(*, user: Any, path: str) -> list[Section]:
    """The navigation of one person; of the entries leading to `path` the longest is current."""
    entries = [
        (group, entry, address(entry.url_name))
        for group in MENU
        for entry in group.entries
        if _is_for(entry, user)
    ]
    current = max(
        (url for _, _, url in entries if url and _leads_to(url, path)), key=len, default=None
    )
    found: dict[str, Section] = {}
    for group, entry, url in entries:
        if not url:
            continue
        waiting = _counts.get(entry.url_name)
        link = Link(
            label=entry.label,
            icon=entry.icon,
            url=url,
            is_current=url == current,
            count=waiting(user) if waiting else 0,
        )
        found.setdefault(group.title, Section(group.title)).links.append(link)
    return list(found.values())


def _leads_to(url: str, path: str) -> bool:
    return path == url or (url != "/" and path.startswith(url))


def _is_for(entry: Entry, user: Any) -> bool:
    if entry.demo_only and not getattr(settings, "PORTAL_DEMO", False):
        return False
    return not entry.roles or user.has_role(*entry.roles)
