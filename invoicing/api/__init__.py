"""Invoices and their exceptions over the API."""

from invoicing.api.exceptions import MatchExceptionViewSet
from invoicing.api.invoices import InvoiceViewSet

__all__ = ["InvoiceViewSet", "MatchExceptionViewSet"]
