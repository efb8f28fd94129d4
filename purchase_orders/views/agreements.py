"""Releasing from a blanket order, line by line or for an approved request."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.models import Role
from core.errors import DomainError
from core.web import act, place, require_role, visible_or_404
from purchase_orders import agreement_forms, agreements, services
from purchase_orders.models import PurchaseOrder
from requisitions.models import Requisition


def _blankets(request: HttpRequest) -> Any:
    found = PurchaseOrder.objects.visible_to(request.user)
    related = ("vendor", "contract", "entity", "agreement_terms")
    return found.filter(kind=PurchaseOrder.Kind.BLANKET).select_related(*related)


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


@login_required
@require_POST
def release_requisition(request: HttpRequest, pk: UUID, requisition: UUID) -> HttpResponse:
    """What stands of an approved request on the price list becomes a release."""
    blanket = visible_or_404(_blankets(request), pk)
    asked = visible_or_404(Requisition.objects.visible_to(request.user), requisition)
    return act(
        request,
        lambda: services.release_requisition(
            requisition=asked, agreement=blanket, actor=request.user, at=timezone.now()
        ),
        done=f"A release of {blanket.number} is drafted, at its prices. Check it and issue it.",
        to=lambda made: reverse("purchase_orders:detail", args=[made.pk]),
        refused_to=reverse("requisitions:detail", args=[requisition]),
    )
