"""When a decision needs more than the means at hand: a sign-in, or a proof from a moment ago.

A mail decides only what is small, within budget and ordinary. Everything else asks for sign-in
(rule E5) and for a proof of the last minutes that it is the person (rule E6), wherever it is
decided: from a mail, in the inbox or over the API.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import step_up
from accounts.models import User
from approvals import queries, subjects
from approvals.models import ApprovalStep
from approvals.subjects import Description
from core import refusals

KEPT = "kept_decisions"  # session key: step id -> what was typed before the detour
MOST_KEPT = 5


def reasons(step: ApprovalStep, description: Description | None = None) -> list[str]:
    """Why this decision deserves more care; empty when it does not.

    `description` adds what its budgets say today to what they said when it was submitted.
    """
    round_ = step.request
    checks = description.budget if description is not None else ()
    found = []
    if round_.amount > step.entity.email_decision_limit:
        found.append("the amount is above what may be decided from a mail")
    if round_.facts.get("budget_state", "ok") != "ok" or any(
        getattr(check, "verdict", "ok") != "ok" for check in checks
    ):
        found.append("it goes over budget")
    if round_.facts.get("vendor_status", "approved") != "approved":
        found.append("the vendor is not an approved one")
    if round_.emergency or round_.facts.get("emergency"):
        found.append("it is an emergency")
    if said := round_.facts.get("sign_in"):  # the document itself asks for more care
        found.append(str(said))
    return found


def signin_reasons(
    step: ApprovalStep, person: User, *, at: datetime, description: Description | None = None
) -> list[str]:
    """Why a mail alone is not enough for this person's decision; empty when it is."""
    found = reasons(step, description)
    if queries.standing_delegations(person, at).exists():
        found.append("somebody else may decide for you at the moment")
    return found


def needs_proof(
    request: Any, step: ApprovalStep, *, at: datetime, description: Description | None = None
) -> bool:
    """Whether this decision waits for a re-authentication of whoever is signed in."""
    return not step_up.is_proven(request, at=at) and bool(
        reasons(step) or reasons(step, description or _described(step))
    )


def require_proof(request: Any, step: ApprovalStep, *, at: datetime) -> None:
    """Raise StepUpNeeded where `needs_proof`, for callers who cannot be led on a detour."""
    if needs_proof(request, step, at=at):
        why = "; ".join(reasons(step, _described(step)))
        raise step_up.StepUpNeeded(f"This needs a proof that it is you: {why}.")


def _described(step: ApprovalStep) -> Description:
    return subjects.of(step.request.subject_type).describe(step.request.subject_id)


def note_attempt(user: User, step_id: UUID, *, at: datetime) -> None:
    """Have the trail remember that somebody tried to act on a step that is none of theirs.

    They get the same answer as for a step that does not exist.
    """
    step = ApprovalStep.objects.select_related("request").filter(pk=step_id).first()
    if step is not None:
        refusals.record(
            "approval.refused",
            step,
            actor=user,
            at=at,
            why="not-found",
            words="tried to act on what waits for somebody else",
        )


def keep(request: Any, step_id: UUID, said: dict[str, str]) -> None:
    """Remember what was typed while the person proves who they are."""
    kept = dict(list(request.session.get(KEPT, {}).items())[-(MOST_KEPT - 1) :])
    request.session[KEPT] = {**kept, str(step_id): said}


def kept(request: Any, step_id: UUID, digest: str) -> dict[str, str]:
    """What was typed before the detour, once; empty when nothing was.

    A choice that was made on other content than is shown now is not handed back.
    """
    found = dict(request.session.get(KEPT, {}))
    said = found.pop(str(step_id), None)
    if said is None:
        return {}
    request.session[KEPT] = found
    return {**said, "decision": said["decision"] if said["digest"] == digest else ""}
