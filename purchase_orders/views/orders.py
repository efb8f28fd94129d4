"""Pages of orders: the list, one order with all that belongs to it, a draft's terms, an import."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST

import approvals.queries
import core.queries
import requisitions.queries
from accounts.models import Role
from approvals.models import ApprovalStep
from core import attachments, files, outbox, related
from core.decimals import whole
from core.errors import DomainError
from core.web import act, keyset_page, place, require_role, visible_or_404
from purchase_orders import change_presentation, drafting, forms, presentation, queries, services
from purchase_orders.models import (
    Dispatch,
    OrderDistribution,
    OrderRevision,
    PurchaseOrder,
    PurchaseOrderLine,
)
from purchase_orders.outlook import Outlook, of_order
from purchase_orders.pdf import missing_library
from requisitions.models import Requisition
from vendors.models import Vendor

EVENTS = 40
# Rounds and whom they asked stand in the chain beside the timeline; decisions are events.
_SAYS_THE_CHAIN = Q(type__startswith="approval_request.") | Q(type="approval.requested")


@login_required
def order_list(request: HttpRequest) -> HttpResponse:
    """Orders a person may see, by state, found by number, vendor or text."""
    tab, search = request.GET.get("show", "open"), request.GET.get("q", "").strip()
    is_buyer = request.user.has_role(Role.BUYER)
    page = keyset_page(presentation.listed(request.user, tab=tab, search=search), request)
    presentation.say_who_is_asked(page.items)
    context = {
        "page": page,
        "tabs": presentation.TABS,
        "tab": "" if search else tab,
        "search": search,
        "is_buyer": is_buyer,
        "to_order": requisitions.queries.to_order(request.user).count() if is_buyer else 0,
    }
    return render(request, "purchase_orders/list.html", context)


@login_required
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One order: its life, lines, budget, document, receipts, invoices and what happened."""
    order = visible_or_404(_detailed(request), pk)
    lines, revisions = list(order.lines.all()), list(order.revisions.all())
    sent = presentation.last_dispatch(revisions)
    newest = revisions[-1] if revisions else None
    further = [*related.ids_of(order), *_rounds(order)]
    events = queries.life_of(order, further=further).exclude(_SAYS_THE_CHAIN).reverse()
    needs = presentation.needs([order], request.user, on=order.entity.day_of(timezone.now()))
    actions = presentation.actions(order, request.user, needs.get(order.pk, ()))
    context = {
        "order": order,
        "outlook": _outlook(order, lines, request, actions, needs.get(order.pk, [])),
        "answer": presentation.answer(order),
        "waits_for": _open_steps(order),
        "lines": lines,
        "taxes": drafting.taxes(lines, order.currency),
        "requests": _requests(order, request),
        "receipts": order.receipts.select_related("received_by", "reverses").order_by("-pk"),
        "revisions": revisions[::-1],
        "newest": newest,
        "no_pdf": missing_library() if newest and newest.pdf_id is None else "",
        "sent": sent,
        "life": presentation.life(order, lines, sent, needs=needs.get(order.pk, ())),
        "actions": actions,
        "may_change": change_presentation.may_change(order, request.user),
        "changes": list(order.change_orders.order_by("-sequence")),
        "is_clerk": request.user.has_role(Role.AP_CLERK, Role.AP_MANAGER),
        "events": list(events[: EVENTS + 1]),
        "comments": core.queries.comments(order),
        "files": attachments.of(order),
        "promised": outbox.promised(order.pk, *presentation.DOING),
        "doing": presentation.doing(order),
    }
    return render(request, "purchase_orders/detail.html", context)


def _rounds(order: PurchaseOrder) -> list[UUID]:
    """Its rounds and steps, whose events belong on its timeline."""
    return approvals.queries.trail_ids(order.pk) if order.submitted_at else []


def _open_steps(order: PurchaseOrder) -> list[ApprovalStep]:
    """Who is asked now to approve the order itself."""
    if order.status != PurchaseOrder.Status.IN_APPROVAL:
        return []
    steps = approvals.queries.steps_of(order.pk)
    return [step for step in steps if step.status == ApprovalStep.Status.ACTIVE]


def _outlook(
    order: PurchaseOrder,
    lines: list[PurchaseOrderLine],
    request: HttpRequest,
    actions: list[str],
    needs: list[str],
) -> Outlook | None:
    """What would happen if this person sent or issued it, where they may."""
    if not {"submit", "issue"} & {*actions}:
        return None
    return of_order(order, lines, request.user, needs=needs, at=timezone.now())


def _detailed(request: HttpRequest) -> Any:
    parts = OrderDistribution.objects.select_related("cost_center", "gl_account", "project")
    lines = PurchaseOrderLine.objects.prefetch_related(Prefetch("distributions", parts))
    dispatches = Dispatch.objects.select_related("requested_by").order_by("-pk")
    revisions = OrderRevision.objects.select_related("pdf", "issued_by").prefetch_related(
        Prefetch("dispatches", dispatches)
    )
    return (
        queries.order_list(request.user)
        .select_related("entity")
        .prefetch_related(Prefetch("lines", lines), Prefetch("revisions", revisions))
    )


