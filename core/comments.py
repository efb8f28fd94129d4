"""Remarks that people leave on documents they can see, and whom they name in them."""

import re
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model

from core import attachments, events, text
from core.documents import Document
from core.errors import FieldError, Invalid, Missing
from core.models import Comment
from core.transactions import atomic

MOST_MENTIONED = 10
_NAMED = re.compile(r"(?<![\w@.])@([\w][\w.+-]*)")


@atomic
def comment(*, document: Document, words: str, actor: Any, at: datetime) -> Comment:
    """Leave a remark. The caller has found the document among what the actor may see.

    Whoever is named in it (`@rita`, the first part of their address) is told by mail. Raises
    Invalid for words that are none, and for a person who may not see the document.
    """
    errors = text.check(words, "/text", most=5000, required=True, multiline=True)
    if errors:
        raise Invalid(errors=errors)
    named = mentioned(words, entity_id=document.entity_id)  # type: ignore[attr-defined]
    _require_sight(document, named)
    made = Comment.objects.create(
        document_type=document.document_type,
        document_id=document.pk,
        author=actor,
        text=words.strip(),
        at=at,
    )
    said = {"actor": actor, "at": at}
    events.publish(
        f"{document.document_type}.commented", document, data={"comment": str(made.pk)}, **said
    )
    others = [str(person.pk) for person in named if person.pk != actor.pk]
    if others:
        events.publish(
            "comment.mentioned",
            document,
            data={"comment": str(made.pk), "people": others},
            **said,
        )
    return made


def mentioned(words: str, *, entity_id: Any) -> list[Any]:
    """The people of an entity who are named in a remark, each once. Statements: 1 at most.

    A word that names nobody is just a word.
    """
    names = {name.rstrip(".").casefold() for name in _NAMED.findall(words)}
    if not names:
        return []
    people = get_user_model().objects.filter(is_active=True, entity_id=entity_id).order_by("name")
    return [each for each in people if each.email.partition("@")[0].casefold() in names]


def _require_sight(document: Document, people: list[Any]) -> None:
    if len(people) > MOST_MENTIONED:
        _refuse(f"Name at most {MOST_MENTIONED} people in one comment.")
    for person in people:
        try:
            attachments.document_seen_by(
                user=person, document_type=document.document_type, document_id=document.pk
            )
        except Missing:
            _refuse(f"{person} may not see this, so take the @ off their name.")


def _refuse(words: str) -> None:
    raise Invalid(words, errors=[FieldError("/text", "not_visible", words)])
