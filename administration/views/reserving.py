"""From when on accounts take from their budgets: as it is, and the form to propose otherwise."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from accounts.models import Role
from administration.models import ChangeRequest
from administration.views.changes import propose
from budgets.models import GLAccount
from core.web import require_role

MOST_ACCOUNTS = 300  # of one page; the API takes any


class ReservingForm(forms.Form):
    """One choice for each account."""

    reason = forms.CharField(label="Why", widget=forms.Textarea(attrs={"rows": 2}), max_length=2000)

    def __init__(self, *args: Any, accounts: list[GLAccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for account in accounts:
            self.fields[account.code] = forms.ChoiceField(
                choices=GLAccount.ReservesAt.choices,
                label=str(account),
                initial=account.reserves_at,
            )


@login_required
def reserving(request: HttpRequest) -> HttpResponse:
    """All active accounts of the entity, or those whose code or name holds what was searched."""
    require_role(request, Role.ADMINISTRATOR)
    entity, search = request.user.entity, request.GET.get("q", "").strip()
    found = GLAccount.objects.filter(entity=entity, is_active=True).order_by("code")
    if search:
        found = found.filter(name__icontains=search) | found.filter(code__icontains=search)
    accounts = list(found[: MOST_ACCOUNTS + 1])
    shown = accounts[:MOST_ACCOUNTS]
    form = ReservingForm(request.POST or None, accounts=shown)
    return propose(
        request,
        form,
        lambda said: {account.code: said[account.code] for account in shown},
        {"kind": ChangeRequest.Kind.RESERVING},
        template="administration/reserving.html",
        context={
            "entity": entity,
            "accounts": [form[account.code] for account in shown],
            "search": search,
            "more": len(accounts) > MOST_ACCOUNTS,
            "searchable": bool(search) or len(accounts) > 20,
        },
    )
