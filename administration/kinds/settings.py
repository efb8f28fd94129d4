"""What holds for a whole entity: duties kept apart, policies in force, settings."""

import hashlib
import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import accounts.services
import approvals.services
from accounts import duties
from accounts.models import Control, User
from accounts.services import figure
from administration.kinds.values import (
    Kind,
    Values,
    colleague,
    decimal_text,
    money,
    named,
    only,
    pair_words,
    person_of,
    strength,
    two_people,
    wrong,
)
from administration.models import ChangeRequest
from approvals.models import ApprovalPolicy, ApprovalRequest
from approvals.subjects import Change
from core.errors import Invalid


def _read_pairs(change: ChangeRequest) -> Values:
    rows = duties.pairs_of(change.entity)
    return {"pairs": [[each.first, each.second, each.at_grant] for each in rows]}


def _check_pairs(change: ChangeRequest, after: Values, at: datetime) -> Values:
    only(after, "pairs")
    pairs = after.get("pairs")
    if not isinstance(pairs, list) or not all(_is_pair(each) for each in pairs):
        raise wrong("/pairs", "invalid", "A list of [duty, duty, whether roles are kept apart].")
    if errors := duties.check_pairs(pairs):
        raise Invalid(errors=errors)
    return {"pairs": sorted([*duties.ordered(one, two), at] for one, two, at in pairs)}


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(each, str) for each in value[:2])
        and isinstance(value[2], bool)
    )


def _apply_pairs(change: ChangeRequest, actor: User, at: datetime) -> None:
    pairs = [(first, second, at_grant) for first, second, at_grant in change.after["pairs"]]
    duties.set_pairs(entity=change.entity, pairs=pairs, **two_people(change, actor, at))


def _pair_rows(change: ChangeRequest) -> list[Change]:
    old, new = (
        {(first, second): at_grant for first, second, at_grant in values["pairs"]}
        for values in (change.before, change.after)
    )
    return [
        Change(pair_words(*pair), strength(old.get(pair)), strength(new.get(pair)))
        for pair in sorted({*old, *new})
        if old.get(pair) != new.get(pair)
    ]


def _read_policy(change: ChangeRequest) -> Values:
    """The version in force, and what the proposed one says, by digest."""
    policy = change.policy
    assert policy is not None
    versions = ApprovalPolicy.objects.filter(entity=change.entity, name=policy.name)
    active = versions.filter(status=ApprovalPolicy.Status.ACTIVE).first()
    said = [
        list(policy.rules.order_by("position").values_list("name", "conditions", "steps")),
        list(policy.requirements.order_by("position").values_list("reference", "conditions")),
        [policy.applies_to, policy.priority],
    ]
    content = json.dumps(said, sort_keys=True, default=str)
    return {
        "version": active.policy_version if active else None,
        "content": hashlib.sha256(content.encode()).hexdigest(),
    }


def _check_policy(change: ChangeRequest, after: Values, at: datetime) -> Values:
    only(after)
    policy = change.policy
    assert policy is not None
    if policy.status != ApprovalPolicy.Status.DRAFT:
        raise wrong("/policy", "not_a_draft", "Only a draft is put into force.")
    return {**_read_policy(change), "version": policy.policy_version}


def _apply_policy(change: ChangeRequest, actor: User, at: datetime) -> None:
    round_ = ApprovalRequest.objects.filter(subject_id=change.pk).order_by("-id").first()
    approvals.services.activate(policy_version=change.policy, actor=actor, at=at, approved=round_)


def _policy_rows(change: ChangeRequest) -> list[Change]:
    old = change.before["version"]
    shown = f"version {old}" if old else "none"
    return [Change("In force", shown, f"version {change.after['version']}")]


