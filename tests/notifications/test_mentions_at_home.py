"""Who is named finds it on the home page and over the API, until they have seen to it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from core import comments, outbox
from core.models import TrailEvent
from notifications import mentions
from notifications.models import Mention
from requisitions.models import Requisition
from tests import factories, pages
from tests.api.conftest import signed_in
from tests.factories import NOW
from tests.notifications.test_letters import folder  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(org):
    return factories.submitted(org)


def say(document, words, actor, at=NOW):
    comments.comment(document=document, words=words, actor=actor, at=at)
    outbox.drain()


def home(person):
    return pages.text_of(pages.signed_in(person).get("/"))


def test_whoever_is_named_finds_it_at_home_with_words_and_the_way_there(org, document):
    say(document, "@axel, is this what you meant?", org.rita)
    page = pages.signed_in(org.axel).get("/")
    assert "Somebody mentioned you" in pages.text_of(page)
    assert "Rita Sommer on" in pages.text_of(page)
    assert "is this what you meant?" in pages.text_of(page)
    assert f"/requisitions/{document.pk}/#comments" in page.content.decode()


def test_nobody_else_finds_it(org, document):
    say(document, "@axel, is this what you meant?", org.rita)
    for person in (org.rita, org.bea, org.nils):
        assert "mentioned you" not in home(person)
        assert mentions.unseen(person) == []


def test_it_is_listed_once_however_often_the_worker_tries(org, document):
    say(document, "@axel and @axel again", org.rita)
    event = TrailEvent.objects.get(type="comment.mentioned")
    mentions.list_mentions(event_id=str(event.pk), document_id=str(document.pk))
    assert Mention.objects.count() == 1


def test_seen_it_is_gone_and_the_first_time_stands(org, document):
    say(document, "@axel, look", org.rita)
    found = Mention.objects.get()
    client = pages.signed_in(org.axel)
    assert client.post(f"/mentions/{found.pk}/seen/").url == "/"
    assert "mentioned you" not in home(org.axel)
    found.refresh_from_db()
    first = found.seen_at
    mentions.see(mention=found, actor=org.axel, at=timezone.now() + timedelta(hours=1))
    found.refresh_from_db()
    assert found.seen_at == first


def test_nobody_sees_to_what_is_said_to_another(org, document):
    say(document, "@axel, look", org.rita)
    found = Mention.objects.get()
    rita = pages.signed_in(org.rita)
    assert rita.post(f"/mentions/{found.pk}/seen/").status_code == 404
    rita.post("/mentions/seen/", {"mention": [str(found.pk)]})
    assert signed_in(org.rita).post(f"/api/v1/mentions/{found.pk}/seen/").status_code == 404
    found.refresh_from_db()
    assert found.seen_at is None


def test_looking_takes_nothing_off(org, document):
    say(document, "@axel, look", org.rita)
    found = Mention.objects.get()
    client = pages.signed_in(org.axel)
    assert client.get(f"/mentions/{found.pk}/seen/").status_code == 405
    client.get(f"/requisitions/{document.pk}/")
    assert "mentioned you" in home(org.axel)


def test_all_that_the_page_showed_are_seen_and_what_came_since_stays(org, document):
    for number in range(2):
        say(document, f"@axel, look {number}", org.rita)
    shown = [str(each.mention.pk) for each in mentions.unseen(org.axel)]
    say(document, "@axel, and this", org.rita)
    said = {"mention": [*shown, "nonsense"]}
    pages.signed_in(org.axel).post("/mentions/seen/", said)
    assert [each.mention.comment.text for each in mentions.unseen(org.axel)] == ["@axel, and this"]


def test_who_may_not_see_the_document_any_more_finds_nothing(org, document):
    say(document, "@axel, look", org.rita)
    Requisition.objects.filter(pk=document.pk).update(entity=org.uk)
    assert mentions.unseen(org.axel) == []


def test_ten_cost_what_one_costs(org, document):
    def cost():
        axel = User.objects.select_related("entity").get(pk=org.axel.pk)
        with CaptureQueriesContext(connection) as captured:
            found = mentions.unseen(axel)
        return len(found), len(captured)

    say(document, "@axel, look", org.rita)
    assert cost()[0] == 1
    one = cost()[1]
    for number in range(12):
        say(document, f"@axel, look {number}", org.rita)
    assert cost() == (mentions.SHOWN, one)


def test_over_the_api_one_s_own_are_listed_and_seen_to(org, document):
    say(document, "@axel, look", org.rita)
    axel = signed_in(org.axel, "read")
    (row,) = axel.get("/api/v1/mentions/?seen=false").json()["results"]
    assert row["author"]["name"] == "Rita Sommer"
    assert (row["text"], row["document_type"]) == ("@axel, look", "requisition")
    assert (row["document_id"], row["reference"]) == (str(document.pk), document.reference)
    assert axel.post(f"/api/v1/mentions/{row['id']}/seen/").json()["seen_at"]
    assert axel.get("/api/v1/mentions/?seen=false").json()["results"] == []
    assert len(axel.get("/api/v1/mentions/?seen=true").json()["results"]) == 1
    assert axel.get("/api/v1/mentions/?seen=perhaps").status_code == 400
    assert signed_in(org.rita).get("/api/v1/mentions/").json()["results"] == []
