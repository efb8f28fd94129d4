"""The verbs of approval: begin a round, decide, hand on, remind, escalate, call off."""

from approvals.services.decisions import (
    DocumentChanged,
    LimitTooLow,
    SelfApproval,
    decide,
)
from approvals.services.handovers import forward
from approvals.services.nudging import nudge
from approvals.services.policies import activate
from approvals.services.rounds import StepPreview, cancel, preview, request

__all__ = [
    "DocumentChanged",
    "LimitTooLow",
    "SelfApproval",
    "StepPreview",
    "activate",
    "cancel",
    "decide",
    "forward",
    "nudge",
    "preview",
    "request",
]
