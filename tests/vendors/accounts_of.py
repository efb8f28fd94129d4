"""Bank accounts of vendors for tests."""

from datetime import datetime
from typing import Any

from tests.factories import NOW
from vendors.inputs import BankInput
from vendors.models import BankAccount, Vendor
from vendors.services import bank

OLD = "DE89370400440532013000"
NEW = "DE02120300000000202051"
OTHER = "DE02500105170137075030"
ALL = (OLD, NEW, OTHER)


def wanted(number: str = NEW, **fields: Any) -> BankInput:
    return BankInput(**{"holder": "Elbe IT Handel GmbH", "number": number, **fields})


def known(vendor: Vendor, number: str = OLD, *, at: datetime = NOW) -> BankAccount:
    """An account that the portal took over: it counts from then on."""
    return bank.take_over(vendor=vendor, data=wanted(number), at=at, note="As in the old system")
