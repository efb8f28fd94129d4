"""Pages of statements: find, read, take along, dispute, answer."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from budgets.models import BudgetCell
from chargeback import documents, forms, queries, services
from chargeback.models import StatementLine
from chargeback.models.rules import READERS
from core import tables
from core.errors import DomainError, Invalid
from core.printing import PdfUnavailable
from core.queries import timeline
from core.transitions import available
from core.web import add_errors, keyset_page, pages_of, visible_or_404

BUTTONS = {
    "dispute": ("Dispute this line…", "Dispute"),
    "keep": ("Keep it…", "Keep"),
    "correct": ("Correct it…", "Correct"),
}
DONE = {
    "dispute": "Disputed. The owner of the service answers.",
    "keep": "Kept, with your words.",
    "correct": "Corrected: taken back by its mirror and charged anew.",
}
MOST_BEHIND = 20
Refused = tuple[UUID, str, forms.WordsForm]  # the line, what was to be done, and what was typed


@login_required
def statement_list(request: HttpRequest) -> HttpResponse:
    """Everybody's own: departments see theirs, owners of services what their services come to."""
    found = queries.statements(request.user)
    disputed = request.GET.get("show") == "disputed"
    if disputed:
        lines = StatementLine.objects.visible_to(request.user)
        found = found.filter(
            pk__in=lines.filter(status=StatementLine.Status.DISPUTED).values("statement")
        )
    page = keyset_page(found, request)
    context = {
        "views": queries.views(page.items, deep=False),
        "page": page,
        "tab": "disputed" if disputed else "all",
        "tabs": (("all", "All"), ("disputed", "Disputed")),
        "sees_rules": _sees_rules(request.user),
        "currency": request.user.entity.currency,
    }
    return render(request, "chargeback/statements.html", context)


def _sees_rules(user: Any) -> bool:
    return user.has_role(*READERS) or queries.rules(user).exists()


@login_required
def statement(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One cost centre's month: each line, what stands behind it, and what may be said to it."""
    return _shown(request, pk)


def _shown(request: HttpRequest, pk: UUID, refused: Refused | None = None) -> HttpResponse:
    found = visible_or_404(queries.statements(request.user), pk)
    view = queries.view(found)
    ids = {each.line.pk for each in view.lines} | {each.line.allocation_id for each in view.lines}
    behind = [(row.document_type, row.document_id) for each in view.lines for row in each.behind]
    pages = pages_of(
        request.user,
        [*behind, *(("allocation", each.line.allocation_id) for each in view.lines)],
    )
    cells = {entry.cell_id for each in view.lines for entry in each.entries}
    context = {
        "view": view,
        "statement": found,
        "cells": set(
            BudgetCell.objects.visible_to(request.user)
            .filter(pk__in=cells)
            .values_list("pk", flat=True)
        ),
        "lines": [_line(each, pages, request.user, refused) for each in view.lines],
        "currency": found.entity.currency,
        "events": timeline(found, related=ids).reverse(),
    }
    status = 422 if refused else 200
    return render(request, "chargeback/statement.html", context, status=status)


def _line(
    each: queries.LineView, pages: dict[UUID, str], user: Any, refused: Refused | None
) -> dict[str, Any]:
    """A line with addresses of what stands behind it and what this person may do."""
    behind = [(row, pages.get(row.document_id, "")) for row in each.behind[:MOST_BEHIND]]
    return {
        "line": each.line,
        "words": documents.words_of(each.line),
        "entries": each.entries,
        "behind": behind,
        "more": max(0, len(each.behind) - MOST_BEHIND),
        "allocation_url": pages.get(each.line.allocation_id, ""),
        "answers": [
            (
                action,
                *BUTTONS[action],
                refused[2]
                if refused and refused[:2] == (each.line.pk, action)
                else forms.answer_form(each.line, action),
            )
            for action in available(each.line, user)
            if action in BUTTONS
        ],
    }


@login_required
def file(request: HttpRequest, pk: UUID, kind: str) -> HttpResponse:
    """The statement to take along. No transaction is open while it is printed."""
    view = queries.view(visible_or_404(queries.statements(request.user), pk))
    try:
        data, content_type = _written(view, kind)
    except PdfUnavailable as missing:
        messages.error(request, missing.detail)
        return redirect("chargeback:statement", pk=pk)
    response = HttpResponse(data, content_type=content_type)
    name = documents.file_name(view, kind)
    place = "inline" if kind == "pdf" else "attachment"
    response["Content-Disposition"] = f'{place}; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _written(view: queries.StatementView, kind: str) -> tuple[bytes, str]:
    if kind == "pdf":
        return documents.pdf(view), "application/pdf"
    table = documents.table(view)
    if kind == "csv":
        return tables.csv(table), "text/csv; charset=utf-8"
    return tables.xlsx(table), documents.XLSX


@login_required
@require_POST
def answer(request: HttpRequest, pk: UUID, action: str) -> HttpResponse:
    """Dispute a line, or answer the dispute."""
    line = visible_or_404(
        StatementLine.objects.visible_to(request.user).select_related("allocation"), pk
    )
    page = reverse("chargeback:statement", args=[line.statement_id])
    form = forms.answer_form(line, action, request.POST)
    if not form.is_valid():
        return _shown(request, line.statement_id, (line.pk, action, form))
    said = {"line": line, "actor": request.user, "at": timezone.now()}
    words = form.cleaned_data["words"]
    verbs = {
        "dispute": lambda: services.dispute(**said, reason=words),
        "keep": lambda: services.keep(**said, resolution=words),
        "correct": lambda: services.correct(
            **said, amount=form.cleaned_data["amount"], resolution=words
        ),
    }
    try:
        verbs[action]()
    except Invalid as refusal:
        add_errors(form, refusal)
        return _shown(request, line.statement_id, (line.pk, action, form))
    except DomainError as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, DONE[action])
    return redirect(page)
