"""Budget changes in the browser: the list, the form, and one change with its effect."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

import approvals.queries
import core.queries
from accounts.models import Role
from budgeting import queries
from budgeting.forms import ChangeForm
from budgeting.models import BudgetChange
from budgeting.models.changes import PROPOSERS
from budgeting.services import changes
from core.decimals import whole
from core.errors import DomainError
from core.transactions import atomic
from core.transitions import available
from core.web import Repeated, act, keyset_page, once, place, require_role, visible_or_404

READERS = (Role.CONTROLLER, Role.AUDITOR, Role.ADMINISTRATOR, Role.BUDGET_OWNER)
TABS = (("open", "Open"), ("approved", "Approved"), ("all", "All"))
VERBS = {"submit": "Sent for approval.", "withdraw": "Taken back.", "reverse": "Proposed."}


@login_required
def change_list(request: HttpRequest) -> HttpResponse:
    """Transfers and revisions, the newest first."""
    require_role(request, *READERS)
    show = request.GET.get("show", "open")
    show = show if show in dict(TABS) else "open"
    context = {
        "page": keyset_page(queries.changes(request.user, show=show), request),
        "tabs": TABS,
        "tab": show,
        "may_propose": request.user.has_role(*PROPOSERS),
        "may_import": request.user.has_role(Role.CONTROLLER),
    }
    return render(request, "budgeting/changes.html", context)


@login_required
def change(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One change: what each budget gets or gives, who must agree, and what happened."""
    found = _seen(request, pk)
    rounds = approvals.queries.trail_ids(found.pk)
    may = available(found, request.user)
    context = {
        "change": found,
        "effects": queries.effects(found),
        "actions": [name for name in ("edit", "submit", "withdraw") if name in may],
        "may_reverse": found.status == BudgetChange.Status.APPROVED
        and request.user.has_role(*PROPOSERS),
        "undone_by": found.reversed_by.order_by("pk").last(),
        "events": core.queries.timeline(found, related=rounds).reverse(),
        "comments": core.queries.comments(found),
        "files": core.queries.attachments(found),
        "currency": found.entity.currency,
        "lists": request.user.has_role(*READERS),
    }
    return render(request, "budgeting/change.html", context)


@login_required
def new(request: HttpRequest) -> HttpResponse:
    """Propose a transfer or a revision; `?from=` names the budget that gives."""
    require_role(request, *PROPOSERS)
    start = whole(request.GET.get("from", ""))
    form = ChangeForm.of(request.user, _typed(request), start=start)

    def make() -> BudgetChange:
        data, _ = form.said()
        return changes.create(
            entity=request.user.entity, data=data, actor=request.user, at=timezone.now()
        )

    return _store(request, form, make, {"title": "Move budget"})


@login_required
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Change a draft, or what was returned or withdrawn; only who proposed it may."""
    found = _seen(request, pk)
    if "edit" not in available(found, request.user):
        raise Http404
    form = ChangeForm.of(request.user, _typed(request), change=found)

    def make() -> BudgetChange:
        data, _ = form.said()
        return changes.edit(change=found, data=data, actor=request.user, at=timezone.now())

    return _store(request, form, make, {"title": f"Change {found.reference}", "change": found})


@login_required
@require_POST
def perform(request: HttpRequest, pk: UUID, action: str) -> HttpResponse:
    """Submit, withdraw or undo: one domain call behind a button."""
    found = _seen(request, pk)
    if action not in VERBS:
        raise Http404
    given = {} if action == "submit" else {"reason": request.POST.get("reason", "")}
    service = getattr(changes, action)
    return act(
        request,
        lambda: service(change=found, actor=request.user, at=timezone.now(), **given),
        done=VERBS[action],
        to=address,
        refused_to=address(found),
    )


def _store(
    request: HttpRequest, form: ChangeForm, make: Any, context: dict[str, Any]
) -> HttpResponse:
    """Keep what was typed as a draft, or send it for approval in the same step."""
    asked_more = request.method == "POST" and "more" in request.POST
    if request.method == "POST" and not asked_more and form.is_valid():

        @atomic
        def work() -> BudgetChange:
            made = make()
            if "submit" in request.POST:
                made = changes.submit(change=made, actor=request.user, at=timezone.now())
            return made

        try:
            return redirect(address(once(request, work, address=address)))
        except Repeated as before:
            return redirect(before.address)
        except DomainError as refusal:
            place(form.head, form.said()[1], refusal, field_of=_field)
    status = 422 if request.method == "POST" and not asked_more else 200
    context = {**context, "form": form, "currency": request.user.entity.currency}
    return render(request, "budgeting/form.html", context, status=status)


def _typed(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _field(parts: list[str]) -> str:
    return "amount" if parts[2:] == ["amount"] else ""


def _seen(request: HttpRequest, pk: UUID) -> BudgetChange:
    found = BudgetChange.objects.visible_to(request.user).select_related(
        "entity", "proposed_by", "decided_by", "reverses"
    )
    return visible_or_404(found, pk)


def address(change: BudgetChange) -> str:
    return reverse("budgeting:change", args=[change.pk])
