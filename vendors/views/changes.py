"""Changing a vendor's master data: at once, or as a proposal that somebody else decides."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts import step_up
from accounts.models import Role
from core.errors import DomainError
from core.forms import one_more_row
from core.web import PAGES, Repeated, once, place, require_role, visible_or_404
from vendors import changes, forms
from vendors.models import Vendor

KEPT = "kept_vendor"  # session key: what was typed before the detour, and about whom


@login_required
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The form. What takes two people takes a proof that it is you as well, and loses nothing."""
    require_role(request, Role.VENDOR_MANAGER)
    vendor = visible_or_404(Vendor.objects.visible_to(request.user), pk)
    data: Any = request.POST if request.method == "POST" else _kept(request, vendor)
    form, rows = _forms(vendor, data)
    if request.method == "POST" and "add_line" not in request.POST:
        if vendor.takes_two_people and not step_up.is_proven(request, at=timezone.now()):
            _keep(request, vendor)
            return step_up.detour(request.path)
        if form.is_valid() and rows.is_valid():
            kept = forms.filled(rows)
            try:
                made = once(request, lambda: _change(request, vendor, form, kept), address=_address)
                return _done(request, made)
            except Repeated as before:
                return redirect(before.address)
            except DomainError as refusal:
                _place(form, kept, refusal)
    context = {"vendor": vendor, "form": form, "contacts": rows}
    refused = request.method == "POST" and "add_line" not in request.POST
    return render(request, "vendors/edit.html", context, status=422 if refused else 200)


def _forms(vendor: Vendor, data: Any) -> tuple[Any, Any]:
    said = asdict(changes.present(vendor))
    contacts = said.pop("contacts")
    if data is not None and "add_line" in data:  # without scripts a button asks for another row
        rows = forms.ContactFormSet(one_more_row(data, "contacts"), prefix="contacts")
        return forms.VendorForm(vendor=vendor, initial=data.dict()), rows
    form = forms.VendorForm(data, vendor=vendor, initial=said)
    # bound rows have no initial values: each that holds something counts, changed or not
    initial = None if data else contacts
    return form, forms.ContactFormSet(data, prefix="contacts", initial=initial)


def _change(request: HttpRequest, vendor: Vendor, form: Any, rows: list[Any]) -> Any:
    return changes.change(
        vendor=vendor,
        data=form.as_input(forms.contacts_of(rows)),
        actor=request.user,
        at=timezone.now(),
        reason=form.cleaned_data.get("reason", ""),
    )


def _done(request: HttpRequest, made: Any) -> HttpResponse:
    if isinstance(made, Vendor):
        messages.success(request, "Changed.")
    else:
        messages.success(request, "Proposed: it holds once somebody else approves it.")
    return redirect(_address(made))


def _address(made: Any) -> str:
    return reverse(PAGES[made.document_type], args=[made.pk])


def _place(form: Any, rows: list[Any], refusal: DomainError) -> None:
    """Each fault at its field; those of contacts at the row that was meant."""
    at = [(error, error.pointer.strip("/").split("/")) for error in refusal.errors]
    for error, parts in at:
        if parts[0] == "contacts" and len(parts) == 3:
            rows[int(parts[1])].add_error(parts[2], error.detail)
    rest = [error for error, parts in at if parts[0] != "contacts" or len(parts) != 3]
    if rest or not refusal.errors:
        refusal.errors = rest
        place(form, [], refusal)


def _keep(request: HttpRequest, vendor: Vendor) -> None:
    said = request.POST.copy()
    for name in ("csrfmiddlewaretoken", "form_key"):
        said.pop(name, None)
    request.session[KEPT] = {"vendor": str(vendor.pk), "said": said.urlencode()}


def _kept(request: HttpRequest, vendor: Vendor) -> QueryDict | None:
    """What was typed before the detour, once."""
    kept = request.session.pop(KEPT, None)
    if kept is None or kept["vendor"] != str(vendor.pk):
        return None
    return QueryDict(kept["said"])
