"""The auditor's view of the trail: who did what, to which document, when, why, how."""

from datetime import date

from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core import called
from core.decimals import whole
from core.models import TrailEvent
from core.templatetags.documents import timeline_row
from core.web import PAGE, pages_of, require_role

_ROLES = ("auditor", "controller", "administrator")


@login_required
def audit(request: HttpRequest) -> HttpResponse:
    """Events of the reader's own entity, newest first, by document, person and day."""
    require_role(request, *_ROLES)
    found = TrailEvent.objects.filter(stream=str(request.user.entity_id)).select_related(
        "actor", "on_behalf_of"
    )
    document, person, day = (request.GET.get(name, "").strip() for name in ("q", "who", "day"))
    if document:
        people = get_user_model().objects.filter(name__icontains=document)
        about = Q(document_type=called.PERSON, document_id__in=people.values("pk"))
        found = found.filter(about | Q(document_reference__icontains=document))
    if person:
        found = found.filter(actor__name__icontains=person)
    if (on := _day(day)) is not None:
        found = found.filter(at__date=on)
    before = whole(request.GET.get("after", ""))
    if before is not None:
        found = found.filter(sequence__lt=before)
    rows = called.by_name(found.order_by("-sequence")[: PAGE + 1])
    pages = pages_of(request.user, ((row.document_type, row.document_id) for row in rows[:PAGE]))
    context = {
        "events": [
            (event, timeline_row(event), pages.get(event.document_id, "")) for event in rows[:PAGE]
        ],
        "next": rows[PAGE - 1].sequence if len(rows) > PAGE else None,
        "document": document,
        "person": person,
        "day": day,
    }
    return render(request, "core/audit.html", context)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
