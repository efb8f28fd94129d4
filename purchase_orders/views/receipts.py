"""Pages of the receiver: find the order, say what came, look at a receipt and take it back."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

import core.queries
from accounts.models import Role
from core import attachments, transitions
from core.errors import DomainError
from core.transactions import atomic
from core.web import Repeated, act, keyset_page, once, place, require_role, visible_or_404
from purchase_orders import forms, presentation, queries, services
from purchase_orders.models import PurchaseOrder, Receipt

RECEIVES = (Role.RECEIVER, Role.BUYER)


@login_required
def receive(request: HttpRequest) -> HttpResponse:
    """Find an order by its number, typed or scanned; below, what is expected."""
    require_role(request, *RECEIVES)
    number = request.GET.get("number", "").strip()
    waiting = queries.to_receive(request.user)
    if number:
        exact = queries.by_any_number(request.user.entity, number)
        found = list(PurchaseOrder.objects.visible_to(request.user).filter(pk__in=exact)[:2])
        if len(found) == 1:
            return redirect("purchase_orders:receive_order", pk=found[0].pk)
        waiting = waiting.filter(
            Q(number__icontains=number)
            | Q(legacy_number__icontains=number)
            | Q(vendor__name__icontains=number)
            | Q(title__icontains=number)
        )
    context = {"page": keyset_page(waiting, request), "number": number}
    return render(request, "purchase_orders/receive.html", context)


@login_required
def receive_order(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say what came of an order: everything that is open is filled in."""
    require_role(request, *RECEIVES)
    found = PurchaseOrder.objects.visible_to(request.user).select_related("vendor", "entity")
    order = visible_or_404(found, pk)
    data = request.POST if request.method == "POST" else None
    head = forms.ReceiptForm(
        data, initial={"received_on": order.entity.day_of(timezone.now())}, auto_id="receipt_%s"
    )
    lines = forms.receipt_line_forms(order, data)
    if data is not None and all([head.is_valid(), *(line.is_valid() for line in lines)]):
        try:
            receipt = _post(request, order, head, lines)
        except Repeated as before:
            return redirect(before.address)
        if receipt is not None:
            messages.success(request, f"{receipt.number} is posted.")
            return redirect("purchase_orders:receipt", pk=receipt.pk)
    context = {
        "order": order,
        "form": head,
        "lines": lines,
        "may_receive": "receive" in presentation.actions(order, request.user),
    }
    status = 200 if data is None else 422
    return render(request, "purchase_orders/receive_order.html", context, status=status)


def _post(request: HttpRequest, order: PurchaseOrder, head: Any, lines: list[Any]) -> Any:
    """Post the receipt with its photos, or put the refusal at its fields and return None."""
    came = [(line, said) for line in lines if (said := line.as_input()) is not None]
    try:
        return once(
            request,
            lambda: _post_with_files(request, order, head, [said for _, said in came]),
            address=lambda made: reverse("purchase_orders:receipt", args=[made.pk]),
        )
    except DomainError as refusal:
        place(head, [line for line, _ in came], refusal)
        return None


@atomic
def _post_with_files(
    request: HttpRequest, order: PurchaseOrder, head: Any, came: list[Any]
) -> Receipt:
    """Receipt and delivery note together: a file that is refused leaves no receipt behind."""
    now = timezone.now()
    receipt = services.post_receipt(
        order=order, lines=came, actor=request.user, at=now, **head.cleaned_data
    )
    for file in request.FILES.getlist("files"):
        attachments.attach(
            document=receipt, data=file.read(), name=file.name or "", actor=request.user, at=now
        )
    return receipt


@login_required
def receipt(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One receipt: what came, its delivery note, and how to take it back."""
    found = visible_or_404(
        queries.receipt_list(request.user).prefetch_related("lines__order_line"), pk
    )
    context = {
        "receipt": found,
        "lines": sorted(found.lines.all(), key=lambda each: each.order_line.line_number),
        "mirror": Receipt.objects.filter(reverses=found).first(),
        "actions": transitions.available(found, request.user) if not found.reverses_id else [],
        "events": core.queries.timeline(found).reverse(),
        "comments": core.queries.comments(found),
        "files": attachments.of(found),
    }
    return render(request, "purchase_orders/receipt.html", context)


@login_required
@require_POST
def reverse_receipt(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take a receipt back by its mirror."""
    found = visible_or_404(Receipt.objects.visible_to(request.user), pk)
    page = reverse("purchase_orders:receipt", args=[pk])
    return act(
        request,
        lambda: services.reverse_receipt(
            receipt=found,
            reason=request.POST.get("reason", ""),
            actor=request.user,
            at=timezone.now(),
        ),
        done="The receipt is reversed; its quantities are open again.",
        to=page,
        refused_to=page,
    )
