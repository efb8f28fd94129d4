"""Vendor invoices, what matching found, and the exceptions people resolve."""

from invoicing.models.invoices import Invoice, InvoiceCharge, InvoiceLine, InvoiceTax
from invoicing.models.matching import MatchException, MatchRun
from invoicing.models.tolerances import Tolerance

__all__ = [
    "Invoice",
    "InvoiceCharge",
    "InvoiceLine",
    "InvoiceTax",
    "MatchException",
    "MatchRun",
    "Tolerance",
]