SETTINGS = {
    "email_decision_limit": "Decided from a mail without sign-in up to",
    "emergency_cap": "Emergencies for one incident may cost up to",
    "on_call_approver": "Decides emergencies",
    "fallback_approver": "Decides where nobody else does",
    "splitting_window_days": "Days in which requests count as one",
    "unbudgeted_control": "Where no budget was set",
    "change_order_percent": "One change of an order may add without approval, in %",
    "change_order_amount": "… or this much, where that is more",
    "change_order_cumulative_percent": "All changes of an order may add without approval, in %",
    "change_order_days": "Days of an order may move without approval by",
    "bank_cooling_hours": "Hours until a verified bank account counts",
    "order_over_requisition_percent": "An order may cost more than its approved request, by %",
    "finance_second_factor": "Finance must have a second factor",
    "people_kept_years": "Years until who left is forgotten",
    "legal_hold": "Nobody is forgotten for now",
}
_AMOUNTS = ("email_decision_limit", "emergency_cap", "change_order_amount")
_PERCENTS = (
    *("change_order_percent", "change_order_cumulative_percent"),
    "order_over_requisition_percent",
)
_SWITCHES = ("finance_second_factor", "legal_hold")
_PEOPLE = ("on_call_approver", "fallback_approver")
_WHOLE = {
    "splitting_window_days": (1, 366, "days"),
    "change_order_days": (0, 366, "days"),
    "bank_cooling_hours": (0, 720, "hours"),
    "people_kept_years": (7, 99, "years"),
}


def _read_entity(change: ChangeRequest) -> Values:
    entity = type(change.entity).objects.get(pk=change.entity_id)
    return {name: _setting(getattr(entity, name)) for name in SETTINGS}


def _setting(value: Any) -> Any:
    if isinstance(value, User):
        return named(value)
    return figure(value) if isinstance(value, Decimal) else value


def _check_entity(change: ChangeRequest, after: Values, at: datetime) -> Values:
    only(after, *SETTINGS)
    return {
        **_read_entity(change),
        **{name: _wanted(change, name, value) for name, value in after.items()},
    }


def _wanted(change: ChangeRequest, name: str, value: Any) -> Any:
    pointer = f"/{name}"
    if name in _AMOUNTS:
        text = decimal_text(value, pointer)
        limits = {"variance_limit": None if text is None else Decimal(text)}
        if accounts.services.limit_errors(limits):
            raise wrong(pointer, "min_value", "Zero or more.")
        return text
    if name in _PEOPLE:
        return colleague(change, value, pointer)
    if name in _PERCENTS:
        return _percent(value, pointer)
    if name in _SWITCHES:
        return _switch(value, pointer)
    if name == "unbudgeted_control":
        if value not in Control.values:
            raise wrong(pointer, "invalid_choice", "Stop, warn or track.")
        return value
    least, most, unit = _WHOLE[name]
    said = str(value)
    if not (said.isascii() and said.isdigit() and len(said) < 5 and least <= int(said) <= most):
        raise wrong(pointer, "out_of_range", f"From {least} to {most} {unit}.")
    return int(said)


def _switch(value: Any, pointer: str) -> bool:
    if str(value).lower() not in ("true", "false"):
        raise wrong(pointer, "invalid", "Yes or no: true or false.")
    return str(value).lower() == "true"


def _percent(value: Any, pointer: str) -> str:
    text = decimal_text(value, pointer)
    if text is None or not 0 <= Decimal(text) <= 100:
        raise wrong(pointer, "out_of_range", "From 0 to 100 %.")
    return text


def _apply_entity(change: ChangeRequest, actor: User, at: datetime) -> None:
    values = {name: _stored(name, new) for name, new in change.after.items()}
    accounts.services.set_settings(
        entity=change.entity,
        values=values,
        reason=change.reason,
        **two_people(change, actor, at),
    )


def _stored(name: str, value: Any) -> Any:
    if name in _PEOPLE:
        return person_of(value)
    return Decimal(value) if name in (*_AMOUNTS, *_PERCENTS) else value


def _entity_rows(change: ChangeRequest) -> list[Change]:
    return [
        Change(label, _shown(change, name, change.before), _shown(change, name, change.after))
        for name, label in SETTINGS.items()
        if change.before[name] != change.after[name]
    ]


def _shown(change: ChangeRequest, name: str, values: Values) -> str:
    value = values[name]
    if name in _PEOPLE:
        return value["name"] if value else "nobody"
    if name in _AMOUNTS:
        return money(change, value)
    if name in _PERCENTS:
        return f"{value} %"
    if name in _SWITCHES:
        return "yes" if value else "no"
    return str(Control(value).label) if name == "unbudgeted_control" else str(value)


DUTY_PAIRS = Kind(_read_pairs, _check_pairs, _apply_pairs, _pair_rows)
POLICY = Kind(_read_policy, _check_policy, _apply_policy, _policy_rows)
ENTITY = Kind(_read_entity, _check_entity, _apply_entity, _entity_rows)