def _requests(order: PurchaseOrder, request: HttpRequest) -> Any:
    """The requisitions behind the order that this person may see."""
    behind = order.lines.order_by().values("requisition_line__requisition")
    return Requisition.objects.visible_to(request.user).filter(pk__in=behind).order_by("pk")


@login_required
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Terms, quantities and prices of a draft; what it is for and who pays was approved."""
    require_role(request, Role.BUYER)
    found = PurchaseOrder.objects.visible_to(request.user).select_related(
        "vendor", "contract", "entity"
    )
    order = visible_or_404(found, pk)
    page = reverse("purchase_orders:detail", args=[pk])
    if order.status not in presentation.EDITABLE:
        messages.error(request, presentation.fixed(order))
        return redirect(page)
    data = request.POST if request.method == "POST" else None
    head, lines = forms.draft_forms(order, data)
    if data is not None and all([head.is_valid(), *(line.is_valid() for line in lines)]):
        try:
            services.edit(
                order=order,
                data=head.as_input(order, [line.as_input() for line in lines]),
                actor=request.user,
                at=timezone.now(),
            )
        except DomainError as refusal:
            place(head, lines, refusal)
        else:
            messages.success(request, "The draft is changed.")
            return redirect(page)
    is_own = presentation.own_orders(PurchaseOrder.objects.filter(pk=pk)).exists()
    context = {"order": order, "form": head, "lines": lines, "is_own": is_own}
    status = 200 if data is None else 422
    return render(request, "purchase_orders/edit.html", context, status=status)


@login_required
@require_POST
def perform(request: HttpRequest, pk: UUID, action: str) -> HttpResponse:
    """A button on the order page."""
    if action not in presentation.DONE:
        raise Http404
    order = visible_or_404(PurchaseOrder.objects.visible_to(request.user), pk)
    who = {"order": order, "actor": request.user, "at": timezone.now()}
    reason = request.POST.get("reason", "").strip()
    calls = {
        "submit": lambda: services.submit(**who, budget_reason=reason),
        "withdraw": lambda: services.withdraw(**who, reason=reason),
        "issue": lambda: services.issue(**who, reason=reason),
        "hold": lambda: services.hold(**who, reason=reason),
        "resume": lambda: services.resume(**who, reason=reason),
        "cancel": lambda: services.cancel(**who, reason=reason),
        "close": lambda: services.close(**who, reason=reason),
        "reopen": lambda: services.reopen(**who, reason=reason),
        "send": lambda: services.send(**who, recipient=request.POST.get("recipient", "").strip()),
    }
    page = reverse("purchase_orders:detail", args=[pk])
    return act(request, calls[action], done=presentation.DONE[action], to=page, refused_to=page)


@login_required
@require_POST
def from_requisition(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Approved demand becomes a draft, or one for each vendor it names."""
    requisition = visible_or_404(Requisition.objects.visible_to(request.user), pk)
    return act(
        request,
        lambda: services.create_from_requisition(
            requisition=requisition, actor=request.user, at=timezone.now()
        ),
        done="Check the draft and issue it.",
        to=_drafts_page,
        refused_to=reverse("requisitions:detail", args=[pk]),
    )


def _drafts_page(drafts: list[PurchaseOrder]) -> str:
    if len(drafts) == 1:
        return reverse("purchase_orders:detail", args=[drafts[0].pk])
    return f"{reverse('purchase_orders:list')}?show=draft"


@login_required
def pdf(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The frozen document of a revision, the newest unless `?revision=` says otherwise."""
    order = visible_or_404(PurchaseOrder.objects.visible_to(request.user), pk)
    found = order.revisions.filter(pdf__isnull=False).select_related("pdf")
    wanted = whole(request.GET.get("revision", ""))
    revision = found if wanted is None else found.filter(revision=wanted)
    printed = revision.last()
    if printed is None:
        raise Http404
    response = HttpResponse(files.read(printed.pdf), content_type="application/pdf")
    response["Content-Disposition"] = content_disposition_header(
        as_attachment="download" in request.GET, filename=f"{printed}.pdf".replace(" ", "-")
    )
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _unapproved(vendor: Vendor) -> str:
    return (
        f"{vendor} is not approved yet: it gets no new order, and its invoices wait for a vendor "
        "manager."
    )


@login_required
def import_order(request: HttpRequest) -> HttpResponse:
    """Take over a UBL order that was issued elsewhere."""
    require_role(request, Role.BUYER)
    form, refusal = forms.ImportForm(request.POST or None, request.FILES or None), None
    if request.method == "POST" and form.is_valid():
        try:
            order = services.import_ubl(
                entity=request.user.entity,
                data=form.cleaned_data["file"].read(),
                actor=request.user,
                at=timezone.now(),
            )
        except DomainError as problem:
            refusal = problem
        else:
            messages.success(request, f"{order.legacy_number} is taken over as {order.number}.")
            if not order.vendor.is_approved:
                messages.warning(request, _unapproved(order.vendor))
            return redirect("purchase_orders:detail", pk=order.pk)
    context = {"form": form, "refusal": refusal}
    status = 422 if request.method == "POST" else 200
    return render(request, "purchase_orders/import.html", context, status=status)
