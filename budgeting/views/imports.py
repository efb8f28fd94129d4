"""Files of budgets and journals in the browser: bring one, read its report, take it in."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from budgeting import queries
from budgeting.forms import ApplyForm, FileForm
from budgeting.intake import budgets, journals
from budgeting.models import FileImport
from budgeting.services import imports
from core.errors import DomainError, TooLarge
from core.web import add_errors, require_role, visible_or_404

PAGES = {
    FileImport.Kind.BUDGETS: ("Import budgets", budgets.REQUIRED, budgets.OPTIONAL),
    FileImport.Kind.JOURNALS: ("Import actuals", journals.REQUIRED, journals.OPTIONAL),
}


@login_required
def bring(request: HttpRequest, kind: str) -> HttpResponse:
    """Choose a file; nothing goes in before its report was read."""
    require_role(request, Role.CONTROLLER)
    given = (request.POST, request.FILES) if request.method == "POST" else ()
    form = FileForm(*given)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            made = imports.bring(
                entity=request.user.entity,
                kind=kind,
                data=_read(file),
                name=file.name,
                actor=request.user,
                at=timezone.now(),
            )
            return redirect(reverse("budgeting:import", args=[made.pk]))
        except DomainError as refusal:
            add_errors(form, refusal)
    title, required, optional = PAGES[FileImport.Kind(kind)]
    context = {
        "form": form,
        "kind": kind,
        "title": title,
        "required": required,
        "optional": optional,
        "before": queries.imports(request.user, kind),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "budgeting/import_new.html", context, status=status)


@login_required
def file_import(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The report of a file, and the button that takes it in; for who brought it only."""
    require_role(request, Role.CONTROLLER)
    found = visible_or_404(FileImport.objects.visible_to(request.user), pk)
    form = ApplyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            imports.apply(
                file_import=found,
                actor=request.user,
                at=timezone.now(),
                partial="partial" in request.POST,
                reason=form.cleaned_data["reason"],
            )
            return redirect(reverse("budgeting:import", args=[found.pk]))
        except DomainError as refusal:
            add_errors(form, refusal, [] if isinstance(refusal, imports.RowsRefused) else None)
    report = found.report
    context = {
        "found": found,
        "form": form,
        "report": report,
        "title": PAGES[FileImport.Kind(found.kind)][0],
        "again": reverse(f"budgeting:import_{found.kind}"),
        "good": report["created"] + report["updated"],
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "budgeting/import.html", context, status=status)


def _read(file: object) -> bytes:
    size = getattr(file, "size", 0)
    if size > 2 * 5 * 1024 * 1024:
        raise TooLarge("The file is larger than 5 MiB.")
    return file.read()  # type: ignore[attr-defined]
