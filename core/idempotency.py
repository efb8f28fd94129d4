"""One effect per client-made key: the key is claimed in the transaction that does the work.

The same key and request gives the first answer again for a day; a refusal by rule is an answer
too, so a retry after it needs a new key. The same key with another request is refused.
"""

from datetime import datetime, timedelta
from typing import Any

from core.errors import Conflict
from core.models import IdempotencyKey
from core.periodic import job

KEPT_FOR = timedelta(hours=24)


class KeyReused(Conflict):
    slug = "idempotency-key-reused"
    title = "This idempotency key was used for another request."


def begin(*, user: Any, key: str, request_hash: str, at: datetime) -> IdempotencyKey:
    """Claim a key that is most likely new, by one statement. Raises IntegrityError if it is not.

    Call it first in the transaction of the work, as `claim`, which tells whose a taken one is.
    """
    return IdempotencyKey.objects.create(
        user=user, key=key, request_hash=request_hash, created_at=at
    )


def claim(*, user: Any, key: str, request_hash: str, at: datetime) -> IdempotencyKey:
    """Claim a key, or find its first answer: the row's `status` is None only for the claimant.

    Call it first in the transaction of the work: a second request with the same key waits here
    for the first to commit. Raises KeyReused when the key stood for another request.
    """
    mine = IdempotencyKey.objects.filter(user=user, key=key)
    mine.filter(created_at__lt=at - KEPT_FOR).delete()
    IdempotencyKey.objects.bulk_create(
        [IdempotencyKey(user=user, key=key, request_hash=request_hash, created_at=at)],
        ignore_conflicts=True,
    )
    row = mine.get()
    if row.request_hash != request_hash:
        raise KeyReused("Use a new key for a new request.")
    return row


def remember(row: IdempotencyKey, *, status: int, headers: dict[str, str], body: str) -> None:
    """Keep the answer with the key."""
    row.status, row.headers, row.body = status, headers, body
    row.save(update_fields=["status", "headers", "body"])


@job("idempotency.forget", every=timedelta(hours=1))
def forget(*, at: datetime) -> None:
    """Delete keys whose day is over."""
    IdempotencyKey.objects.filter(created_at__lt=at - KEPT_FOR).delete()
