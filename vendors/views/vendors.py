"""Pages of vendors and the catalog."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.models import Role
from core.queries import attachments, comments, timeline
from core.transitions import available
from core.web import act, require_role, visible_or_404
from vendors import queries, services
from vendors.models import Contract, Vendor
from vendors.models.contracts import DRAFTERS
from vendors.views import bank

SHOWN = 200
TABS = (
    ("approved", "Approved"),
    ("in_review", "In review"),
    ("prospect", "Prospects"),
    ("suspended", "Suspended"),
    ("blocked", "Blocked"),
    ("all", "All"),
)
DONE = {
    "submit": "Put up for review.",
    "approve": "Approved: it may receive orders.",
    "reject": "Sent back to prospect.",
    "suspend": "Suspended: no new orders for now.",
    "reinstate": "Reinstated.",
    "block": "Blocked: no orders any more.",
}
_WHO = (
    Role.BUYER,
    Role.VENDOR_MANAGER,
    Role.AP_CLERK,
    Role.AP_MANAGER,
    Role.CONTROLLER,
    Role.AUDITOR,
    Role.ADMINISTRATOR,
)


@login_required
def vendor_list(request: HttpRequest) -> HttpResponse:
    require_role(request, *_WHO)
    tab, search = request.GET.get("show", "approved"), request.GET.get("q", "")
    status = "" if search or tab not in Vendor.Status.values else tab
    found = queries.listing(request.user, status=status, search=search)
    context = {"vendors": found[:SHOWN], "tabs": TABS, "tab": tab, "search": search, "most": SHOWN}
    return render(request, "vendors/list.html", context)


@login_required
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    require_role(request, *_WHO)
    vendor = visible_or_404(Vendor.objects.visible_to(request.user), pk)
    context = {
        "vendor": vendor,
        "accounts": bank.of_vendor(vendor, timezone.now()),
        "contacts": vendor.contacts.order_by("name"),
        "items": vendor.catalog_items.order_by("name")[:SHOWN],
        "contracts": Contract.objects.visible_to(request.user)
        .filter(vendor=vendor)
        .order_by("-pk")[:SHOWN],
        "actions": available(vendor, request.user),
        "may_edit": request.user.has_role(Role.VENDOR_MANAGER),
        "may_draft": request.user.has_role(*DRAFTERS),
        "events": timeline(vendor).reverse(),
        "files": attachments(vendor),
        "comments": comments(vendor),
    }
    return render(request, "vendors/detail.html", context)


@login_required
@require_POST
def perform(request: HttpRequest, pk: UUID, action: str) -> HttpResponse:
    vendor = visible_or_404(Vendor.objects.visible_to(request.user), pk)
    page = reverse("vendors:detail", args=[pk])
    verb = getattr(services, action)
    given = {"vendor": vendor, "actor": request.user, "at": timezone.now()}
    if action in ("reject", "suspend", "block"):
        given["reason"] = request.POST.get("reason", "")
    return act(request, lambda: verb(**given), done=DONE[action], to=page, refused_to=page)


@login_required
def catalog(request: HttpRequest) -> HttpResponse:
    search = request.GET.get("q", "")
    items = queries.catalog(request.user, search=search, with_retired=False)[:SHOWN]
    context = {
        "items": items,
        "search": search,
        "most": SHOWN,
        "may_request": request.user.has_role(Role.REQUESTER),
    }
    return render(request, "vendors/catalog.html", context)
