"""What an approver reads beside the document itself: the chain, what was said, what changed.

The inbox and the page behind a mail's link show the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from approvals import queries, subjects
from approvals.models import ApprovalRequest, ApprovalStep, StepQuestion
from approvals.subjects import Change, Description
from core.models import Attachment, Comment

NOTHING = "–"


@dataclass(frozen=True)
class Remark:
    """Something that was said about the document: a comment, a question, an answer, a decision."""

    author: Any
    at: datetime
    words: str
    label: str = ""


def context(step: ApprovalStep, description: Description) -> Mapping[str, Any]:
    """For approvals/facts.html, beside `step` and `description`."""
    round_ = step.request
    return {
        "chain": queries.chain_of(round_.subject_id),
        "thread": thread(round_.subject_id),
        "changes": changes(round_),
    }


def thread(subject_id: UUID) -> list[Remark]:
    """Comments, questions with their answers, and decisions with words, oldest first.

    Statements: 3.
    """
    comments = Comment.objects.filter(document_id=subject_id).select_related("author")
    asked = StepQuestion.objects.filter(step__request__subject_id=subject_id)
    decided = ApprovalStep.objects.filter(
        request__subject_id=subject_id, decided_at__isnull=False, kept_from=None
    ).exclude(comment="")
    found = [
        *(Remark(each.author, each.at, each.text) for each in comments),
        *_questions(asked.select_related("asked_by", "asked_of")),
        *(
            Remark(each.decided_by, each.decided_at, each.comment, each.get_status_display())
            for each in decided.select_related("decided_by")
        ),
    ]
    return sorted(found, key=lambda remark: remark.at)


def _questions(asked: Iterable[StepQuestion]) -> Iterable[Remark]:
    for each in asked:
        yield Remark(each.asked_by, each.asked_at, each.question, f"Asks {each.asked_of}")
        if each.answered_at is not None:
            yield Remark(each.asked_of, each.answered_at, each.answer, f"Answers {each.asked_by}")


def changes(round_: ApprovalRequest) -> list[Change]:
    """What is different since the last round in which somebody decided, else the one before.

    Files that came since are named first. Empty in a first round, and where nothing changed.
    """
    decided = ApprovalStep.objects.filter(request=OuterRef("pk"), decided_at__isnull=False)
    earlier = (
        ApprovalRequest.objects.filter(subject_id=round_.subject_id, pk__lt=round_.pk)
        .annotate(was_decided=Exists(decided))
        .order_by("-was_decided", "-pk")
        .first()
    )
    if earlier is None:
        return []
    added = Attachment.objects.filter(
        document_type=round_.subject_type,
        document_id=round_.subject_id,
        uploaded_at__gt=earlier.created_at,
    )
    files = [Change("File", NOTHING, each.name) for each in added.order_by("pk")]
    if earlier.digest == round_.digest:
        return files
    subject = subjects.of(round_.subject_type)
    return files + subject.changes_since(round_.subject_id, earlier.digest)
