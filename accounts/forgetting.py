"""Who left long ago is forgotten: name, address and title go, what they did stays (ADR 36).

Everything names people by key, the trail too, so that no hash changes. Each entity says after how
many years, at least seven, and may hold everything back while a court may ask for it.
"""

from collections.abc import Callable
from copy import copy
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator

from accounts.authority import locked_person
from accounts.models import Entity, User
from core import events
from core.errors import Conflict
from core.models import TrailEvent
from core.transactions import atomic

NAME = "Former colleague"
DOMAIN = "forgotten.invalid"
_others: list[Callable[[User, User, datetime], None]] = []


class StillKept(Conflict):
    slug = "still-kept"
    title = "This person cannot be forgotten yet."


def also(forget: Callable[[User, User, datetime], None]) -> Callable[[User, User, datetime], None]:
    """Have `forget(person, was, at)` take a person out of what an app above keeps of them.

    Called in the same transaction, with the person as stored and as before.
    """
    if forget not in _others:
        _others.append(forget)
    return forget


def due(*, at: datetime) -> list[User]:
    """Who left their entity as long ago as it keeps people, and is not forgotten. No hold."""
    found: list[User] = []
    for entity in Entity.objects.filter(legal_hold=False).order_by("code"):
        left = TrailEvent.objects.filter(stream=entity.stream, type="person.deactivated")
        long_ago = left.filter(at__lte=_kept_since(entity, at)).values("document_id")
        lately = left.filter(at__gt=_kept_since(entity, at)).values("document_id")
        people = User.objects.filter(entity=entity, is_active=False, pk__in=long_ago)
        found += people.exclude(pk__in=lately).exclude(email__endswith=f"@{DOMAIN}").order_by("pk")
    return found


@atomic
def forget(*, person: User, at: datetime) -> User:
    """Take a person's name, address and title away, from what was recorded of them too.

    Raises StillKept for who works here, left less long ago than the entity keeps people, or while
    the entity holds everything back.
    """
    person = locked_person(person)
    if person not in due(at=at):
        raise StillKept()
    was = copy(person)
    person.name, person.job_title = NAME, ""
    person.email = f"{person.pk}@{DOMAIN}"
    person.set_unusable_password()
    person.version += 1
    person.save()
    person.history.update(name=person.name, email=person.email, job_title="")
    EmailAddress.objects.filter(user=person).delete()
    Authenticator.objects.filter(user=person).delete()
    for forget_there in _others:
        forget_there(person, was, at)
    events.publish("person.forgotten", person, actor=None, at=at)
    return person


def _kept_since(entity: Entity, at: datetime) -> datetime:
    return at - timedelta(days=366 * entity.people_kept_years)
