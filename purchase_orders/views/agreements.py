"""Pages of blanket orders: the agreement as a form, and releasing from it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts.models import Role
from core.errors import DomainError
from core.money import minor_units
from core.web import place, require_role, visible_or_404
from purchase_orders import agreement_forms, agreements, presentation, services
from purchase_orders.change_forms import NEW
from purchase_orders.models import PurchaseOrder


@login_required
def new(request: HttpRequest) -> HttpResponse:
    """A new blanket order, as a draft."""
    require_role(request, Role.BUYER)
    return _form(request, None)


@login_required
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The whole of a blanket order that is not issued yet."""
    require_role(request, Role.BUYER)
    order = visible_or_404(_blankets(request), pk)
    if order.status not in presentation.EDITABLE:
        state = order.get_status_display().lower()
        messages.error(request, f"{order.reference} is {state}: it takes a change order.")
        return redirect("purchase_orders:detail", pk=pk)
    return _form(request, order)


def _blankets(request: HttpRequest) -> Any:
    found = PurchaseOrder.objects.visible_to(request.user)
    related = ("vendor", "contract", "entity", "agreement_terms")
    return found.filter(kind=PurchaseOrder.Kind.BLANKET).select_related(*related)


def _form(request: HttpRequest, order: PurchaseOrder | None) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    if data is not None and "add_line" in data:
        data = data.copy()
        data[f"{NEW}-TOTAL_FORMS"] = str(int(data[f"{NEW}-TOTAL_FORMS"]) + 1)
    head, grid = agreement_forms.blanket_forms(request.user, order, data)
    status = 200
    if data is not None and "add_line" not in data:
        status = 422
        if all([head.is_valid(), grid.is_valid()]):
            standing, lines = agreement_forms.line_inputs(grid)
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
    return render(request, "purchase_orders/agreements/form.html", context, status=status)


def _store(request: HttpRequest, order: PurchaseOrder | None, said: Any) -> PurchaseOrder:
    who: dict[str, Any] = {"actor": request.user, "at": timezone.now()}
    if order is None:
        return services.create(entity=request.user.entity, data=said, **who)
    return services.edit(order=order, data=said, **who)


@login_required
def release(request: HttpRequest, pk: UUID) -> HttpResponse:
    """How much of which line; the rest is agreed. Makes a draft, to be looked at and issued."""
    require_role(request, Role.BUYER)
    blanket = visible_or_404(_blankets(request), pk)
    data = request.POST if request.method == "POST" else None
    head, rows = agreement_forms.release_forms(blanket, data)
    status = 200
    if data is not None:
        status = 422
        if all([head.is_valid(), *(row.is_valid() for row in rows)]):
            taking = [row for row in rows if row.as_input() is not None]
            lines = [said for said in (row.as_input() for row in taking) if said is not None]
            try:
                made = services.release(
                    order=blanket,
                    lines=lines,
                    actor=request.user,
                    at=timezone.now(),
                    **head.cleaned_data,
                )
            except DomainError as refusal:
                place(head, taking, refusal)
            else:
                messages.success(request, "The release is a draft. Check it and issue it.")
                return redirect("purchase_orders:detail", pk=made.pk)
    context = {
        "order": blanket,
        "terms": blanket.agreement_terms,
        "unscheduled": agreements.unscheduled(blanket.agreement_terms),
        "form": head,
        "lines": rows,
    }
    return render(request, "purchase_orders/agreements/release.html", context, status=status)
