"""Pages of change orders: the form, one change with its versions side by side, its buttons."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

import core.queries
from accounts.models import Role
from core.errors import DomainError
from core.forms import one_more_row
from core.money import minor_units
from core.web import act, place, require_role, visible_or_404
from purchase_orders import change_forms, change_presentation, change_subjects, services
from purchase_orders.inputs import ChangeInput
from purchase_orders.models import ChangeOrder, PurchaseOrder
from purchase_orders.outlook import of_change

EVENTS = 40
_WITH = ("order__vendor", "order__entity", "entity", "buyer")


@login_required
def begin(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A new change of an order; where one is open, that one."""
    require_role(request, Role.BUYER)
    found = PurchaseOrder.objects.visible_to(request.user).select_related("vendor", "entity")
    order = visible_or_404(found, pk)
    standing = order.change_orders.filter(status__in=ChangeOrder.OPEN).first()
    if standing is not None and request.method == "GET":
        return redirect("purchase_orders:change", pk=standing.pk)
    if not change_presentation.may_change(order, request.user):
        messages.error(request, f"{order.reference} is not issued: there is nothing to change.")
        return redirect("purchase_orders:detail", pk=pk)
    return _form(request, order, None)


@login_required
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say otherwise what shall change, while it is a draft."""
    require_role(request, Role.BUYER)
    change = visible_or_404(ChangeOrder.objects.visible_to(request.user).select_related(*_WITH), pk)
    if change.status != ChangeOrder.Status.DRAFT:
        messages.error(request, f"{change} was submitted: withdraw it to change it.")
        return redirect("purchase_orders:change", pk=pk)
    return _form(request, change.order, change)


def _form(request: HttpRequest, order: PurchaseOrder, change: ChangeOrder | None) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    head, rows, grid = change_forms.change_forms(order, change, data)
    status = 200
    if data is not None and "add_line" in data:
        grid = _one_more(order, change, data)
    elif data is not None:
        status = 422
        if all([head.is_valid(), grid.is_valid(), *(row.is_valid() for row in rows)]):
            new = change_forms.new_lines(grid)
            said = head.as_input(
                [*(row.as_input() for row in rows), *map(change_forms.new_line, new)]
            )
            try:
                stored = _store(request, order, change, said)
            except DomainError as refusal:
                place(head, [*rows, *new], refusal)
            else:
                return redirect("purchase_orders:change", pk=stored.pk)
    context = {
        "order": order,
        "change": change,
        "form": head,
        "rows": rows,
        "lines": grid,
        "minor_units": minor_units(order.currency),
    }
    return render(request, "purchase_orders/change_orders/form.html", context, status=status)


def _one_more(order: PurchaseOrder, change: ChangeOrder | None, data: Any) -> Any:
    """Without scripts a line is added by sending the form."""
    return change_forms.change_forms(order, change, one_more_row(data, change_forms.NEW))[2]


def _store(
    request: HttpRequest, order: PurchaseOrder, change: ChangeOrder | None, said: ChangeInput
) -> ChangeOrder:
    """Store it, and put it up where that was the button."""
    who: dict[str, Any] = {"actor": request.user, "at": timezone.now()}
    if change is None:
        change = services.draft_change(order=order, data=said, **who)
    else:
        change = services.edit_change(change=change, data=said, **who)
    if "send" in request.POST:
        _send(request, change)
    else:
        messages.success(request, "The draft is kept; nothing happens to the order yet.")
    return change


def _send(request: HttpRequest, change: ChangeOrder) -> None:
    """The draft is stored already: what refuses it now is said on its page."""
    try:
        services.submit_change(change=change, actor=request.user, at=timezone.now())
    except DomainError as refusal:
        messages.error(request, refusal.detail)
        return
    change.refresh_from_db()
    messages.success(request, _sent(change))


def _sent(change: ChangeOrder) -> str:
    if change.status == ChangeOrder.Status.APPROVED:
        return "It needs no new approval. Issue it to make it binding."
    return "It is sent for approval; what it costs more is held meanwhile."


@login_required
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One change: what differs from what is in force and from what was first approved."""
    change = visible_or_404(ChangeOrder.objects.visible_to(request.user).select_related(*_WITH), pk)
    actions = change_presentation.actions(change, request.user)
    context = {
        "change": change,
        "order": change.order,
        "sees_order": PurchaseOrder.objects.visible_to(request.user)
        .filter(pk=change.order_id)
        .exists(),
        "differences": change_subjects.describe(change.pk).differences,
        "actions": actions,
        "outlook": of_change(change, at=timezone.now()) if "submit" in actions else None,
        "events": list(core.queries.timeline(change).reverse()[: EVENTS + 1]),
    }
    return render(request, "purchase_orders/change_orders/detail.html", context)


@login_required
@require_POST
def perform(request: HttpRequest, pk: UUID, action: str) -> HttpResponse:
    """A button on the page of a change."""
    change = visible_or_404(ChangeOrder.objects.visible_to(request.user), pk)
    page = reverse("purchase_orders:change", args=[pk])
    who: dict[str, Any] = {"change": change, "actor": request.user, "at": timezone.now()}
    if action == "submit":
        return act(
            request,
            lambda: services.submit_change(**who),
            done="It is sent. Without need of a new approval it can be issued at once.",
            to=page,
            refused_to=page,
        )
    calls = {
        "issue": lambda: services.issue_change(**who),
        "withdraw": lambda: services.withdraw_change(
            **who, reason=request.POST.get("reason", "").strip()
        ),
    }
    if action not in calls:
        raise Http404
    to = page
    if action == "issue":
        to = reverse("purchase_orders:detail", args=[change.order_id])
    return act(
        request, calls[action], done=change_presentation.DONE[action], to=to, refused_to=page
    )
