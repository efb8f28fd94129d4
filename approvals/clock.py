"""When a step is due: working time of its entity, a tenth of it in an emergency.

A step is reminded when its time is up and again after as much time once more; after the third it
escalates. While a question is open the clock stands still.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from accounts import calendars
from approvals.models import ApprovalStep

ESCALATE_AT = 3  # times the step's own time; reminders at one and two times
EMERGENCY_SHARE = 10
_SECONDS = Decimal(3600)


def allowed_time(step: ApprovalStep) -> timedelta:
    """Working time until the step is due: its `sla_hours`, else one working day."""
    if step.sla_hours is None:
        allowed = calendars.working_days(step.entity, 1)
    else:
        allowed = timedelta(seconds=float(step.sla_hours * _SECONDS))
    return allowed / EMERGENCY_SHARE if step.request.emergency else allowed


def due_after(step: ApprovalStep, start: datetime) -> datetime:
    """When the step is due if its clock starts at `start`."""
    return calendars.add_working_time(step.entity, start, allowed_time(step))


def threshold(step: ApprovalStep, level: int) -> datetime:
    """When reminder 1 and 2 and escalation 3 of an open step are due, pauses left out."""
    if step.due_at is None:
        raise ValueError(f"{step} is not open")
    late = allowed_time(step) * (level - 1)
    return calendars.add_working_time(step.entity, step.due_at, late) if late else step.due_at


def level(step: ApprovalStep, at: datetime) -> int:
    """How many of its thresholds have passed, `ESCALATE_AT` at most."""
    return sum(threshold(step, each) <= at for each in range(1, ESCALATE_AT + 1))


def pause(step: ApprovalStep, at: datetime) -> None:
    """Stop the clock: nothing is due until `resume`."""
    step.paused_at, step.next_nudge_at = at, None


def resume(step: ApprovalStep, at: datetime) -> None:
    """Start the clock again: everything moves by the working time that it stood still."""
    if step.paused_at is None or step.due_at is None:
        raise ValueError(f"{step} does not stand still")
    stood = calendars.working_time_between(step.entity, step.paused_at, at)
    step.due_at = calendars.add_working_time(step.entity, step.due_at, stood)
    step.paused_at = None
    step.next_nudge_at = threshold(step, min(step.nudges + 1, ESCALATE_AT))
