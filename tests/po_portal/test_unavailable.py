"""What is answered while nothing can be written: 503 with the time to wait; nothing half done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.utils import timezone

from core import maintenance, tasks, unavailable
from core.models import OutboxItem, TrailEvent, TrailHead
from requisitions.models import Requisition
from tests import servers
from tests.api.conftest import signed_in
from tests.api.test_problems import problem
from tests.api.test_requisitions import said
from tests.factories import Organisation
from tests.faults.stand import waiters
from tests.racing import race

URL = "/api/v1/requisitions/"
on_postgres = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def page_of(org: Organisation) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(org.rita)
    return client


def assert_come_again(answer: Any) -> None:
    assert answer.status_code == 503, answer.content
    wait = int(answer["Retry-After"])
    assert unavailable.LEAST_SECONDS <= wait <= unavailable.MOST_SECONDS


def everything() -> list[int]:
    return [model.objects.count() for model in (Requisition, TrailEvent, OutboxItem)]


@contextmanager
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody listens where the database was."""
    with monkeypatch.context() as cut:
        connection.close()
        cut.setitem(connection.settings_dict, "PORT", str(servers.free_port()))
        yield
    connection.close()


class TestOnPostgres:
    pytestmark = on_postgres

    def test_f08_while_the_database_is_away_everybody_is_told_to_come_again(
        self, org: Organisation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        page, program = page_of(org), signed_in(org.rita)
        with away(monkeypatch):
            answers = [page.get("/requisitions/"), page.post("/accounts/login/", {"login": "x"})]
            program_told = program.get(URL)
            states = [Client().get(each).status_code for each in ("/healthz", "/readyz")]
        for answer in answers:
            assert_come_again(answer)
            assert "The database does not answer right now." in answer.content.decode()
            assert "X-Request-ID" in answer
        assert "Load this page again" in answers[1].content.decode()
        problem(program_told, 503, "unavailable")
        assert_come_again(program_told)
        assert states == [200, 503]
        assert page.get("/requisitions/").status_code == 200, "the same process goes on"

    def test_f08_a_call_cut_off_in_the_middle_never_was_and_is_done_once_when_it_comes_again(
        self, org: Organisation
    ) -> None:
        before = everything()
        client = signed_in(org.rita)

        def ask() -> Any:
            return client.post(URL, said(need_by=None), HTTP_IDEMPOTENCY_KEY="one")

        def cut() -> None:
            while not waiters():
                pass
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks "
                    "WHERE NOT granted AND pid <> pg_backend_pid()"
                )

        TrailHead.objects.get_or_create(stream=str(org.entity.pk))
        with transaction.atomic():
            list(TrailHead.objects.select_for_update())
            answer, _ = race([ask, cut])
        problem(answer, 503, "unavailable")
        assert everything() == before
        assert [ask().status_code for _ in range(2)] == [201, 201]
        assert Requisition.objects.count() == before[0] + 1

    def test_f30_a_statement_that_takes_too_long_is_given_up_and_health_still_answers(
        self, org: Organisation
    ) -> None:
        page, program = page_of(org), signed_in(org.rita)

        def ask() -> list[Any]:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = 0; SET statement_timeout = 100")
            return [page.get("/requisitions/"), program.get(URL), Client().get("/healthz")]

        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {Requisition._meta.db_table} IN ACCESS EXCLUSIVE MODE")
            ((shown, told, health),) = race([ask])
        assert_come_again(shown)
        problem(told, 503, "unavailable")
        assert health.status_code == 200


def test_f29_those_who_were_turned_away_together_come_back_apart() -> None:
    fault = OperationalError("sorry, too many clients already")
    waits = {unavailable.refusal(fault).retry_after for _ in range(500)}
    assert len(waits) > 5


@pytest.mark.parametrize("fault", [OperationalError("no such table: x"), ValueError("x"), None])
def test_a_fault_of_ours_is_not_called_bad_luck(fault: Exception | None) -> None:
    assert unavailable.refusal(fault) is None


@pytest.fixture
def only_read() -> Iterator[Callable[..., str]]:
    def run(*minutes: str) -> str:
        out = StringIO()
        call_command("maintenance", *minutes, stdout=out)
        return out.getvalue()

    yield run
    maintenance.end()


@pytest.mark.django_db
class TestOnlyRead:
    def test_f35_every_write_is_refused_in_words_and_nothing_is_half_done(
        self, org: Organisation, only_read: Callable[..., str]
    ) -> None:
        page, program = page_of(org), signed_in(org.rita)
        before = everything()
        assert only_read("30").startswith("Only read until ")
        answers = [
            page.post("/requisitions/new/", {"title": "Things"}),
            Client().post("/accounts/login/", {"login": "rita@demo.example", "password": "demo"}),
            program.post(URL, said(need_by=None)),
            program.patch(f"{URL}x/", {}),
        ]
        for answer in answers:
            assert answer.status_code == 503
            assert 29 * 60 < int(answer["Retry-After"]) <= 30 * 60
            assert "The portal can only be read for a while." in answer.content.decode()
        problem(answers[2], 503, "read-only")
        assert everything() == before
        assert page.get("/requisitions/").status_code == program.get(URL).status_code == 200
        assert "only_read_until" in page.get("/readyz").json()

    def test_f35_no_worker_works_meanwhile_and_all_goes_on_afterwards(
        self, org: Organisation, only_read: Callable[..., str]
    ) -> None:
        program = signed_in(org.rita)
        now = timezone.now()
        item = OutboxItem.objects.create(
            handler="core.nothing", arguments={}, key="late", created_at=now, run_at=now
        )
        only_read("30")
        for task in (tasks.drain, tasks.sweep, tasks.tick):
            task()
        item.refresh_from_db()
        assert item.attempts == 0
        assert only_read("0") == "Open for changes.\n"
        tasks.drain()
        item.refresh_from_db()
        assert item.attempts == 1
        assert program.post(URL, said(need_by=None)).status_code == 201

    def test_f35_it_ends_by_itself(self) -> None:
        now = timezone.now()
        maintenance.begin(now + timedelta(minutes=1))
        assert maintenance.ends_at(now=now) is not None
        assert maintenance.ends_at(now=now + timedelta(minutes=1)) is None
        maintenance.end()
