"""Rules of allocation, their runs, and statements over the API."""

from chargeback.api.allocations import AllocationViewSet
from chargeback.api.rules import AllocationRuleViewSet
from chargeback.api.statements import StatementViewSet

__all__ = ["AllocationRuleViewSet", "AllocationViewSet", "StatementViewSet"]
