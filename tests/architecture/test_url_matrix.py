"""Who gets what at every address: url_matrix.txt says it, and an address missing from it fails.

A line is `address{arguments} METHOD | outcome people | outcome people …`. The outcome is the
status, with a * when something was written to the trail. `others` are the signed-in people that
the line does not name, `nobody` is somebody signed out. Each call is undone before the next.

A new address: give its arguments in url_scene.py, run this test, look hard at the lines that the
failure shows, and put them into url_matrix.txt.

Rights do not depend on the database: everybody is asked on the embedded defaults, and on PostgreSQL
one person of each outcome.
"""

import fnmatch
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from rest_framework.test import APIClient

from core.models import TrailEvent
from tests.api.conftest import clock, signed_in  # noqa: F401
from tests.architecture.url_scene import ARGUMENTS, BODIES, Scene, build
from tests.factories import NOW, Organisation

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]
MATRIX = Path(__file__).with_name("url_matrix.txt")
PEOPLE = (
    *("rita", "axel", "dora", "bea", "rob", "finn", "fay", "cora"),
    *("vera", "olga", "ada", "sven", "nils"),
)
NOBODY = "nobody"


def said() -> list[str]:
    """The lines of the matrix without its comments."""
    lines = (line.strip() for line in MATRIX.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def addresses() -> Iterator[tuple[str, set[str]]]:
    """Every named address of the portal with the names of its path arguments."""

    def walk(patterns: Any, space: str, taken: frozenset[str]) -> Iterator[tuple[str, set[str]]]:
        for each in patterns:
            names = taken | set(each.pattern.regex.groupindex)
            if isinstance(each, URLResolver):
                inner = f"{space}{each.namespace}:" if each.namespace else space
                yield from walk(each.url_patterns, inner, frozenset(names))
            elif isinstance(each, URLPattern):
                yield f"{space}{each.name}", set(names)

    yield from walk(get_resolver().url_patterns, "", frozenset())


def best(table: dict[str, Any], name: str) -> Any:
    """The entry of the longest pattern that fits the name, or None."""
    fitting = [pattern for pattern in table if fnmatch.fnmatchcase(name, pattern)]
    return table[max(fitting, key=len)] if fitting else None


def doors(scene: Scene) -> Iterator[tuple[str, str, str]]:
    """(label, address, path) of every address with every set of arguments."""
    for name, taken in addresses():
        tries = best(ARGUMENTS, name) if taken else [{}]
        assert tries, f"url_scene.ARGUMENTS says nothing about {name}"
        for given in tries:
            label = ",".join(given.values()) if taken else ""
            values = {key: scene.ids.get(value, value) for key, value in given.items()}
            path = "/api/v1/nothing/" if name == "api:unknown" else reverse(name, kwargs=values)
            yield f"{name}{{{label}}}" if label else name, name, path


def clients(org: Organisation, name: str) -> dict[str, Any]:
    """Everybody as this address knows them: by token at the API, by session at a page."""
    found: dict[str, Any] = {}
    for person in PEOPLE:
        user = org.people[person]
        if name.startswith("api:"):
            found[person] = signed_in(user, raise_request_exception=False)
        else:
            found[person] = Client(raise_request_exception=False)
            found[person].force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    found[NOBODY] = APIClient() if name.startswith("api:") else Client()
    return found


class Undone(Exception):
    """Ends a call's transaction so that nothing of it stays."""


def knock(client: Any, method: str, path: str, name: str, scene: Scene) -> str:
    """The outcome of one call, which is then undone."""
    cache.clear()  # what is limited or capped by the minute is asked for by everybody here
    cookies = client.cookies.output(header="", sep=";")
    body = scene.filled(best(BODIES, name)) if method != "GET" else {}
    outcome = ""
    try:
        with transaction.atomic():
            if name.startswith("api:") and method != "GET":
                answer = getattr(client, method.lower())(path, body, format="json")
            else:
                answer = getattr(client, method.lower())(path, body)
            wrote = TrailEvent.objects.exclude(type="address.refused").count() > scene.events
            outcome = f"{answer.status_code}{'*' if wrote else ''}"
            raise Undone
    except Undone:
        client.cookies.clear()
        client.cookies.load(cookies)
        return outcome


def row(outcomes: dict[str, str]) -> str:
    """People by outcome; the largest signed-in group is called `others`."""
    groups: dict[str, list[str]] = defaultdict(list)
    for person in PEOPLE:
        groups[outcomes[person]].append(person)
    largest = max(groups, key=lambda outcome: len(groups[outcome]))
    parts = [
        f"{outcome} {'others' if outcome == largest else ' '.join(people)}"
        for outcome, people in sorted(groups.items())
    ]
    return " | ".join([*parts, f"{outcomes[NOBODY]} {NOBODY}"])


def found_rows(org: Organisation, scene: Scene) -> dict[str, str]:
    rows: dict[str, str] = {}
    people: dict[bool, dict[str, Any]] = {}
    for label, name, path in doors(scene):
        is_api = name.startswith("api:")
        if is_api not in people:
            people[is_api] = clients(org, name)
        for method in ("GET", "POST", "PATCH") if is_api else ("GET", "POST"):
            outcomes = {
                who: knock(client, method, path, name, scene)
                for who, client in people[is_api].items()
            }
            taken = {outcomes[who] for who in PEOPLE} != {"405"}
            told = row(outcomes)
            if taken and told != rows.get(f"{label} GET"):  # a page that only shows is told once
                rows[f"{label} {method}"] = told
    return rows


def matrix() -> dict[str, str]:
    """What the matrix says, by address and method."""
    return dict((part.strip() for part in line.split("|", 1)) for line in said())  # type: ignore[misc]


@pytest.mark.once
def test_everybody_gets_at_every_address_what_the_matrix_says(org: Organisation) -> None:
    scene = build(org, NOW)
    found = found_rows(org, scene)
    told = matrix()
    differing = [
        f"{door} | {outcome}   (said: {told.get(door, 'nothing')})"
        for door, outcome in found.items()
        if told.get(door) != outcome
    ]
    stale = sorted(set(told) - set(found))
    assert not differing, "look hard, then say so in url_matrix.txt:\n" + "\n".join(differing)
    assert not stale, f"the matrix tells of addresses that are gone: {stale}"


def one_of_each(told: str) -> Iterator[tuple[str, str]]:
    """(outcome, somebody who gets it) of a line; `others` are those whom it does not name."""
    parts = [part.split() for part in told.split("|") if part]
    named = {who for _, *people in parts for who in people}
    for outcome, first, *_ in parts:
        others = (who for who in PEOPLE if who not in named)
        yield outcome, next(others) if first == "others" else first


@pytest.mark.postgres
def test_every_answer_of_the_matrix_is_given_on_postgresql(org: Organisation) -> None:
    scene, told = build(org, NOW), matrix()
    people = {is_api: clients(org, "api:" if is_api else "") for is_api in (True, False)}
    differing = []
    for label, name, path in doors(scene):
        for method in ("GET", "POST", "PATCH"):
            for outcome, who in one_of_each(told.get(f"{label} {method}", "")):
                client = people[name.startswith("api:")][who]
                found = knock(client, method, path, name, scene)
                if found != outcome:
                    differing.append(f"{label} {method} {who}: {found}, said: {outcome}")
    assert not differing, "\n".join(differing)


def test_nobody_signed_out_reads_or_changes_anything() -> None:
    """Signed out there are the sign-in, health, the API's description and the links of mails."""
    open_doors = (
        "healthz",
        "readyz",
        "account_",
        "api:schema",
        "api:docs",
        "api:token",
        "approvals:link",
        "approvals:new_link",
        "notifications:mail",
    )
    for line in said():
        if line.startswith(open_doors):
            continue
        outcome = next(part for part in line.split("|") if part.strip().endswith(NOBODY)).split()[0]
        assert outcome in ("401", "302", "403", "404", "405"), line


def test_the_other_entity_never_gets_in() -> None:
    """nils holds every role, in the other entity: where a document is named he finds none."""
    for line in said():
        door = line.partition("|")[0]
        if "{" not in door or door.startswith(("api:report", "approvals:link", "account_")):
            continue
        outcomes = {
            who: part.split()[0] for part in line.split("|")[1:] for who in part.split()[1:]
        }
        # 404*: the attempt, and nothing else, stands in the trail
        assert outcomes.get("nils", outcomes.get("others")) in ("404", "404*", "405"), line
