"""Who decides for whom: given, received, and by the people one looks after."""

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.models import Role, User
from approvals import queries, services, subjects
from approvals.models import DECIDING_ROLES, Delegation
from approvals.services.delegations import MOST_REASON
from core.errors import DomainError
from core.web import act, add_errors, visible_or_404

SHOWN = 100


class DelegationForm(forms.Form):
    """Days are whole days of the entity; the cap is in its currency."""

    from_user = forms.ModelChoiceField(queryset=User.objects.none(), label="For")
    to_user = forms.ModelChoiceField(
        queryset=User.objects.none(), label="May decide as well", empty_label="Choose somebody"
    )
    valid_from = forms.DateField(
        label="From", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    valid_to = forms.DateField(
        label="To",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="The last day.",
    )
    max_amount = forms.DecimalField(
        label="Up to",
        required=False,
        localize=False,
        help_text="Empty: up to the limit of who delegates.",
    )
    duties = forms.MultipleChoiceField(
        label="Only for",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: for everything that can be approved.",
    )
    reason = forms.CharField(max_length=MOST_REASON, help_text="Such as: holiday.")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        colleagues = User.objects.filter(entity=user.entity_id, is_active=True)
        deciding = colleagues.filter(role_assignments__role__in=DECIDING_ROLES).distinct()
        looked_after = deciding.filter(pk=user.pk) | deciding.filter(manager=user)
        givers = deciding if user.has_role(Role.ADMINISTRATOR) else looked_after.distinct()
        self.fields["from_user"].queryset = givers.order_by("name")
        self.fields["to_user"].queryset = deciding.order_by("name")
        self.fields["duties"].choices = [
            (name, name.replace("_", " ").capitalize()) for name in subjects.names()
        ]


@login_required
def delegations(request: HttpRequest) -> HttpResponse:
    """What stands and what stood; a new one is given on the same page."""
    user, at = request.user, timezone.now()
    today = user.entity.day_of(at)
    initial = {"from_user": user.pk, "valid_from": today, "valid_to": today + timedelta(days=14)}
    form = DelegationForm(request.POST or None, user=user, initial=initial)
    status = 200
    if request.method == "POST":
        if form.is_valid() and _given(request, form, at):
            return redirect("approvals:delegations")
        status = 422
    return _page(request, form, at, status)


def _given(request: HttpRequest, form: DelegationForm, at: datetime) -> bool:
    said = form.cleaned_data
    entity = request.user.entity
    try:
        made = services.delegate(
            from_user=said["from_user"],
            to_user=said["to_user"],
            duties=said["duties"],
            valid_from=datetime.combine(said["valid_from"], time.min, entity.zone),
            valid_to=datetime.combine(said["valid_to"] + timedelta(days=1), time.min, entity.zone),
            max_amount=said["max_amount"],
            reason=said["reason"],
            actor=request.user,
            at=at,
        )
    except DomainError as refusal:
        add_errors(form, refusal)
        return False
    messages.success(request, f"{made.to_user} may decide for {made.from_user} as well.")
    return True


@login_required
@require_POST
def revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End one at once."""
    delegation = visible_or_404(queries.delegations(request.user), pk)
    here = reverse("approvals:delegations")
    return act(
        request,
        lambda: services.revoke_delegation(
            delegation=delegation,
            actor=request.user,
            at=timezone.now(),
            reason=request.POST.get("reason", ""),
        ),
        done=f"{delegation.to_user} does not decide for {delegation.from_user} any more.",
        to=here,
        refused_to=here,
    )


def _page(request: HttpRequest, form: DelegationForm, at: datetime, status: int) -> HttpResponse:
    found = list(queries.delegations(request.user)[:SHOWN])
    standing = [
        each for each in found if each.status == Delegation.Status.STANDING and each.valid_to > at
    ]
    names = dict(form.fields["duties"].choices)
    for each in found:
        each.words = ", ".join(names.get(duty, duty) for duty in each.duties) or "Everything"
        each.is_future = each.valid_from > at
        each.may_revoke = _may_revoke(request.user, each)
    context = {
        "form": form,
        "may_give": form.fields["from_user"].queryset.exists(),
        "standing": standing,
        "past": [each for each in found if each not in standing],
    }
    return render(request, "approvals/delegations.html", context, status=status)


def _may_revoke(user: Any, delegation: Delegation) -> bool:
    return (
        user.pk == delegation.from_user_id
        or user.pk == delegation.from_user.manager_id
        or user.has_role(Role.ADMINISTRATOR)
    )
