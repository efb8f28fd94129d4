"""Pages that follow work which is still being done, by looking again by themselves."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone

register = template.Library()

# How soon a page looks again, by how long the work waits already: most is done in half a second,
# and what is stuck must not be asked for all day.
PACES = ((timedelta(seconds=15), 600), (timedelta(minutes=2), 2_000), (timedelta(hours=1), 10_000))
SLOWEST = 60_000
LONG = timedelta(seconds=20)


@register.inclusion_tag("components/live.html", takes_context=True)
def live(
    context: template.Context,
    since: datetime | None,
    words: str = "",
    *,
    parts: str,
    idle: int = 0,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Replace `parts` of the page (`#state,#side`) until nothing is promised any more.

    `since` is when the work was promised, None where nothing is (see `core.outbox.promised`);
    `words` say what is being done. `idle`: seconds between looks where something may come that
    nobody promised yet; 0 = none. Every part stands on the page at all times. Without scripts the
    words alone stand there.
    """
    waits = (now or timezone.now()) - since if since else None
    return {
        "url": context["request"].get_full_path(),
        "parts": parts,
        "delay": pace(waits) if waits is not None else idle * 1000,
        "words": words if since else "",
        "is_late": waits is not None and waits > LONG,
    }


def pace(waits: timedelta) -> int:
    """Milliseconds until the next look."""
    return next((delay for limit, delay in PACES if waits < limit), SLOWEST)
