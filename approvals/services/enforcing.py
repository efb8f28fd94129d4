"""What is in force: put there by a second person, and out of it by two."""

from datetime import datetime

from accounts.models import Role, User
from approvals import analysis
from approvals.conditions import PolicyBroken
from approvals.models import ApprovalPolicy, ApprovalRequest
from approvals.services.policies import MOST_DESCRIPTION, locked_policy, versions_of
from core import events, text, transactions
from core.errors import Conflict, FieldError, Invalid, NotAllowed
from core.transitions import perform


@transactions.atomic
def activate(
    *,
    policy_version: ApprovalPolicy,
    actor: User,
    at: datetime,
    approved: ApprovalRequest | None = None,
) -> ApprovalPolicy:
    """Let a draft version decide from now on; the version before it retires.

    Running rounds keep their own snapshot. `approved` is a round of approval about exactly this
    that ended well: its last approver then needs no role of their own. Raises NotAllowed for
    anybody but an administrator or controller of its entity and for whoever worked on it,
    PolicyBroken when a rule names what nobody knows, can never decide or finds nobody to ask.
    """
    versions = versions_of(policy_version)
    chosen = next(each for each in versions if each.pk == policy_version.pk)
    _require_second_person(chosen, actor, approved)
    _require_sound(chosen, at)
    for each in versions:
        if each.status == ApprovalPolicy.Status.ACTIVE:
            perform(each.retire, actor=actor, at=at)
            each.save()
            events.publish("approval_policy.retired", each, actor=actor, at=at)
    perform(chosen.activate, actor=actor, at=at)
    chosen.activated_at, chosen.activated_by = at, actor
    chosen.save()
    events.publish("approval_policy.activated", chosen, actor=actor, at=at)
    return chosen


@transactions.atomic
def retire(
    *, policy: ApprovalPolicy, actor: User, at: datetime, reason: str = ""
) -> ApprovalPolicy:
    """Let a policy decide nothing any more; what it covered goes to others or to the fallback.

    Two people do: the first one asks for it and it stays in force, the second one ends it. Raises
    NotAllowed for all but administrators and controllers and for who asked, IllegalTransition
    unless it is active, Invalid.
    """
    chosen = _locked_for(policy, actor, reason)
    if chosen.retirement_asked_by_id == actor.pk:
        raise NotAllowed("You asked for this; somebody else must take it out of force.")
    if chosen.retirement_asked_by_id is None and chosen.status == ApprovalPolicy.Status.ACTIVE:
        chosen.retirement_asked_by, word = actor, "retirement_asked"
    else:
        perform(chosen.retire, actor=actor, at=at)
        word = "retired"
    chosen._history_user = actor
    chosen.save()
    events.publish(f"approval_policy.{word}", chosen, actor=actor, at=at, reason=reason.strip())
    return chosen


@transactions.atomic
def keep_policy(
    *, policy: ApprovalPolicy, actor: User, at: datetime, reason: str = ""
) -> ApprovalPolicy:
    """Let a policy stay in force that somebody wanted out of it: whoever asked, or another.

    Raises NotAllowed as `retire` does, Conflict where nobody asked, Invalid.
    """
    chosen = _locked_for(policy, actor, reason)
    if chosen.retirement_asked_by_id is None or chosen.status != ApprovalPolicy.Status.ACTIVE:
        raise Conflict(f"Nobody wants {chosen} out of force.")
    chosen.retirement_asked_by = None
    chosen._history_user = actor
    chosen.save()
    events.publish("approval_policy.kept", chosen, actor=actor, at=at, reason=reason.strip())
    return chosen


def _locked_for(policy: ApprovalPolicy, actor: User, reason: str) -> ApprovalPolicy:
    chosen = locked_policy(policy)
    _require_keeper(chosen, actor)
    if errors := text.check(reason, "/reason", most=MOST_DESCRIPTION, multiline=True):
        raise Invalid(errors=errors)
    return chosen


def _require_colleague(chosen: ApprovalPolicy, actor: User | None) -> None:
    if actor is None or not actor.is_active or actor.entity_id != chosen.entity_id:
        raise NotAllowed("Only a person of the entity puts a policy into force or out of it.")


def _require_keeper(chosen: ApprovalPolicy, actor: User) -> None:
    """Who may put policies of the entity into force and out of it."""
    _require_colleague(chosen, actor)
    if not actor.has_role(Role.ADMINISTRATOR, Role.CONTROLLER):
        raise NotAllowed(
            "Only an administrator or controller puts a policy into force or out of it."
        )


def _require_second_person(
    chosen: ApprovalPolicy, actor: User, approved: ApprovalRequest | None
) -> None:
    _require_colleague(chosen, actor)
    if chosen.editors.filter(pk=actor.pk).exists():
        raise NotAllowed(f"{actor} worked on {chosen}; somebody else must look at it.")
    if approved is not None:
        if approved.status != ApprovalRequest.Status.APPROVED or approved.entity_id != (
            chosen.entity_id
        ):
            raise NotAllowed(f"{approved} is not approved.")
    else:
        _require_keeper(chosen, actor)


def _require_sound(chosen: ApprovalPolicy, at: datetime) -> None:
    errors = [
        FieldError("" if each.rule_position is None else f"/rules/{each.rule_position - 1}",
                   each.code, each.words)
        for each in analysis.examine(chosen, at=at) if each.level == analysis.ERROR
    ]  # fmt: skip
    if errors:
        raise PolicyBroken(errors[0].detail, errors=errors)
