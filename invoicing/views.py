"""Pages of accounts payable: inbox, capture, one invoice, and the exceptions workbench."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.models import Role
from core import attachments, files, outbox
from core.errors import DomainError
from core.forms import one_more_row
from core.money import UnknownCurrency, minor_units
from core.queries import comments, timeline
from core.transitions import available
from core.web import act, keyset_page, place, require_role, visible_or_404
from invoicing import forms, presentation, queries, services
from invoicing.linking import find_order
from invoicing.models import Invoice, MatchException

AP = (Role.AP_CLERK, Role.AP_MANAGER)
MOST_QUEUED = 100

EXCEPTION_TABS = (("all", "All"), ("fraud", "Possible fraud"))


@login_required
def invoice_list(request: HttpRequest) -> HttpResponse:
    """The inbox: what came, and what became of it."""
    tab = request.GET.get("show", "open")
    search = request.GET.get("q", "")
    found = queries.invoices(request.user, tab="all" if search else tab, search=search)
    context = {
        "page": keyset_page(found, request),
        "tabs": queries.TABS,
        "tab": "" if search else tab,
        "search": search,
        "may_capture": request.user.has_role(*AP),
    }
    return render(request, "invoicing/list.html", context)


@login_required
def upload(request: HttpRequest) -> HttpResponse:
    """Drop UBL files; each is taken in or refused on its own, with every broken rule named."""
    require_role(request, *AP)
    outcomes: list[dict[str, Any]] = []
    for file in request.FILES.getlist("files"):
        outcomes.append(_take_in(request, file))
    if len(outcomes) == 1 and outcomes[0]["invoice"]:
        taken = outcomes[0]["invoice"]
        messages.success(request, f"{taken.get_kind_display()} {taken.number} is in.")
        return redirect("invoicing:detail", pk=taken.pk)
    missing = request.method == "POST" and not outcomes
    refused = sum(1 for each in outcomes if each["refusal"])
    context = {
        # What a person must look at stands first.
        "outcomes": sorted(outcomes, key=lambda each: each["refusal"] is None),
        "missing": missing,
        "refused": refused,
        "taken": len(outcomes) - refused,
    }
    status = 422 if missing or refused else 200
    return render(request, "invoicing/upload.html", context, status=status)


def _take_in(request: HttpRequest, file: Any) -> dict[str, Any]:
    outcome: dict[str, Any] = {"name": file.name, "invoice": None, "refusal": None, "faults": []}
    form = forms.UploadForm(files={"file": file})
    if not form.is_valid():
        outcome["refusal"] = DomainError(form.errors["file"][0])
        return outcome
    try:
        outcome["invoice"] = services.import_file(
            entity=request.user.entity,
            data=file.read(),
            filename=file.name,
            actor=request.user,
            at=timezone.now(),
        )
    except DomainError as refusal:
        outcome["refusal"] = refusal
        if [each.detail for each in refusal.errors] != [refusal.detail]:
            outcome["faults"] = presentation.faults(refusal.errors)
    return outcome


@login_required
def create(request: HttpRequest) -> HttpResponse:
    """Key an invoice; with `?order=`, or on demand, the order's unbilled lines are filled in."""
    require_role(request, *AP)
    form, lines = _bound(request)
    status = 200
    if request.method == "POST" and not {"add_line", "fill"} & set(request.POST):
        if all([form.is_valid(), lines.is_valid()]):
            invoice = _capture(request, form, lines)
            if invoice is not None:
                kind = invoice.get_kind_display()
                messages.success(request, f"{kind} {invoice.number} is in and being matched.")
                return redirect("invoicing:detail", pk=invoice.pk)
        status = 422
    try:
        decimals = minor_units(str(form["currency"].value() or "EUR").upper())
    except UnknownCurrency:
        decimals = 2
    context = {"form": form, "lines": lines, "minor_units": decimals}
    return render(request, "invoicing/form.html", context, status=status)


