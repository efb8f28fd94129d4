"""Vendors, what they sell, and what was agreed with them."""

from vendors.models.bank import BankAccount, BankAccountQuerySet
from vendors.models.catalog import CatalogItem, CatalogItemQuerySet
from vendors.models.contracts import Contract, ContractPrice, ContractQuerySet
from vendors.models.vendors import (
    MatchType,
    ServiceOwner,
    ServiceType,
    Vendor,
    VendorContact,
    VendorQuerySet,
)

__all__ = [
    "BankAccount",
    "BankAccountQuerySet",
    "CatalogItem",
    "CatalogItemQuerySet",
    "Contract",
    "ContractPrice",
    "ContractQuerySet",
    "MatchType",
    "ServiceOwner",
    "ServiceType",
    "Vendor",
    "VendorContact",
    "VendorQuerySet",
]
