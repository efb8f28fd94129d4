"""Numbers of issued documents: gapless per stream, kind and fiscal year, never used twice."""

from core.models import NumberSequence


def take(*, stream: str, kind: str, fiscal_year: int) -> str:
    """The next number, such as `PO-2026-000123`.

    Call it inside the transaction that issues the document and after every other lock: the
    sequence's row stays locked until commit, so a rollback gives the number back.
    """
    key = {"stream": stream, "kind": kind, "fiscal_year": fiscal_year}
    sequence = NumberSequence.objects.select_for_update(no_key=True).filter(**key).first()
    if sequence is None:
        NumberSequence.objects.bulk_create([NumberSequence(**key)], ignore_conflicts=True)
        sequence = NumberSequence.objects.select_for_update(no_key=True).get(**key)
    sequence.last += 1
    sequence.save(update_fields=["last"])
    return f"{kind}-{fiscal_year}-{sequence.last:06d}"
