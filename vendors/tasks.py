"""Work of vendors that the clock asks for. It may be done more than once."""

from datetime import datetime, timedelta

from core import periodic
from vendors.services import bank, contracts


@periodic.job("vendors.watch_contracts", every=timedelta(days=1))
def watch_contracts(at: datetime) -> None:
    """Note which contracts near their end, and which have reached it."""
    contracts.watch_ends(at=at)


@periodic.job("vendors.retire_bank_accounts", every=timedelta(hours=1))
def retire_bank_accounts(at: datetime) -> None:
    """Note which bank accounts are out of use, since another one counts in their place."""
    bank.retire_replaced(at=at)
