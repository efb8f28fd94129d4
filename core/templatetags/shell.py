"""The frame around every page: navigation, theme, messages, the person at the foot."""

from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest

from core import navigation

register = template.Library()

# The people of the demo organisation as the sign-in page offers them.
DEMO_PEOPLE = (
    ("rita", "requests"),
    ("axel", "approves for Rita"),
    ("dora", "director, budget owner"),
    ("bea", "buys"),
    ("rob", "receives"),
    ("finn", "accounts payable"),
    ("fay", "leads accounts payable"),
    ("cora", "controls"),
    ("vera", "manages vendors"),
    ("olga", "audits"),
    ("ada", "administers"),
    ("nils", "second entity"),
)

TONES = {
    "success": ("good", "circle-check"),
    "warning": ("wait", "alert-triangle"),
    "error": ("bad", "alert-circle"),
}


@register.inclusion_tag("components/navigation.html", takes_context=True, name="navigation")
def navigation_tag(context: template.Context) -> dict[str, Any]:
    """The side navigation of the signed-in person, with what waits behind each entry."""
    request: HttpRequest | None = context.get("request")
    user = getattr(request, "user", None)
    if request is None or user is None or not user.is_authenticated:
        return {"sections": []}
    return {"sections": navigation.sections(user=user, path=request.path)}


@register.simple_tag(takes_context=True)
def theme(context: template.Context) -> str:
    """`light` or `dark` as the person chose on this browser; empty = as the system does."""
    request = context.get("request")
    chosen = request.COOKIES.get("theme", "") if request is not None else ""
    return chosen if chosen in ("light", "dark") else ""


@register.simple_tag
def is_demo() -> bool:
    """Whether this portal shows the demo organisation."""
    return bool(getattr(settings, "PORTAL_DEMO", False))


@register.simple_tag
def address(url_name: str) -> str:
    """The path of a URL name; empty where no such page is served. Never an error."""
    return navigation.address(url_name)


@register.inclusion_tag("components/messages.html", takes_context=True, name="messages")
def messages_tag(context: template.Context) -> dict[str, Any]:
    """What the last action has to say, each line with the tone of its level."""
    rows = []
    for message in context.get("messages") or ():
        tone, icon = TONES.get(message.level_tag, ("info", "info-circle"))
        rows.append({"text": message, "tone": tone, "icon": icon})
    return {"rows": rows}


@register.simple_tag
def demo_people() -> list[dict[str, str]]:
    """Name, address and work of each demo person; nobody outside the demo."""
    if not is_demo():
        return []
    return [
        {"name": name.title(), "email": f"{name}@demo.example", "does": does}
        for name, does in DEMO_PEOPLE
    ]
