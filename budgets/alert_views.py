"""Warnings in the browser: what stands, who took note, and when no mail is wanted."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Role, User
from budgets import services
from budgets.forms import LevelsForm, QuietForm
from budgets.models import AlertSetting, BudgetAlert, BudgetCell, QuietWindow
from budgets.views import ROLES, shown
from core.errors import DomainError, RuleBroken
from core.web import act, add_errors, keyset_page, require_role, visible_or_404

_NAMED = ("cell__cost_center", "cell__gl_account", "cell__project", "cell__fiscal_year")
MOST_WINDOWS = 50


def listed(user: User) -> QuerySet[BudgetAlert]:
    return BudgetAlert.objects.visible_to(user).select_related(*_NAMED, "acknowledged_by")


@require_GET
@login_required
def alerts(request: HttpRequest) -> HttpResponse:
    """What stands, or all that ever was."""
    require_role(request, *ROLES)
    return _page(request, QuietForm(entity=request.user.entity))


def _page(request: HttpRequest, form: QuietForm, status: int = 200) -> HttpResponse:
    entity, user = request.user.entity, request.user
    everything = request.GET.get("show") == "all"
    found = listed(user) if everything else listed(user).standing()
    page = keyset_page(found, request)
    setting = AlertSetting.objects.filter(entity=entity).first()
    windows = QuietWindow.objects.filter(entity=entity, ends_at__gt=timezone.now())
    context = {
        "alerts": [(alert, services.may_answer(alert.cell, user)) for alert in page.items],
        "page": page,
        "show": "all" if everything else "standing",
        "tabs": [("standing", "Open"), ("all", "All")],
        "currency": entity.currency,
        "windows": windows.select_related("set_by").order_by("starts_at")[:MOST_WINDOWS],
        "in_working_time_only": setting is None or setting.in_working_time_only,
        "form": form,
        "sets_quiet": user.has_role(Role.CONTROLLER),
    }
    return render(request, "budgets/alerts.html", context, status=status)


@require_POST
@login_required
def acknowledge(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take note of a warning."""
    require_role(request, *ROLES)
    alert = visible_or_404(BudgetAlert.objects.visible_to(request.user), pk)
    return act(
        request,
        lambda: services.acknowledge(alert=alert, actor=request.user, at=timezone.now()),
        done="Noted.",
        to=reverse("budgets:alerts"),
        refused_to=reverse("budgets:alerts"),
    )


@require_POST
@login_required
def quiet(request: HttpRequest) -> HttpResponse:
    """Add a quiet time."""
    require_role(request, Role.CONTROLLER)
    form = QuietForm(request.POST, entity=request.user.entity)
    if form.is_valid():
        try:
            services.add_quiet_window(
                entity=request.user.entity,
                actor=request.user,
                at=timezone.now(),
                **form.cleaned_data,
            )
        except DomainError as refusal:
            add_errors(form, refusal)
        else:
            messages.success(request, "Added. Mail waits until it is over.")
            return redirect("budgets:alerts")
    return _page(request, form, status=422)


@require_POST
@login_required
def end_quiet(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take a quiet time back."""
    require_role(request, Role.CONTROLLER)
    own = QuietWindow.objects.filter(entity=request.user.entity).select_related("entity")
    services.remove_quiet_window(
        window=visible_or_404(own, pk), actor=request.user, at=timezone.now()
    )
    messages.success(request, "Removed.")
    return redirect("budgets:alerts")


@require_POST
@login_required
def working_time(request: HttpRequest) -> HttpResponse:
    """Say whether mail goes in working hours only."""
    require_role(request, Role.CONTROLLER)
    services.set_working_time_only(
        entity=request.user.entity,
        wanted=request.POST.get("only") == "yes",
        actor=request.user,
        at=timezone.now(),
    )
    messages.success(request, "Saved.")
    return redirect("budgets:alerts")


@require_POST
@login_required
def levels(request: HttpRequest, pk: int) -> HttpResponse:
    """Set at which percentages a budget warns."""
    require_role(request, *ROLES)
    named = BudgetCell.objects.visible_to(request.user).select_related(
        "entity", "fiscal_year", "cost_center", "gl_account", "project"
    )
    cell = visible_or_404(named, pk)
    form = LevelsForm(request.POST)
    if not form.is_valid():
        return shown(request, pk, levels_form=form)
    wanted = form.cleaned_data["levels"]
    try:
        services.set_levels(cell=cell, levels=wanted, actor=request.user, at=timezone.now())
    except RuleBroken as refusal:
        add_errors(form, refusal)
        return shown(request, pk, levels_form=form)
    except DomainError as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, "Saved.")
    return redirect("budgets:detail", pk)
