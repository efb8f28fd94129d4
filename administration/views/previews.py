"""What a tolerance that is only proposed would let by."""

from dataclasses import replace
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from administration import kinds
from administration.models import ChangeRequest
from core.web import pages_of
from invoicing import preview
from invoicing.models.tolerances import READERS
from invoicing.services import ToleranceInput


def shown(request: HttpRequest, wanted: ToleranceInput) -> dict[str, Any]:
    """What waits and would match, with addresses for those whom the person may look at."""
    found = preview.would_match(request.user.entity, wanted)
    pages = pages_of(request.user, [("invoice", each.pk) for each in found.passing])
    rows = [(each, pages.get(each.pk, "")) for each in found.passing]
    return {"rows": rows, "looked_at": found.looked_at, "more": found.more}


def of_change(request: HttpRequest, change: ChangeRequest) -> dict[str, Any] | None:
    """The same of a change that waits, for those who keep or oversee tolerances."""
    is_open = change.status == ChangeRequest.Status.PROPOSED
    if change.kind != ChangeRequest.Kind.TOLERANCE or not is_open:
        return None
    if not request.user.has_role(*READERS):
        return None
    wanted = kinds.tolerances.wanted(change, change.after)
    today = change.entity.day_of(timezone.now())
    return shown(request, replace(wanted, valid_from=max(wanted.valid_from, today)))
