"""The browser edge shared by every page: visible or 404, keyset pages, refusals as messages."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from core import idempotency, refusals
from core.documents import document_model
from core.errors import DomainError, FieldError
from core.transactions import atomic

T = TypeVar("T")
PAGE = 50
# The page of a document, by its name in the ledger and the trail.
PAGES = {
    "requisition": "requisitions:detail",
    "order": "purchase_orders:detail",
    "receipt": "purchase_orders:receipt",
    "invoice": "invoicing:detail",
    "match_exception": "invoicing:exception",
    "vendor": "vendors:detail",
    "contract": "vendors:contract",
    "setting_change": "administration:change",
    "budget_change": "budgeting:change",
    "journal": "budgeting:journal",
    "allocation": "chargeback:allocation",
    "allocation_rule": "chargeback:rule",
    "statement": "chargeback:statement",
}


class Repeated(Exception):
    """The same form came a second time; `address` is where the first one led."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(address)


@dataclass(frozen=True)
class Page:
    """One page of a list in keyset order, with the cursors of its neighbours (None at an end)."""

    items: list[Any]
    next: str | None
    previous: str | None


def visible_or_404(queryset: QuerySet[Any], pk: UUID) -> Any:
    """The row, when it exists and may be seen; unknown and hidden are the same 404."""
    found = queryset.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def pages_of(user: Any, documents: Iterable[tuple[str, UUID]]) -> dict[UUID, str]:
    """The addresses of those documents that have a page and that the person may see.

    `documents` are names in the ledger or the trail with ids. Statements: one for each name.
    """
    ids: dict[str, set[UUID]] = defaultdict(set)
    for document_type, document_id in documents:
        if document_type in PAGES:
            ids[document_type].add(document_id)
    return {
        pk: reverse(PAGES[document_type], args=[pk])
        for document_type, wanted in ids.items()
        for pk in document_model(document_type)
        .objects.visible_to(user)  # type: ignore[attr-defined]
        .filter(pk__in=wanted)
        .values_list("pk", flat=True)
    }


def require_role(request: HttpRequest, *roles: str) -> None:
    """A page for certain roles only; everybody else is told so with 403."""
    if not request.user.has_role(*roles):
        raise PermissionDenied


def keyset_page(queryset: QuerySet[Any], request: HttpRequest, *, size: int = PAGE) -> Page:
    """Newest first by id, never by OFFSET: the hundred-thousandth page costs what the first does.

    `?after=` and `?before=` carry the id at the edge of the neighbouring page; an unreadable
    cursor starts at the top.
    """
    after, before = _cursor(request, "after"), _cursor(request, "before")
    if before is not None:
        rows = list(queryset.filter(pk__gt=before).order_by("pk")[: size + 1])
        more, rows = len(rows) > size, rows[:size][::-1]
        return Page(rows, _id(rows[-1:]), _id(rows[:1]) if more else None)
    if after is not None:
        queryset = queryset.filter(pk__lt=after)
    rows = list(queryset.order_by("-pk")[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    return Page(rows, _id(rows[-1:]) if more else None, _id(rows[:1]) if after else None)


def _cursor(request: HttpRequest, name: str) -> UUID | None:
    try:
        return UUID(request.GET.get(name, ""))
    except ValueError:
        return None


def _id(rows: list[Model]) -> str | None:
    return str(rows[0].pk) if rows else None


def act(
    request: HttpRequest,
    call: Callable[[], Any],
    *,
    done: str,
    to: str | Callable[[Any], str],
    refused_to: str,
) -> HttpResponseRedirect:
    """One domain call behind a button: say what was done and go on, or say why it was refused."""
    try:
        result = call()
    except DomainError as refusal:
        refusals.trace_at(request, refusal)
        # What is wrong with a field says more than that some fields need attention.
        said = [] if refusal.errors and refusal.detail == refusal.title else [refusal.detail]
        messages.error(request, " ".join([*said, *map(_said, refusal.errors)]))
        return redirect(refused_to)
    messages.success(request, done)
    return redirect(to(result) if callable(to) else to)


def _said(error: FieldError) -> str:
    """A fault of a field without its field beside it: what is missing is named."""
    if error.code != "required":
        return error.detail
    name = error.pointer.rpartition("/")[2].replace("_", " ").capitalize()
    return f"{name}: {error.detail}"


def once(request: HttpRequest, work: Callable[[], T], *, address: Callable[[T], str]) -> T:
    """Do the work of a form that carries `{% form_key %}` one time, however often it is sent.

    `address` says where its result is seen. Raises Repeated for the form that came before; a
    refused form may come again.
    """
    key = request.POST.get("form_key", "")[:100]
    if not key or not key.isprintable():
        return work()
    with atomic():
        row = idempotency.claim(
            user=request.user, key=f"form {key}", request_hash=_digest(request), at=timezone.now()
        )
        if row.status is not None:
            raise Repeated(row.headers["Location"])
        result = work()
        headers = {"Location": address(result)}
        idempotency.remember(row, status=302, headers=headers, body="")
        return result


def _digest(request: HttpRequest) -> str:
    return hashlib.sha256(request.path.encode()).hexdigest()


def place(
    head: BaseForm,
    lines: Sequence[BaseForm],
    refusal: DomainError,
    *,
    field_of: Callable[[list[str]], str] = lambda parts: parts[2] if len(parts) > 2 else "",
) -> None:
    """Each fault at its field: `/lines/0/quantity` at the first of `lines`, the rest at `head`.

    `lines` are the forms whose inputs were handed to the service, in that order. `field_of` names
    the field that the parts of a pointer mean.
    """
    rest: list[FieldError] = []
    for error in refusal.errors:
        parts = error.pointer.strip("/").split("/")
        index = int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else -1
        if parts[0] == "lines" and 0 <= index < len(lines):
            form, named = lines[index], field_of(parts)
            name = named if named in form.fields else None
            if error.detail not in form.errors.get(name or NON_FIELD_ERRORS, []):  # said once
                form.add_error(name, error.detail)
        else:
            rest.append(error)
    if rest or not refusal.errors:
        add_errors(head, refusal, rest)


def add_errors(
    form: BaseForm, refusal: DomainError, errors: Sequence[FieldError] | None = None
) -> None:
    """Put a refusal where it belongs: at the fields it names, else at the top of the form.

    `errors` are those of its errors that are meant for this form; without them, all.
    """
    errors = refusal.errors if errors is None else errors
    placed = False
    for error in errors:
        name = error.pointer.strip("/").split("/")[0]
        if name in form.fields:
            form.add_error(name, error.detail)
            placed = True
    if not placed:
        for detail in [error.detail for error in errors] or [refusal.detail]:
            form.add_error(None, detail)
