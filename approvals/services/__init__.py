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
from approvals.services.questions import answer, ask
from approvals.services.ratifications import object_to, ratify
from approvals.services.rounds import StepPreview, cancel, preview, request

__all__ = [
    "DocumentChanged",
    "LimitTooLow",
    "SelfApproval",
    "StepPreview",
    "activate",
    "answer",
    "ask",
    "cancel",
    "decide",
    "forward",
    "nudge",
    "object_to",
    "preview",
    "ratify",
    "request",
]
