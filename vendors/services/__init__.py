"""The verbs of vendors and of what is agreed with them."""

from vendors.services import bank, contracts
from vendors.services.master_data import (
    TwoPeopleNeeded,
    approve,
    block,
    create,
    edit,
    reinstate,
    reject,
    submit,
    suspend,
)
from vendors.services.owners import service_owner_errors, set_service_owners

__all__ = [
    "TwoPeopleNeeded",
    "approve",
    "bank",
    "block",
    "contracts",
    "create",
    "edit",
    "reinstate",
    "reject",
    "service_owner_errors",
    "set_service_owners",
    "submit",
    "suspend",
]
