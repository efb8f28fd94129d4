"""Pages of contracts: find, read, draft, put into force, end."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from core.errors import DomainError
from core.forms import one_more_row
from core.queries import attachments, comments, timeline
from core.transitions import available
from core.web import (
    Repeated,
    act,
    keyset_page,
    once,
    place,
    require_role,
    visible_or_404,
)
from vendors import coverage, forms, queries
from vendors.models import CatalogItem, Contract, Vendor
from vendors.models.contracts import DRAFTERS, READERS
from vendors.services import contracts

TABS = (
    ("in_force", "In force"),
    ("expiring", "Expiring"),
    ("draft", "Drafts"),
    ("over", "Over"),
)
DONE = {
    "activate": "In force: orders are priced by it from its first day on.",
    "terminate": "Ended. What is ordered under it goes on.",
}


@login_required
def contract_list(request: HttpRequest) -> HttpResponse:
    require_role(request, *READERS)
    tab, search = request.GET.get("show", "in_force"), request.GET.get("q", "")
    tab = tab if tab in dict(TABS) else "in_force"
    context = {
        "page": keyset_page(queries.contracts(request.user, tab=tab, search=search), request),
        "tabs": TABS,
        "tab": tab,
        "search": search,
        "may_draft": request.user.has_role(*DRAFTERS),
    }
    return render(request, "vendors/contracts/list.html", context)


@login_required
def contract(request: HttpRequest, pk: UUID) -> HttpResponse:
    require_role(request, *READERS)
    rows = Contract.objects.visible_to(request.user)
    found = visible_or_404(
        rows.select_related("vendor", "drafted_by", "activated_by", "entity"), pk
    )
    actions = available(found, request.user)
    context = {
        "contract": found,
        "prices": found.prices.order_by("sku"),
        "items": _items(found),
        "actions": actions,
        "may_edit": found.status == Contract.Status.DRAFT and request.user.has_role(*DRAFTERS),
        "needs_another": found.status == Contract.Status.DRAFT and "activate" not in actions,
        "notice": _notice(found),
        "events": timeline(found).reverse(),
        "files": attachments(found),
        "comments": comments(found),
    }
    return render(request, "vendors/contracts/detail.html", context)


def _notice(found: Contract) -> str:
    """What somebody must decide while it nears its end."""
    if found.valid_to is None:
        return ""
    left = (found.valid_to - found.entity.day_of(timezone.now())).days
    ends = f"It ends in {left + 1} days." if left > 0 else "Today is its last day."
    return f"Its day of notice has come: decide what follows it. {ends}"


def _items(found: Contract) -> list[tuple[CatalogItem, Decimal | None]]:
    """Its catalog items, each with what it costs above the price that was agreed. Statements: 2."""
    items = list(found.catalog_items.order_by("name"))
    bought = [
        coverage.Bought(
            found.vendor_id, each.sku, each.unit, each.unit_price, each.currency, found.pk
        )
        for each in items
    ]
    said = coverage.agreed(bought, on=found.entity.day_of(timezone.now()))
    return [
        (item, item.unit_price - agreed.unit_price)
        if agreed and agreed.unit_price is not None and agreed.is_above
        else (item, None)
        for item, agreed in zip(items, said, strict=True)
    ]


@login_required
def create(request: HttpRequest) -> HttpResponse:
    require_role(request, *DRAFTERS)
    entity = request.user.entity
    head = {"currency": entity.currency, "notice_days": 90}
    vendor = _asked_for(request)
    if vendor is not None:
        head |= {"vendor": vendor.pk, "currency": vendor.currency}
    return _form(request, None, head, [])


@login_required
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    require_role(request, *DRAFTERS)
    found = visible_or_404(Contract.objects.visible_to(request.user), pk)
    if found.status != Contract.Status.DRAFT:
        messages.error(request, "Only a draft can be edited. Draft another that follows it.")
        return redirect(_address(found))
    return _form(request, found, *forms.initial_of(found))


@login_required
@require_POST
def perform(request: HttpRequest, pk: UUID, action: str) -> HttpResponse:
    found = visible_or_404(Contract.objects.visible_to(request.user), pk)
    verb = getattr(contracts, action)
    said = {"reason": request.POST.get("reason", "")}
    given = {"contract": found, "actor": request.user, "at": timezone.now(), **said}
    page = _address(found)
    return act(request, lambda: verb(**given), done=DONE[action], to=page, refused_to=page)


def _form(
    request: HttpRequest,
    found: Contract | None,
    head: dict[str, Any],
    prices: list[dict[str, Any]],
) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    adds = data is not None and "add_line" in data
    form = forms.ContractForm(None if adds else data, entity=request.user.entity, initial=head)
    # bound rows have no initial values: each that holds something counts, changed or not
    rows = forms.PriceFormSet(data, prefix="prices", initial=None if data else prices)
    if adds and data is not None:  # without scripts a button asks for more rows
        form = forms.ContractForm(entity=request.user.entity, initial=data.dict())
        rows = forms.PriceFormSet(one_more_row(data, "prices"), prefix="prices")
    elif data is not None and form.is_valid() and rows.is_valid():
        kept = forms.filled(rows)
        try:
            made = once(request, lambda: _store(request, found, form, kept), address=_address)
            messages.success(request, "Kept. It holds once somebody else puts it into force.")
            return redirect(_address(made))
        except Repeated as before:
            return redirect(before.address)
        except DomainError as refusal:
            _place(form, kept, refusal)
    context = {"form": form, "prices": rows, "contract": found}
    status = 422 if data is not None and not adds else 200
    return render(request, "vendors/contracts/form.html", context, status=status)


def _store(request: HttpRequest, found: Contract | None, form: Any, rows: list[Any]) -> Contract:
    said = {
        "data": form.as_input(forms.prices_of(rows)),
        "actor": request.user,
        "at": timezone.now(),
    }
    if found is None:
        return contracts.draft(entity=request.user.entity, **said)
    return contracts.edit(contract=found, **said)


def _place(form: Any, rows: list[Any], refusal: DomainError) -> None:
    """Each fault at its field; those of prices at the row that was meant."""
    at = [(error, error.pointer.strip("/").split("/")) for error in refusal.errors]
    for error, parts in at:
        if parts[0] == "prices" and len(parts) == 3:
            rows[int(parts[1])].add_error(parts[2], error.detail)
    rest = [error for error, parts in at if parts[0] != "prices" or len(parts) != 3]
    if rest or not refusal.errors:
        refusal.errors = rest
        place(form, [], refusal)


def _asked_for(request: HttpRequest) -> Vendor | None:
    try:
        pk = UUID(request.GET.get("vendor", ""))
    except ValueError:
        return None
    return Vendor.objects.visible_to(request.user).filter(pk=pk).first()


def _address(found: Contract) -> str:
    return reverse("vendors:contract", args=[found.pk])
