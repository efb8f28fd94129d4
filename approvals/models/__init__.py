"""Approval as a mechanism that knows no document: policies, chains, steps, one-time links."""

from approvals.models.delegations import (
    DECIDING_ROLES,
    Delegation,
    DelegationQuerySet,
    furthest,
    given_by,
    lent_to,
)
from approvals.models.links import ActionToken
from approvals.models.policies import ApprovalPolicy, PolicyRequirement, PolicyRule
from approvals.models.questions import StepQuestion
from approvals.models.ratifications import Ratification
from approvals.models.rounds import ApprovalRequest, ApprovalStep, ApprovalStepQuerySet

__all__ = [
    "DECIDING_ROLES",
    "ActionToken",
    "ApprovalPolicy",
    "ApprovalRequest",
    "ApprovalStep",
    "ApprovalStepQuerySet",
    "Delegation",
    "DelegationQuerySet",
    "PolicyRequirement",
    "PolicyRule",
    "Ratification",
    "StepQuestion",
    "furthest",
    "given_by",
    "lent_to",
]
