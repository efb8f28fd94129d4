"""Outside actuals in the browser: what other books spent, and the entries that it became."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

import core.queries
from accounts.models import Role
from budgeting import queries
from budgeting.models import Journal
from budgeting.services import journals
from core.transitions import available
from core.web import act, keyset_page, require_role, visible_or_404

READERS = (
    *(Role.CONTROLLER, Role.AUDITOR, Role.ADMINISTRATOR, Role.BUYER),
    *(Role.AP_MANAGER, Role.BUDGET_OWNER),
)


@login_required
def journal_list(request: HttpRequest) -> HttpResponse:
    """Journals, the newest first."""
    require_role(request, *READERS)
    context = {
        "page": keyset_page(queries.journals(request.user), request),
        "may_import": request.user.has_role(Role.CONTROLLER),
    }
    return render(request, "budgeting/journals.html", context)


@login_required
def journal(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One journal as it was told, with its effect on the budgets."""
    rows = Journal.objects.visible_to(request.user).select_related("entity", "imported_by")
    found = visible_or_404(rows, pk)
    context = {
        "journal": found,
        "lines": found.lines.select_related("cost_center", "gl_account", "project"),
        "may_reverse": "reverse" in available(found, request.user),
        "events": core.queries.timeline(found).reverse(),
        "comments": core.queries.comments(found),
        "files": core.queries.attachments(found),
    }
    return render(request, "budgeting/journal.html", context)


@login_required
@require_POST
def reverse_journal(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Undo a journal by the mirror of its entries."""
    found = visible_or_404(Journal.objects.visible_to(request.user), pk)
    page = reverse("budgeting:journal", args=[found.pk])
    return act(
        request,
        lambda: journals.reverse(
            journal=found,
            actor=request.user,
            at=timezone.now(),
            reason=request.POST.get("reason", ""),
        ),
        done="Reversed: its amounts are back in the budgets.",
        to=page,
        refused_to=page,
    )
