"""Whoever is named in a comment hears of it, if they may see what it is about."""

from pathlib import Path

import pytest

from core import comments
from core.errors import Invalid
from core.models import Comment, TrailEvent
from notifications import tasks
from tests import factories
from tests.factories import NOW, Organisation
from tests.notifications.test_letters import folder, mails, text_of, worked  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def box(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue("folder")


def say(org: Organisation, words: str, actor=None) -> Comment:
    made = factories.submitted(org)
    return comments.comment(document=made, words=words, actor=actor or org.rita, at=NOW)


def told_of(box: Path) -> list:
    return [mail for mail in mails(box) if "mentioned you" in mail["Subject"]]


def test_whoever_may_not_see_it_is_not_named(org: Organisation) -> None:
    with pytest.raises(Invalid, match="may not see this") as caught:
        say(org, "What do you think, @rob?")
    assert [each.pointer for each in caught.value.errors] == ["/text"]
    assert not Comment.objects.exists()


def test_an_outsider_is_just_a_word(org: Organisation, box: Path) -> None:
    say(org, "Ask @nils or @nobody or write to info@axel.example")
    worked()
    assert told_of(box) == []
    assert not TrailEvent.objects.filter(type="comment.mentioned").exists()


def test_everybody_named_hears_once(org: Organisation, box: Path) -> None:
    made = say(org, "@axel, is this what you meant? @Axel. @bea knows more.")
    worked()
    event = TrailEvent.objects.get(type="comment.mentioned")
    tasks.mentioned(event_id=str(event.pk), document_id=str(made.document_id))
    letters = told_of(box)
    assert {mail["To"] for mail in letters} == {org.axel.email, org.bea.email}
    assert len(letters) == 2
    assert "is this what you meant?" in text_of(letters[0])
    assert f"/requisitions/{made.document_id}/#comments" in text_of(letters[0])


def test_nobody_mails_themselves(org: Organisation, box: Path) -> None:
    say(org, "Note to @rita: ask again on Monday")
    worked()
    assert told_of(box) == []


def test_who_left_meanwhile_hears_nothing(org: Organisation, box: Path) -> None:
    say(org, "@axel, please look")
    org.axel.is_active = False
    org.axel.save()
    worked()
    assert told_of(box) == []
