"""Putting a version of the rules into force."""

from datetime import datetime

from accounts.models import Role, User
from approvals import chain, policy
from approvals.models import ApprovalPolicy
from core import events, transactions
from core.errors import NotAllowed
from core.transitions import perform


@transactions.atomic
def activate(*, policy_version: ApprovalPolicy, actor: User, at: datetime) -> ApprovalPolicy:
    """Let a draft version decide from now on; the version before it retires.

    Running rounds keep their own snapshot. Raises NotAllowed for anybody but an administrator or
    controller of its entity, PolicyBroken when a rule names what nobody knows.
    """
    versions = list(
        ApprovalPolicy.objects.select_for_update(no_key=True)
        .filter(entity=policy_version.entity_id, name=policy_version.name)
        .order_by("pk")
    )
    chosen = next(each for each in versions if each.pk == policy_version.pk)
    if actor.entity_id != chosen.entity_id or not actor.has_role(
        Role.ADMINISTRATOR, Role.CONTROLLER
    ):
        raise NotAllowed("Only an administrator or controller puts a policy into force.")
    for rule in chosen.rules.all():
        policy.check(rule.conditions)
        chain.check(rule.steps)
    for each in versions:
        if each.status == ApprovalPolicy.Status.ACTIVE:
            perform(each.retire, actor=actor, at=at)
            each.save()
            events.publish("approval_policy.retired", each, actor=actor, at=at)
    perform(chosen.activate, actor=actor, at=at)
    chosen.save()
    events.publish("approval_policy.activated", chosen, actor=actor, at=at)
    return chosen
