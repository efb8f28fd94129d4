"""The verbs of approval: begin a round, decide, hand on, remind, escalate, call off."""

from approvals.services.additions import add_approver
from approvals.services.decisions import (
    DocumentChanged,
    LimitTooLow,
    OnePersonOnce,
    Outcome,
    SelfApproval,
    decide,
    decide_many,
)
from approvals.services.delegations import delegate, revoke_delegation
from approvals.services.enforcing import activate, keep_policy, retire
from approvals.services.handovers import forward
from approvals.services.leaving import reroute_leaver, reroute_leavers, reroute_lost_roles
from approvals.services.nudging import nudge
from approvals.services.policies import (
    discard_policy,
    draft_policy,
    edit_policy,
    new_version,
)
from approvals.services.previews import StepPreview, expected, preview
from approvals.services.questions import answer, ask
from approvals.services.ratifications import object_to, ratify
from approvals.services.rounds import cancel, request
from approvals.services.unanswered import remind_unanswered

__all__ = [
    "DocumentChanged",
    "LimitTooLow",
    "OnePersonOnce",
    "Outcome",
    "SelfApproval",
    "StepPreview",
    "activate",
    "add_approver",
    "answer",
    "ask",
    "cancel",
    "decide",
    "decide_many",
    "delegate",
    "discard_policy",
    "draft_policy",
    "edit_policy",
    "expected",
    "forward",
    "keep_policy",
    "new_version",
    "nudge",
    "object_to",
    "preview",
    "ratify",
    "remind_unanswered",
    "request",
    "reroute_leaver",
    "reroute_leavers",
    "reroute_lost_roles",
    "retire",
    "revoke_delegation",
]
