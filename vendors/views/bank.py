"""Where a vendor is paid: asked for, waiting, in force; shown in full to few."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts import step_up
from accounts.models import Role
from core import sealed
from core.errors import DomainError
from core.web import PAGES, Repeated, add_errors, once, require_role, visible_or_404
from vendors import forms
from vendors.models import BankAccount, Vendor
from vendors.services import bank

KEPT = "kept_bank_account"  # session key: what was typed before the detour, sealed


@dataclass(frozen=True)
class Shown:
    """An account with what it is at this moment, in words and in their tone."""

    account: BankAccount
    words: str
    tone: str
    counts: bool


def shown(account: BankAccount, at: datetime) -> Shown:
    if account.status == BankAccount.Status.PENDING:
        return Shown(account, "Waits for verification", "wait", False)
    if account.counts(at):
        return Shown(account, "In force", "good", True)
    if account.valid_from is not None and account.valid_from > at:
        return Shown(account, "Cooling", "wait", False)
    return Shown(account, "Out of use" if account.verified_at else "Not taken", "quiet", False)


def of_vendor(vendor: Vendor, at: datetime) -> list[Shown]:
    """The accounts that a vendor is paid to, or asked to be. Statements: 1."""
    rows = vendor.bank_accounts.standing().select_related("replaces").order_by("pk")
    return [shown(each, at) for each in rows]


@login_required
@never_cache
def account(request: HttpRequest, pk: UUID, account: UUID) -> HttpResponse:
    """One account with who asked for it and who verified it. Sent, it shows the whole number."""
    require_role(request, *bank.READERS)
    found = _account(request, pk, account)
    now = timezone.now()
    context = {
        "vendor": found.vendor,
        "shown": shown(found, now),
        "account": found,
        "may_reveal": request.user.has_role(*bank.REVEALERS),
    }
    if request.method == "POST":
        require_role(request, *bank.REVEALERS)
        if not step_up.is_proven(request, at=now):
            return step_up.detour(request.path)
        context["number"] = bank.reveal(account=found, actor=request.user, at=now)
    return render(request, "vendors/bank_account.html", context)


def _account(request: HttpRequest, pk: UUID, account: UUID) -> BankAccount:
    rows = BankAccount.objects.visible_to(request.user).filter(vendor=pk)
    related = ("vendor", "replaces", "requested_by", "verified_by")
    return visible_or_404(rows.select_related(*related), account)


@login_required
def ask(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The form. It takes a proof that it is you, and loses nothing on the way to it."""
    require_role(request, Role.VENDOR_MANAGER)
    rows = Vendor.objects.visible_to(request.user).select_related("entity")
    vendor, now = visible_or_404(rows, pk), timezone.now()
    data: Any = request.POST if request.method == "POST" else _kept(request, vendor)
    form = forms.BankAccountForm(data, vendor=vendor, at=now)
    if request.method == "POST":
        if not step_up.is_proven(request, at=now):
            _keep(request, vendor)
            return step_up.detour(request.path)
        if form.is_valid():
            try:
                made = once(request, lambda: _ask(request, vendor, form, now), address=_address)
                messages.success(request, "Asked for: it counts after somebody else verified it.")
                return redirect(_address(made))
            except Repeated as before:
                return redirect(before.address)
            except DomainError as refusal:
                add_errors(form, refusal)
    context = {"vendor": vendor, "form": form, "hours": vendor.entity.bank_cooling_hours}
    status = 422 if request.method == "POST" else 200
    return render(request, "vendors/bank_new.html", context, status=status)


def _ask(request: HttpRequest, vendor: Vendor, form: Any, at: datetime) -> Any:
    return bank.request(
        vendor=vendor,
        data=form.as_input(),
        actor=request.user,
        at=at,
        reason=form.cleaned_data["reason"],
        replaces=form.cleaned_data["replaces"],
    )


def _address(made: Any) -> str:
    return reverse(PAGES[made.document_type], args=[made.pk])


def _keep(request: HttpRequest, vendor: Vendor) -> None:
    """What was typed holds a number in full: a session lies in the database, so it is sealed."""
    said = request.POST.copy()
    for name in ("csrfmiddlewaretoken", "form_key"):
        said.pop(name, None)
    request.session[KEPT] = {"vendor": str(vendor.pk), "said": sealed.seal(said.urlencode())}


def _kept(request: HttpRequest, vendor: Vendor) -> QueryDict | None:
    """What was typed before the detour, once."""
    kept = request.session.pop(KEPT, None)
    if kept is None or kept["vendor"] != str(vendor.pk):
        return None
    return QueryDict(sealed.unseal(kept["said"]))
