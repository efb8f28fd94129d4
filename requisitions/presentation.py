"""How a requisition is shown: where it stands in its life, and with whom."""

from typing import Any

from requisitions.models import Requisition
from requisitions.queries import Holder

_STATUS = Requisition.Status
_REACHED = {
    _STATUS.DRAFT: 0,
    _STATUS.RETURNED: 0,
    _STATUS.WITHDRAWN: 0,
    _STATUS.SUBMITTED: 1,
    _STATUS.REJECTED: 1,
    _STATUS.APPROVED: 2,
    _STATUS.PARTIALLY_ORDERED: 2,
    _STATUS.ORDERED: 3,
    _STATUS.CLOSED: 3,
}
_STOPPED = (_STATUS.REJECTED, _STATUS.CANCELLED)


def life(requisition: Requisition, holder: Holder) -> list[dict[str, Any]]:
    """Written → approved → ordered, and where it stopped if it did."""
    status = requisition.status
    reached = _REACHED.get(status, 2 if requisition.approved_at else 0)
    steps: list[dict[str, Any]] = [
        {"label": "Requested", "at": requisition.submitted_at},
        {"label": "Approved", "at": requisition.approved_at},
        {"label": "Ordered"},
    ]
    for position, step in enumerate(steps):
        step["state"] = "done" if position < reached else "next"
    if reached < len(steps):
        now = steps[reached]
        now["state"] = "failed" if status in _STOPPED else "now"
        now["note"] = _note(requisition, holder)
    return steps


def _note(requisition: Requisition, holder: Holder) -> str:
    status = requisition.status
    if status in (*_STOPPED, _STATUS.RETURNED, _STATUS.WITHDRAWN):
        return str(requisition.get_status_display()).lower()
    if status == _STATUS.PARTIALLY_ORDERED:
        return "in part"
    return f"with {holder.name}" if holder.name else ""
