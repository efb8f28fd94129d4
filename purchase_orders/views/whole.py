"""Orders that a buyer makes from nothing: an order of its own, or a blanket order."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts.models import Role
from core.errors import DomainError
from core.forms import one_more_row
from core.money import minor_units
from core.web import place, require_role, visible_or_404
from purchase_orders import presentation, services
from purchase_orders.agreement_forms import BlanketForm
from purchase_orders.change_forms import NEW
from purchase_orders.models import PurchaseOrder
from purchase_orders.whole_forms import OrderForm, line_inputs, whole_forms


@dataclass(frozen=True)
class Page:
    """A kind of order with its form and its template."""

    kind: str
    form: type[OrderForm]
    template: str


_OWN = Page(PurchaseOrder.Kind.STANDARD, OrderForm, "purchase_orders/new.html")
_BLANKET = Page(PurchaseOrder.Kind.BLANKET, BlanketForm, "purchase_orders/agreements/form.html")


@login_required
def new(request: HttpRequest) -> HttpResponse:
    """A new order of the buyer's own, as a draft; sent for approval where nobody approved it."""
    require_role(request, Role.BUYER)
    return _form(request, None, _OWN)


@login_required
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The whole of a buyer's own order that is not issued yet, its lines included."""
    require_role(request, Role.BUYER)
    own = presentation.own_orders(PurchaseOrder.objects.visible_to(request.user))
    return _edit(request, visible_or_404(own.select_related(*_WITH), pk), _OWN)


@login_required
def new_blanket(request: HttpRequest) -> HttpResponse:
    """A new blanket order, as a draft."""
    require_role(request, Role.BUYER)
    return _form(request, None, _BLANKET)


@login_required
def edit_blanket(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The whole of a blanket order that is not issued yet."""
    require_role(request, Role.BUYER)
    found = PurchaseOrder.objects.visible_to(request.user).filter(kind=_BLANKET.kind)
    order = visible_or_404(found.select_related(*_WITH, "agreement_terms"), pk)
    return _edit(request, order, _BLANKET)


_WITH = ("vendor", "contract", "entity")


def _edit(request: HttpRequest, order: PurchaseOrder, page: Page) -> HttpResponse:
    if order.status not in presentation.EDITABLE:
        messages.error(request, presentation.fixed(order))
        return redirect("purchase_orders:detail", pk=order.pk)
    return _form(request, order, page)


def _form(request: HttpRequest, order: PurchaseOrder | None, page: Page) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    if data is not None and "add_line" in data:
        data = one_more_row(data, NEW)
    head, grid = whole_forms(page.form, request.user, order, data)
    status = 200
    if data is not None and "add_line" not in data:
        status = 422
        if all([head.is_valid(), grid.is_valid()]):
            standing, lines = line_inputs(grid)
            try:
                stored = _store(request, order, head.as_input(order, lines))
            except DomainError as refusal:
                place(head, standing, refusal)
            else:
                messages.success(request, "The draft is kept. Issuing it makes it binding.")
                return redirect("purchase_orders:detail", pk=stored.pk)
    context = {
        "order": order,
        "form": head,
        "lines": grid,
        "minor_units": minor_units(order.currency if order else request.user.entity.currency),
    }
    return render(request, page.template, context, status=status)


def _store(request: HttpRequest, order: PurchaseOrder | None, said: Any) -> PurchaseOrder:
    who: dict[str, Any] = {"actor": request.user, "at": timezone.now()}
    if order is None:
        return services.create(entity=request.user.entity, data=said, **who)
    return services.edit(order=order, data=said, **who)
