"""Approval policies and invoice tolerances of the demo, as data."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import approvals.services
from accounts.models import Entity, User
from approvals.models import ApprovalPolicy, PolicyRequirement, PolicyRule
from invoicing.models import Tolerance
from po_portal.demo.organisation import BRITAIN, GERMANY

ADMINISTRATORS = {GERMANY: "ada", BRITAIN: "nils"}


def _step(*approvers: tuple[str, str], mode: str = "all", **more: Any) -> dict[str, Any]:
    return {
        "mode": mode,
        **more,
        "approvers": [{"kind": kind, "value": value} for kind, value in approvers],
    }


def _when(*conditions: tuple[str, str, Any]) -> dict[str, Any]:
    return {
        "all": [
            {"fact": fact, "operator": operator, "value": value}
            for fact, operator, value in conditions
        ]
    }


MANAGER, CHAIN, OWNER = ("manager", ""), ("manager_chain", ""), ("budget_owner", "")
ON_CALL = ("on_call", "")
SECURITY = ("person", "sven@demo.example")
FINANCE = ("role", "controller")
BOARD = [("person", f"{name}@demo.example") for name in ("cora", "dora", "sven")]

EMERGENCY = (
    *("Emergency", 5),
    [("Decided by whoever is on call", _when(("emergency", "is_true", True)), [_step(ON_CALL)])],
)
RISK = (
    *("Personal data and access of others", 8),
    [
        (
            "Security and legal together",
            {
                "any": [
                    {"fact": fact, "operator": "is_true", "value": True}
                    for fact in ("personal_data", "third_party_access")
                ]
            },
            [
                _step(CHAIN),
                _step(("role", "security"), mode="any", sla_hours="16"),
                _step(("role", "legal"), mode="any", sla_hours="16", with_previous=True),
                _step(OWNER),
            ],
        )
    ],
)
SELF_SERVICE = (
    *("Catalog self-service", 10),
    [
        (
            "Catalog items within the personal limit",
            _when(
                ("catalog_only", "eq", True),
                ("within_delegated_limit", "eq", True),
                ("vendor_status", "eq", "approved"),
                ("budget_state", "eq", "ok"),
            ),
            [],
        )
    ],
)
CLOUD = (
    *("Cloud and software services", 20),
    [
        (
            "From 25 000: security and controlling",
            _when(("service_type", "in", ["saas", "iaas"]), ("amount", "gte", "25000")),
            [_step(CHAIN), _step(SECURITY, FINANCE), _step(OWNER)],
        ),
        (
            "From 1 000: security",
            _when(("service_type", "in", ["saas", "iaas"]), ("amount", "gte", "1000")),
            [_step(CHAIN), _step(SECURITY)],
        ),
    ],
)
STANDARD = (
    *("Standard", 100),
    [
        (
            "Beyond a budget",
            _when(("budget_state", "ne", "ok")),
            [_step(CHAIN), _step(OWNER), _step(FINANCE)],
        ),
        (
            "From 50 000: two of the investment board",
            _when(("tier_amount", "gte", "50000")),
            [_step(CHAIN), _step(OWNER), _step(*BOARD, mode="quorum", quorum=2)],
        ),
        ("From 1 000", _when(("amount", "gte", "1000")), [_step(CHAIN), _step(OWNER)]),
        ("Below 1 000", _when(), [_step(MANAGER)]),
    ],
)
BRITISH = (*STANDARD[:2], [rule for rule in STANDARD[2] if "board" not in rule[0]])
# Whoever is asked beside the controller is somebody who may decide what the controller proposes.
BUDGET_CHANGES = {
    GERMANY: (
        *("Changes of budgets", 100),
        [
            (
                "From 50 000: two of the investment board",
                _when(("amount", "gte", "50000")),
                [_step(*BOARD, mode="quorum", quorum=2)],
            ),
            (
                "Below 50 000: controlling or technology",
                _when(),
                [_step(FINANCE, ("person", "dora@demo.example"), mode="any")],
            ),
        ],
    ),
    BRITAIN: (
        *("Changes of budgets", 100),
        [("All", _when(), [_step(FINANCE, ("person", "nils@demo.example"), mode="any")])],
    ),
}
POLICIES = {
    GERMANY: [EMERGENCY, RISK, SELF_SERVICE, CLOUD, STANDARD],
    BRITAIN: [SELF_SERVICE, BRITISH],
}
REQUIREMENTS = {
    # policy: (reference, when it is asked for)
    "Emergency": [("incident", _when(("emergency", "is_true", True)))],
    "Standard": [
        ("business_case", _when(("amount", "gte", "25000"))),
        (
            "sow",
            _when(("service_type", "eq", "professional_services"), ("amount", "gte", "10000")),
        ),
        ("dpia", _when(("personal_data", "is_true", True))),
        ("change_ticket", _when(("regulated", "is_true", True))),
    ],
}
TOLERANCES = [
    # check, direction, percent, absolute in document currency, beyond it
    ("unit_price", "over", "2", "15.00", "exception"),
    ("line_amount", "over", "2", "15.00", "exception"),
    ("cumulative_amount", "over", "2", "15.00", "exception"),
    ("unit_price", "under", "25", None, "pass"),
    ("quantity_received", "over", "0", "0", "exception"),
    ("charges", "over", None, "25.00", "exception"),
    ("order_total", "over", "2", "250.00", "exception"),
]


def load(*, at: datetime) -> None:
    """Put the policies into force as an administrator, and set the tolerances."""
    for code, policies in POLICIES.items():
        entity = Entity.objects.get(code=code)
        administrator = User.objects.get(email=f"{ADMINISTRATORS[code]}@demo.example")
        for name, priority, rules in policies:
            _policy(entity, name, priority, rules, administrator, at)
        _, priority, rules = policies[-1]
        for subject, title in (("order", "Orders"), ("change_order", "Changes of orders")):
            who = {"administrator": administrator, "at": at, "applies_to": subject}
            _policy(entity, title, priority, rules, **who)
        _policy(entity, *BUDGET_CHANGES[code], administrator, at, applies_to="budget_change")
        for check, direction, percent, absolute, action in TOLERANCES:
            Tolerance.objects.create(
                entity=entity,
                check_name=check,
                direction=direction,
                percent=None if percent is None else Decimal(percent),
                absolute=None if absolute is None else Decimal(absolute),
                action=action,
            )


def _policy(
    entity: Entity,
    name: str,
    priority: int,
    rules: list[tuple[str, dict[str, Any], list[dict[str, Any]]]],
    administrator: User,
    at: datetime,
    applies_to: str = "requisition",
) -> None:
    policy = ApprovalPolicy.objects.create(
        entity=entity, name=name, applies_to=applies_to, priority=priority, created_at=at
    )
    for position, (rule, conditions, steps) in enumerate(rules, 1):
        PolicyRule.objects.create(
            policy=policy, position=position, name=rule, conditions=conditions, steps=steps
        )
    for position, (reference, conditions) in enumerate(REQUIREMENTS.get(name, []), 1):
        PolicyRequirement.objects.create(
            policy=policy, position=position, reference=reference, conditions=conditions
        )
    approvals.services.activate(policy_version=policy, actor=administrator, at=at)
