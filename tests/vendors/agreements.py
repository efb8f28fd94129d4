"""Contracts to test with: what is said, and contracts in any state."""

from datetime import date
from decimal import Decimal
from typing import Any

from tests.factories import NOW, Organisation
from vendors.inputs import ContractInput, PriceInput
from vendors.models import Contract, ContractPrice

WORKS = {"valid_from": date(2026, 1, 1), "valid_to": date(2026, 12, 31), "currency": "EUR"}


def said(org: Organisation, **changes: Any) -> ContractInput:
    """A frame agreement of 2026 with a price list for notebooks and hours."""
    given: dict[str, Any] = {
        **WORKS,
        "vendor": org.vendor,
        "number": "MSA-7",
        "title": "Hardware frame",
        "notice_days": 90,
        "spend_cap": Decimal(50_000),
        "sla_terms": ["Delivery within 5 working days"],
        "prices": [
            PriceInput("NB-14", Decimal("1180.00"), "C62"),
            PriceInput("CONS-HR", Decimal("120.00")),
        ],
    }
    return ContractInput(**{**given, **changes})


def contract(
    org: Organisation,
    number: str = "MSA-1",
    status: str = "active",
    prices: dict[str, str] | None = None,
    **fields: Any,
) -> Contract:
    """A contract as stored, drafted by bea; `prices` by article number."""
    given: dict[str, Any] = {**WORKS, "vendor": org.vendor, "title": "Frame", **fields}
    live = status in ("active", "expiring", "expired")
    made = Contract.objects.create(
        entity=given["vendor"].entity,
        number=number,
        status=status,
        drafted_by=given.pop("drafted_by", org.bea),
        activated_at=NOW if live else None,
        activated_by=org.vera if live else None,
        ended_at=NOW if status in ("expired", "terminated") else None,
        created_at=NOW,
        **given,
    )
    ContractPrice.objects.bulk_create(
        ContractPrice(contract=made, sku=sku, unit_price=Decimal(price))
        for sku, price in (prices or {}).items()
    )
    return made
