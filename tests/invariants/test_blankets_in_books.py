"""Blanket orders and what they commit themselves, step by step against the model (C24)."""

import pytest
from django.utils import timezone

from tests.factories import Organisation
from tests.invariants.fixtures import assert_books_hold
from tests.invariants.machine.world import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("commits", ["releases", "limit"])
def test_releases_are_issued_changed_closed_and_reopened(
    org: Organisation, monkeypatch: pytest.MonkeyPatch, commits: str
) -> None:
    world = World(org)
    monkeypatch.setattr(timezone, "now", lambda: world.now)
    world.agree_on(("A", "B"), 200, commits)
    world.issue(-4)
    world.agree()
    for quantity in (3, 4, 4):  # the third is beyond the limit
        world.release_from(0, quantity)
        world.issue(-4)
        world.agree()
    assert (world.done["issue"], world.refused["draft release: beyond-agreement"]) == (3, 1)
    world.receive(4, 3)
    world.bill(0, 1, 0, "invoice")
    world.catch_up()
    for step in (
        lambda: world.draft_change(4, -1, 0),
        lambda: world.submit_change(-4),
        lambda: world.agree_to(-4),
        lambda: world.issue_change(0),
        lambda: world.end_order("close", 4),
        world.catch_up,
        lambda: world.void(0),
        lambda: world.bill(0, 2, 0, "invoice"),
        world.catch_up,
        lambda: world.accept(0),
        lambda: world.end_order("close", 0),
        lambda: world.end_order("reopen", 4),
        world.catch_up,
    ):
        step()
        world.agree()
    assert (world.done["void"], world.done["cleared"]) == (1, 2), (world.done, world.refused)
    assert_books_hold()
