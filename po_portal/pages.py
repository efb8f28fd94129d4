"""Home and search: the two pages that look into every room."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from notifications import mentions
from po_portal import home as data


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """What waits for me, what of mine waits for others, and the budgets I own."""
    user = request.user
    context = {"first_name": (user.name.split() or [user.email])[0], "budgets": []}
    if user.entity is not None:
        today = user.entity.day_of(timezone.now())
        year = user.entity.fiscal_year_of(today)
        work = data.waiting_for(user)
        context |= {
            "today": today,
            "beginnings": data.beginnings_of(user),
            "work": work,
            "waiting": sum(group.count for group in work),
            "with_others": data.with_others(user),
            "mentions": mentions.unseen(user),
            "budgets": data.own_budgets(user, year=year),
        }
    return render(request, "home.html", context)


@login_required
def search(request: HttpRequest) -> HttpResponse:
    """Documents by number or text."""
    words = request.GET.get("q", "").strip()[:100]
    found = data.search(request.user, words) if words and request.user.entity else []
    return render(request, "search.html", {"words": words, "found": found})
