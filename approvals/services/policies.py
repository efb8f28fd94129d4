"""The text of a policy: drafted, changed, copied and thrown away. In force: enforcing.py."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accounts.models import Entity, Role, User
from approvals import conditions, policy, steps, subjects
from approvals.conditions import PolicyBroken
from approvals.inputs import RequirementInput, RuleInput
from approvals.models import ApprovalPolicy, PolicyRequirement, PolicyRule
from core import events, text, transactions
from core.errors import Conflict, FieldError, Invalid, NotAllowed

MOST_RULES, MOST_REQUIREMENTS = 200, 50
MOST_NAME, MOST_DESCRIPTION, MOST_PRIORITY = 120, 4000, 32767
_HEADER = ("name", "description", "applies_to", "priority")


@transactions.atomic
def draft_policy(
    *,
    entity: Entity,
    name: str,
    applies_to: str,
    description: str,
    priority: int,
    rules: Sequence[RuleInput],
    requirements: Sequence[RequirementInput],
    actor: User,
    at: datetime,
) -> ApprovalPolicy:
    """The first version of a policy; it decides nothing until somebody else activates it.

    Raises NotAllowed for all but administrators of the entity, Invalid with pointers to what cannot
    be read, also for a name that another policy of the entity has.
    """
    _require_administrator(entity, actor)
    header, contents = _judged(name, applies_to, description, priority, rules, requirements)
    _require_free_name(entity, header["name"])
    draft = ApprovalPolicy(entity=entity, created_at=at, **header)
    draft._history_user = actor
    draft.save()
    _store(draft, contents)
    draft.editors.add(actor)
    events.publish(
        "approval_policy.drafted",
        draft,
        actor=actor,
        at=at,
        changes=events.differences({}, _seen(draft)),
    )
    return draft


@transactions.atomic
def edit_policy(
    *,
    policy: ApprovalPolicy,
    name: str,
    applies_to: str,
    description: str,
    priority: int,
    rules: Sequence[RuleInput],
    requirements: Sequence[RequirementInput],
    actor: User,
    at: datetime,
    expected_version: int | None = None,
) -> ApprovalPolicy:
    """Change a draft as a whole; whoever does may not activate it.

    Raises as `draft_policy`, StaleVersion when somebody else changed it meanwhile, Conflict for a
    version that is or was in force: that is done in a new version.
    """
    draft = locked_policy(policy)
    _require_administrator(draft.entity, actor)
    draft.require_version(expected_version)
    _require_draft(draft)
    header, contents = _judged(name, applies_to, description, priority, rules, requirements)
    if header["name"] != draft.name:
        _require_only_version(draft)
        _require_free_name(draft.entity, header["name"])
    before = _seen(draft)
    for field, value in header.items():
        setattr(draft, field, value)
    draft._history_user = actor
    draft.save()
    draft.rules.all().delete()
    draft.requirements.all().delete()
    _store(draft, contents)
    draft.editors.add(actor)
    changes = events.differences(before, _seen(draft))
    events.publish("approval_policy.edited", draft, actor=actor, at=at, changes=changes)
    return draft


@transactions.atomic
def new_version(*, policy: ApprovalPolicy, actor: User, at: datetime) -> ApprovalPolicy:
    """A draft that says what an active or retired version says.

    Raises NotAllowed for all but administrators, Conflict while another draft of it exists.
    """
    versions = versions_of(policy)
    source = next(each for each in versions if each.pk == policy.pk)
    _require_administrator(source.entity, actor)
    for each in versions:
        if each.status == ApprovalPolicy.Status.DRAFT:
            raise Conflict(f"{each} is a draft already; change or discard it.")
    number = max(each.policy_version for each in versions) + 1
    draft = ApprovalPolicy(
        entity=source.entity,
        policy_version=number,
        created_at=at,
        **{field: getattr(source, field) for field in _HEADER},
    )
    draft._history_user = actor
    draft.save()
    PolicyRule.objects.bulk_create(
        PolicyRule(policy=draft, position=r.position, name=r.name, conditions=r.conditions,
                   steps=r.steps) for r in source.rules.all()
    )  # fmt: skip
    PolicyRequirement.objects.bulk_create(
        PolicyRequirement(policy=draft, position=r.position, reference=r.reference,
                          conditions=r.conditions) for r in source.requirements.all()
    )  # fmt: skip
    draft.editors.add(actor)
    data = {"copied_from": str(source)}
    events.publish("approval_policy.drafted", draft, actor=actor, at=at, data=data)
    return draft


@transactions.atomic
def discard_policy(*, policy: ApprovalPolicy, actor: User, at: datetime) -> None:
    """Throw a draft away. Raises NotAllowed for all but administrators, Conflict if no draft."""
    draft = locked_policy(policy)
    _require_administrator(draft.entity, actor)
    _require_draft(draft)
    changes = events.differences(_seen(draft), {})
    events.publish("approval_policy.discarded", draft, actor=actor, at=at, changes=changes)
    draft._history_user = actor
    draft.delete()


def _require_administrator(entity: Entity, actor: User | None) -> None:
    if actor is None or actor.entity_id != entity.pk or not actor.has_role(Role.ADMINISTRATOR):
        raise NotAllowed("Only an administrator works on policies.")


def _require_draft(draft: ApprovalPolicy) -> None:
    if draft.status != ApprovalPolicy.Status.DRAFT:
        state = draft.get_status_display().lower()
        raise Conflict(f"{draft} is {state}: make a new version of it.")


def _require_free_name(entity: Entity, name: str) -> None:
    if ApprovalPolicy.objects.filter(entity=entity, name__iexact=name).exists():
        detail = "Another policy has this name; make a new version of that one."
        raise Invalid(detail, errors=[FieldError("/name", "taken", detail)])


def _require_only_version(draft: ApprovalPolicy) -> None:
    if len(versions_of(draft)) > 1:
        detail = "The name ties the versions of a policy together and stays."
        raise Invalid(detail, errors=[FieldError("/name", "fixed", detail)])


def locked_policy(chosen: ApprovalPolicy) -> ApprovalPolicy:
    return (
        ApprovalPolicy.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity")
        .get(pk=chosen.pk)
    )


def versions_of(chosen: ApprovalPolicy) -> list[ApprovalPolicy]:
    """All versions of a policy, locked."""
    return list(
        ApprovalPolicy.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity")
        .filter(entity=chosen.entity_id, name=chosen.name)
        .order_by("pk")
    )


def _judged(
    name: str,
    applies_to: str,
    description: str,
    priority: int,
    rules: Sequence[RuleInput],
    requirements: Sequence[RequirementInput],
) -> "tuple[dict[str, Any], Contents]":
    """All that was stated, ready to be kept. Raises Invalid with everything that is wrong."""
    errors: list[FieldError] = []
    header, contents = {}, ([], [])
    try:
        header = _header(name, applies_to, description, priority)
    except Invalid as refusal:
        errors += refusal.errors
    try:
        contents = _contents(rules, requirements)
    except Invalid as refusal:
        errors += refusal.errors
    if errors:
        raise Invalid(errors=errors)
    return header, contents


def _header(name: str, applies_to: str, description: str, priority: int) -> dict[str, Any]:
    name = " ".join(name.split())
    errors = text.check(name, "/name", most=MOST_NAME, required=True, name=True)
    errors += text.check(description, "/description", most=MOST_DESCRIPTION, multiline=True)
    if applies_to not in subjects.names():
        errors.append(FieldError("/applies_to", "unknown", "Nothing of this kind is approved."))
    if isinstance(priority, bool) or not 0 <= priority <= MOST_PRIORITY:
        detail = f"A whole number up to {MOST_PRIORITY}."
        errors.append(FieldError("/priority", "out_of_range", detail))
    if errors:
        raise Invalid(errors=errors)
    return {"name": name, "applies_to": applies_to, "description": description.strip(),
            "priority": priority}  # fmt: skip


Contents = tuple[list[PolicyRule], list[PolicyRequirement]]


def _contents(rules: Sequence[RuleInput], requirements: Sequence[RequirementInput]) -> Contents:
    """Rules and requirements as they are kept. Raises Invalid with all that is wrong."""
    errors: list[FieldError] = []
    if len(rules) > MOST_RULES:
        errors.append(FieldError("/rules", "too_many", f"At most {MOST_RULES} rules."))
    if len(requirements) > MOST_REQUIREMENTS:
        detail = f"At most {MOST_REQUIREMENTS} requirements."
        errors.append(FieldError("/requirements", "too_many", detail))
    if errors:
        raise Invalid(errors=errors)
    made = [_rule(each, place, errors) for place, each in enumerate(rules)]
    asked = [_requirement(each, place, errors) for place, each in enumerate(requirements)]
    if errors:
        raise Invalid(errors=errors)
    return made, asked


def _rule(said: RuleInput, place: int, errors: list[FieldError]) -> PolicyRule:
    here, name = f"/rules/{place}", " ".join(str(said.name).split())
    errors += text.check(name, f"{here}/name", most=MOST_NAME, required=True, name=True)
    made = PolicyRule(position=place + 1, name=name)
    try:
        made.conditions = conditions.read(said.conditions, f"{here}/conditions").stored
    except PolicyBroken as broken:
        errors += broken.errors
    try:
        asked = steps.read(said.steps, f"{here}/steps")
    except PolicyBroken as broken:
        errors += broken.errors
        return made
    for number, step in enumerate(asked):
        if not step.approvers:
            detail = "Say who is asked."
            errors.append(FieldError(f"{here}/steps/{number}/approvers", "required", detail))
    made.steps = [each.stored for each in asked]
    return made


def _requirement(said: RequirementInput, place: int, errors: list[FieldError]) -> PolicyRequirement:
    here = f"/requirements/{place}"
    made = PolicyRequirement(position=place + 1, reference=said.reference)
    if said.reference not in PolicyRequirement.Reference.values:
        detail = f"Unknown reference “{said.reference}”."
        errors.append(FieldError(f"{here}/reference", "unknown", detail))
    try:
        made.conditions = conditions.read(said.conditions, f"{here}/conditions").stored
    except PolicyBroken as broken:
        errors += broken.errors
    return made


def _store(draft: ApprovalPolicy, contents: Contents) -> None:
    rules, requirements = contents
    for each in (*rules, *requirements):
        each.policy = draft
    PolicyRule.objects.bulk_create(rules)
    PolicyRequirement.objects.bulk_create(requirements)


def _seen(draft: ApprovalPolicy) -> dict[str, Any]:
    """What a version says, field by field, in words."""
    seen: dict[str, Any] = {field: getattr(draft, field) for field in _HEADER}
    for stored in draft.rules.all():
        seen[f"rule {stored.position}"] = rule_words(stored)
    for asked in draft.requirements.all():
        when = conditions.read(asked.conditions).words
        seen[f"requirement {asked.position}"] = f"{asked.get_reference_display()} when {when}"
    return seen


def rule_words(stored: PolicyRule) -> str:
    """A rule in one line."""
    rule = policy.Rule.of(stored)
    return f"{rule.name}: when {rule.conditions.words}: {steps.words(rule.steps)}"