def _bound(request: HttpRequest) -> tuple[Any, Any]:
    """Head and lines as posted, or as an order that is billed fills them in."""
    if request.method == "POST" and "fill" not in request.POST:
        data = request.POST
        if "add_line" in data:
            data = one_more_row(data, "lines")
        entity = request.user.entity
        return forms.InvoiceForm(data, entity=entity), forms.invoice_lines(entity, data=data)
    return _filled(request)


def _filled(request: HttpRequest) -> tuple[Any, Any]:
    """The form with what its order has open; what was typed before stays."""
    entity = request.user.entity
    typed = {name: request.POST.get(name, "") for name in forms.InvoiceForm.base_fields}
    reference = typed["order_reference"] or request.GET.get("order", "")
    order = find_order(entity, reference, vendor=None, currency=entity.currency)
    if "fill" in request.POST and order is None:
        messages.error(request, f"No order has the number {reference or '–'}.")
    initial = {
        **{name: value for name, value in typed.items() if value},
        "order_reference": reference,
        "currency": order.currency if order else typed["currency"] or entity.currency,
        "issue_date": typed["issue_date"] or entity.day_of(timezone.now()),
    }
    rows = forms.typed_lines(entity, request.POST) if request.POST else []
    billed = {row["order_line_reference"] for row in rows}
    rows += [
        row
        for row in (forms.unbilled_lines(order) if order else [])
        if row["order_line_reference"] not in billed
    ]
    head = forms.InvoiceForm(initial=initial, entity=entity)
    return head, forms.invoice_lines(entity, initial=rows)


def _capture(request: HttpRequest, form: Any, lines: Any) -> Invoice | None:
    """The captured invoice, or None where it was refused; the form says why at its fields."""
    billed = [line for line in lines if line.has_changed() and not line.cleaned_data.get("DELETE")]
    try:
        return services.capture(
            entity=request.user.entity,
            data=form.as_input([line.as_input() for line in billed]),
            actor=request.user,
            at=timezone.now(),
        )
    except DomainError as refusal:
        place(form, billed, refusal)
        return None


