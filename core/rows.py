"""Writing some columns of many rows that exist and are locked."""

from collections.abc import Sequence

from django.db import models


def store(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write these fields of rows whose locks the caller holds. Statements: 1, or none without rows.

    As an upsert on the primary key, which always finds its row: `bulk_update` spells a CASE per
    field and row, and composing that costs many times what the database needs to run it. Like it,
    this leaves no history row: for lines and balances, never for documents.
    """
    if rows:
        rows[0]._meta.base_manager.bulk_create(
            rows, update_conflicts=True, unique_fields=["id"], update_fields=fields
        )
