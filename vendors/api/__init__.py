"""Vendors, their catalog and their contracts over the API."""

from vendors.api.bank import BankAccountViewSet
from vendors.api.contracts import ContractViewSet
from vendors.api.vendors import CatalogItemViewSet, VendorViewSet

__all__ = ["BankAccountViewSet", "CatalogItemViewSet", "ContractViewSet", "VendorViewSet"]
