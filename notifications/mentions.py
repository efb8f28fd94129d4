"""Who is named in comments: listed for them until they have seen to it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import User
from core import outbox
from core.errors import Missing
from core.models import Comment, TrailEvent
from core.transactions import atomic
from core.web import pages_of
from notifications.models import Mention

SHOWN = 10


@dataclass(frozen=True)
class Named:
    """One mention with the page it leads to."""

    mention: Mention
    page: str


@outbox.handler("notifications.list_mentions")
def list_mentions(*, event_id: str, document_id: str) -> None:
    """List a comment for everybody who is named in it, once however often this runs."""
    event = TrailEvent.objects.get(pk=event_id)
    made = Comment.objects.get(pk=event.data["comment"])
    rows = [
        Mention(person_id=person, comment=made, reference=event.document_reference, at=event.at)
        for person in event.data["people"]
    ]
    Mention.objects.bulk_create(rows, ignore_conflicts=True)


def unseen(user: User) -> list[Named]:
    """The newest that somebody has not seen yet, of documents that they may see still.

    Statements: 1, and one for each kind of document.
    """
    rows = Mention.objects.visible_to(user).filter(seen_at=None)
    found = list(rows.select_related("comment__author").order_by("-id")[:SHOWN])
    pages = pages_of(
        user, [(each.comment.document_type, each.comment.document_id) for each in found]
    )
    return [
        Named(each, f"{pages[each.comment.document_id]}#comments")
        for each in found
        if each.comment.document_id in pages
    ]


@atomic
def see(*, mention: Mention, actor: Any, at: datetime) -> Mention:
    """Take one off one's own list; the first time stands. Raises Missing for somebody else's."""
    if mention.person_id != actor.pk:
        raise Missing()
    Mention.objects.filter(pk=mention.pk, seen_at=None).update(seen_at=at)
    return Mention.objects.get(pk=mention.pk)


@atomic
def see_all(*, person: User, of: Collection[UUID], at: datetime) -> None:
    """Take those off the list that the person had on the page; newer ones stay."""
    Mention.objects.visible_to(person).filter(pk__in=of, seen_at=None).update(seen_at=at)
