"""What the queue does with an item that no worker survives."""

from datetime import timedelta

import pytest

from core import outbox
from core.models import OutboxItem
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LEASE = timedelta(minutes=5)


def promised(key: str) -> OutboxItem:
    outbox.enqueue("core.nothing", {}, key=key, at=NOW)
    return OutboxItem.objects.get(key=key)


def test_what_kills_every_worker_is_parked_and_stands_in_nobodys_way():
    deadly, harmless = promised("deadly"), promised("harmless")
    OutboxItem.objects.filter(pk=harmless.pk).update(run_at=NOW + timedelta(hours=3))
    now = NOW
    for _ in range(outbox.MOST_ATTEMPTS):
        assert outbox.claim(now=now, lease=LEASE) == deadly
        now += 2 * LEASE  # its worker died; nobody put the item back
    assert outbox.claim(now=now, lease=LEASE) is None
    deadly.refresh_from_db()
    assert deadly.parked_at == now and "deadly" in deadly.error
    assert outbox.claim(now=NOW + timedelta(hours=4), lease=LEASE) == harmless


def test_a_replayed_item_has_all_its_attempts_again():
    item = promised("deadly")
    OutboxItem.objects.update(attempts=outbox.MOST_ATTEMPTS)
    assert outbox.claim(now=NOW) is None
    item.refresh_from_db()
    outbox.replay(item, now=NOW)
    assert outbox.claim(now=NOW) == item
