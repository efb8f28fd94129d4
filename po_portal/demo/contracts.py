"""Contracts with some of the vendors: one in its notice period, and a draft that waits."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import vendors.catalog
from accounts.models import Entity, User
from po_portal.demo.catalog import CATALOG
from po_portal.demo.organisation import GERMANY
from vendors.inputs import ContractInput, PriceInput
from vendors.models import Vendor
from vendors.services import contracts

DRAFT = "MSA-1004"
# number: (vendor, title, days left, notice, cap, what was promised, prices by SKU)
CONTRACTS: dict[str, tuple[str, str, int | None, int, int | None, list[str], dict[str, str]]] = {
    "MSA-1001": (
        *("V-1001", "Workplace hardware, frame agreement", 60, 90, 250_000),
        [
            "Delivery within 5 working days",
            "On-site replacement on the next working day",
            "Old devices are taken back at no charge",
        ],
        {
            "NB-P14-32": "1649.00",
            "NB-L13-16": "1129.00",
            "MON-27-4K": "375.00",
            "DOCK-UC4": "179.90",
            "HS-BT-PRO": "142.50",
            "SSD-NVME-4T": "612.00",
        },
    ),
    "MSA-1002": (
        *("V-1002", "Cloud infrastructure, master agreement", 420, 180, 600_000),
        [
            "99.9 % availability a month, 10 % credit below",
            "Answer within 15 minutes to incidents of priority 1",
            "Data stays in Germany",
        ],
        {},
    ),
    "MSA-1003": (
        *("V-1003", "Consulting, master agreement", None, 30, None),
        ["Named consultants are replaced only with our consent", "Time sheets by the 3rd"],
        {"CONS-SR-H": "148.00", "CONS-D": "980.00", "ARCH-D": "1240.00"},
    ),
    DRAFT: (
        *("V-1004", "Software licences, frame agreement", 700, 90, 80_000),
        ["Licences are counted once a year, not audited"],
        {"COLLAB-BUS": "11.20", "WIKI-ENT": "92.00", "DESIGN-PRO": "355.00"},
    ),
}


def load(*, at: datetime, now: datetime) -> None:
    """Drafted by the vendor manager, put into force by legal, and looked at as every night."""
    entity = Entity.objects.get(code=GERMANY)
    people = {
        name: User.objects.get(email=f"{name}@demo.example", entity=entity)
        for name in ("vera", "lena")
    }
    for number in CONTRACTS:
        drafted = at if number != DRAFT else now - timedelta(days=1, hours=3)
        data = _said(entity, number, starts=at.date(), today=now.date())
        made = contracts.draft(entity=entity, data=data, actor=people["vera"], at=drafted)
        if number == DRAFT:
            continue
        contracts.activate(contract=made, actor=people["lena"], at=at + timedelta(hours=2))
        _bind(entity, data, number, actor=people["vera"], at=at)
    contracts.watch_ends(at=now)


def _said(entity: Entity, number: str, *, starts: date, today: date) -> ContractInput:
    code, title, days_left, notice, cap, terms, prices = CONTRACTS[number]
    vendor = Vendor.objects.get(entity=entity, code=code)
    return ContractInput(
        vendor=vendor,
        number=number,
        title=title,
        valid_from=starts if number != DRAFT else today,
        valid_to=None if days_left is None else today + timedelta(days=days_left),
        notice_days=notice,
        currency=vendor.currency,
        spend_cap=None if cap is None else Decimal(cap),
        sla_terms=terms,
        prices=[PriceInput(sku, Decimal(price)) for sku, price in prices.items()],
    )


def _bind(entity: Entity, data: ContractInput, number: str, *, actor: Any, at: datetime) -> None:
    """Say in the catalog which items are sold under it, as the vendor's price file would."""
    assert data.vendor is not None
    skus = {each.sku for each in data.prices}
    header, *rows = CATALOG.read_text(encoding="utf-8").splitlines()
    sold = [
        f"{row},{number}"
        for row in rows
        if row.split(",")[0] == data.vendor.code and row.split(",")[1] in skus
    ]
    if sold:
        content = "\n".join([f"{header},contract", *sold])
        vendors.catalog.import_catalog(entity=entity, data=content.encode(), actor=actor, at=at)