@login_required
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One invoice: its lines beside order and receipts, every check, its life."""
    found = Invoice.objects.visible_to(request.user).select_related(
        "vendor", "order", "entity", "captured_by", "original"
    )
    invoice = visible_or_404(found, pk)
    run = queries.latest_run(invoice)
    checks = presentation.checks(run)
    trios = queries.trios(invoice)
    context = {
        "invoice": invoice,
        "trios": trios,
        "charges": invoice.charges.all(),
        "taxes": invoice.taxes.all(),
        "run": run,
        "checks": [row for row in checks if row["outcome"] != "pass"],
        "passed": [row for row in checks if row["outcome"] == "pass"],
        "exceptions": queries.exceptions_queue(request.user).filter(invoice=invoice),
        "accepted": [
            (each, services.ACCEPT_REASONS.get(each.reason_code, ""))
            for each in queries.accepted(invoice)
        ],
        "life": presentation.life(invoice, trios),
        "events": timeline(invoice).reverse(),
        "comments": comments(invoice),
        "files": attachments.of(invoice),
        "actions": available(invoice, request.user),
        "return_form": forms.ReturnForm(),
        "link_form": forms.LinkForm(
            initial={"order_reference": request.GET.get("order", invoice.order_reference)}
        ),
        "is_clerk": request.user.has_role(*AP),
        "promised": outbox.promised(invoice.pk, "invoicing.match"),
        # The receipt that it waits for comes from somebody else, at any time.
        "idle": 5 if invoice.status == Invoice.Status.CAPTURED and invoice.waiting_until else 0,
    }
    return render(request, "invoicing/detail.html", context)


@login_required
def original(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The file as it came, as a download that no browser will run."""
    found = Invoice.objects.visible_to(request.user).filter(original__isnull=False)
    invoice = visible_or_404(found.select_related("original"), pk)
    response = HttpResponse(files.read(invoice.original), content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="invoice-{invoice.pk}.xml"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@login_required
@require_POST
def perform(request: HttpRequest, pk: UUID, action: str) -> HttpResponse:
    """A button on the invoice page."""
    if action not in presentation.DONE:
        raise Http404
    invoice = visible_or_404(Invoice.objects.visible_to(request.user), pk)
    reason = request.POST.get("reason", "")
    who = {"invoice": invoice, "actor": request.user, "at": timezone.now()}
    calls = {
        "match": lambda: services.request_match(**who),
        "clear": lambda: services.clear(**who),
        "reject": lambda: services.reject(reason=reason, **who),
        "dispute": lambda: services.dispute(reason=reason, **who),
        "void": lambda: services.void(reason=reason, **who),
        "link": lambda: services.link_order(
            order_reference=request.POST.get("order_reference", ""), **who
        ),
        "return": lambda: services.return_to_vendor(
            code=request.POST.get("code", ""), reason=reason, **who
        ),
    }
    page = reverse("invoicing:detail", args=[pk])
    typed = {"order": request.POST.get("order_reference", "")} if action == "link" else {}
    return act(
        request,
        calls[action],
        done=presentation.DONE[action],
        to=page,
        refused_to=f"{page}?{urlencode(typed)}" if typed else page,
    )


@login_required
def exceptions(request: HttpRequest, pk: UUID | None = None) -> HttpResponse:
    """The workbench: the queue on the left, one exception with its three documents on the right."""
    require_role(request, *AP, Role.BUYER, Role.AUDITOR, Role.CONTROLLER)
    everything = queries.exceptions_queue(request.user)
    tab = "fraud" if request.GET.get("show") == "fraud" else "all"
    queue = everything.about_fraud() if tab == "fraud" else everything
    current = queue.first() if pk is None else everything.filter(pk=pk).first()
    if pk is not None and current is None:
        visible_or_404(MatchException.objects.visible_to(request.user), pk)
        return redirect("invoicing:exceptions")
    context = {"tabs": EXCEPTION_TABS, "tab": tab, **_workbench(request, queue, current)}
    return render(request, "invoicing/exceptions.html", context)


def _workbench(request: HttpRequest, queue: Any, current: MatchException | None) -> dict[str, Any]:
    context: dict[str, Any] = {
        "queue": list(queue[:MOST_QUEUED]),
        "count": queue.count(),
        "current": current,
        "accept_form": forms.AcceptForm(),
        "return_form": forms.ReturnForm(),
        "may_resolve": request.user.has_role(*AP),
        "limit": request.user.variance_limit,
    }
    if current is not None:
        context |= presentation.comparison(current)
        context["refusal"] = services.accept_refusal(current, request.user, timezone.now())
        context["may_wait"] = queries.expects_receipt(current.invoice)
        everything = queries.exceptions_queue(request.user)
        others = everything.filter(invoice=current.invoice_id).exclude(pk=current.pk)
        context["others"] = list(others[:MOST_QUEUED])
    return context


@login_required
@require_POST
def resolve(request: HttpRequest, pk: UUID, resolution: str) -> HttpResponse:
    """Decide an exception; the next one of the invoice, or of the queue, opens by itself."""
    if resolution not in presentation.RESOLVED:
        raise Http404
    exception = visible_or_404(MatchException.objects.visible_to(request.user), pk)
    reason_code = request.POST.get("reason_code") or request.POST.get("code", "")
    comment = request.POST.get("comment") or request.POST.get("reason", "")
    call = services.resolve
    if resolution == MatchException.Resolution.ACCEPTED and request.POST.get("all"):
        call = services.resolve_all
    return act(
        request,
        lambda: call(
            exception=exception,
            resolution=resolution,
            reason_code=reason_code,
            comment=comment,
            actor=request.user,
            at=timezone.now(),
        ),
        done=presentation.RESOLVED[resolution],
        to=_next_exception,
        refused_to=reverse("invoicing:exception", args=[pk]),
    )


def _next_exception(settled: MatchException) -> str:
    """What else stops the same invoice, else the head of the queue."""
    other = MatchException.objects.filter(invoice=settled.invoice_id).unresolved().order_by("pk")
    found = other.values_list("pk", flat=True).first()
    return (
        reverse("invoicing:exception", args=[found]) if found else reverse("invoicing:exceptions")
    )
