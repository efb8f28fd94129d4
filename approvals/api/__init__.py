"""Approval over the API: what waits, who decides for whom, the rules, the looks afterwards."""

from approvals.api.delegations import DelegationViewSet
from approvals.api.histories import ApprovalRoundViewSet
from approvals.api.policies import PolicyViewSet
from approvals.api.ratifications import RatificationViewSet
from approvals.api.rounds import RoundSerializer, rounds
from approvals.api.steps import ApprovalViewSet

__all__ = [
    "ApprovalRoundViewSet",
    "ApprovalViewSet",
    "DelegationViewSet",
    "PolicyViewSet",
    "RatificationViewSet",
    "RoundSerializer",
    "rounds",
]
