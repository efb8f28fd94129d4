"""The policy form: rules with conditions and steps as plain fields, changed by plain buttons.

Fields are named by their place, such as `rules.0.all.1.value` or `rules.0.steps.2.approvers.0.who`.
What is typed is kept as it is in nested lists; only the services judge it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.models import Role, User
from approvals import conditions, steps
from approvals.inputs import RequirementInput, RuleInput
from approvals.models import (
    DECIDING_ROLES,
    ApprovalPolicy,
    ApprovalRequest,
    PolicyRequirement,
)
from core.decimals import whole
from core.errors import FieldError

Node = dict[str, Any]
HEADER = ("name", "description", "applies_to", "priority")
MOST_PLACES = 200  # of a list; more is not what a person typed
SUGGESTED_FROM = 500  # latest rounds, whose facts are offered as values

CONDITION: Node = {"fact": "amount", "operator": "gte", "value": ""}
APPROVER: Node = {"who": "manager:"}
STEP: Node = {"mode": "all", "quorum": "", "with_previous": "", "sla_hours": ""}
# What a list of that name holds: the fields of one of its items, and the lists within it.
FIELDS: dict[str, Node] = {
    "rules": {"name": ""},
    "requirements": {"reference": PolicyRequirement.Reference.DPIA.value},
    "all": CONDITION,
    "any": CONDITION,
    "steps": STEP,
    "approvers": APPROVER,
}
WITHIN: dict[str, tuple[str, ...]] = {
    "rules": ("all", "any", "steps"),
    "requirements": ("all", "any"),
    "steps": ("approvers",),
}
TOP = ("rules", "requirements")
OPERATORS: dict[str, tuple[tuple[str, str], ...]] = {
    conditions.NUMBER: (
        ("gte", "is at least"),
        ("gt", "is more than"),
        ("lte", "is at most"),
        ("lt", "is less than"),
        ("eq", "is exactly"),
    ),
    conditions.TEXT: (
        ("eq", "is"),
        ("ne", "is not"),
        ("in", "is one of"),
        ("not_in", "is none of"),
    ),
    conditions.LIST: (("in", "includes any of"), ("not_in", "includes none of")),
    conditions.YES_NO: (("yes", "is true"), ("no", "is not true")),
}
_MANY = ("in", "not_in")


def read(posted: Mapping[str, str]) -> Node:
    """The form as nested lists of what was typed."""
    tree: Node = {}
    for key in posted:
        parts = key.split(".")
        if parts[0] in TOP and len(parts) % 2 == 1:
            node = tree
            for part in parts[:-1]:
                node = node.setdefault(part, {})
            node[parts[-1]] = str(posted[key])
    state: Node = {name: str(posted.get(name, "")) for name in HEADER}
    return state | {name: _items(name, tree.get(name, {})) for name in TOP}


def _items(name: str, found: Any) -> list[Node]:
    placed = {place: each for key, each in found.items() if (place := whole(key)) is not None}
    return [_item(name, placed[place]) for place in sorted(placed)[:MOST_PLACES]]


def _item(name: str, found: Node) -> Node:
    item = {key: str(found.get(key, "")) for key in FIELDS[name]}
    return item | {key: _items(key, found.get(key, {})) for key in WITHIN.get(name, ())}


def blank(name: str) -> Node:
    """A new item of a list, with what nobody would leave out."""
    item = dict(FIELDS[name]) | {key: [] for key in WITHIN.get(name, ())}
    if name == "rules":
        item["steps"] = [blank("steps")]
    if name == "steps":
        item["approvers"] = [blank("approvers")]
    return item


def change(state: Node, order: str) -> None:
    """Do what a button says: `add rules.0.all`, `drop rules.0`, `up rules.2`, `down rules.1`.

    Anything else changes nothing: the form is merely shown again.
    """
    verb, _, place = order.partition(" ")
    parts = place.split(".")
    if verb == "add":
        held = _held(state, parts)
        if held is not None and len(held) < MOST_PLACES:
            held.append(blank(parts[-1]))
        return
    held, index = _held(state, parts[:-1]), whole(parts[-1])
    if held is None or index is None or index >= len(held):
        return
    if verb == "drop":
        del held[index]
    elif verb == "up" and index > 0:
        held[index - 1], held[index] = held[index], held[index - 1]
    elif verb == "down" and index < len(held) - 1:
        held[index + 1], held[index] = held[index], held[index + 1]


def _held(state: Node, parts: list[str]) -> list[Node] | None:
    """The list at a place, if there is one."""
    node: Any = state
    for part in parts:
        if isinstance(node, dict) and isinstance(node.get(part), list):
            node = node[part]
        elif isinstance(node, list) and (place := whole(part)) is not None and place < len(node):
            node = node[place]
        else:
            return None
    return node if isinstance(node, list) else None


def stated(state: Node) -> dict[str, Any]:
    """What `services.draft_policy` and `edit_policy` take."""
    priority = whole(state["priority"].strip())
    return {
        "name": state["name"],
        "description": state["description"],
        "applies_to": state["applies_to"],
        "priority": -1 if priority is None else priority,
        "rules": [
            RuleInput(each["name"], _conditions(each), [_step(step) for step in each["steps"]])
            for each in state["rules"]
        ],
        "requirements": [
            RequirementInput(each["reference"], _conditions(each)) for each in state["requirements"]
        ],
    }


def _conditions(item: Node) -> Node:
    made: Node = {"all": [_condition(each) for each in item["all"]]}
    if item["any"]:
        made["any"] = [_condition(each) for each in item["any"]]
    return made


def _condition(row: Node) -> Node:
    fact, operator, value = row["fact"], row["operator"], row["value"].strip()
    if conditions.FACTS.get(fact) == conditions.YES_NO:
        return {"fact": fact, "operator": "is_true", "value": operator != "no"}
    if operator in _MANY:
        words = [word.strip() for word in value.split(",")]
        return {"fact": fact, "operator": operator, "value": [word for word in words if word]}
    return {"fact": fact, "operator": operator, "value": value}


def _step(row: Node) -> Node:
    approvers = []
    for each in row["approvers"]:
        kind, _, value = each["who"].partition(":")
        approvers.append({"kind": kind, "value": value})
    return {
        "mode": row["mode"],
        "quorum": whole(row["quorum"].strip()) or 0,
        "with_previous": bool(row["with_previous"]),
        "sla_hours": row["sla_hours"].strip() or None,
        "approvers": approvers,
    }


def state_of(policy: ApprovalPolicy) -> Node:
    """A stored policy as the form shows it."""
    return {
        "name": policy.name,
        "description": policy.description,
        "applies_to": policy.applies_to,
        "priority": str(policy.priority),
        "rules": [
            {"name": rule.name, "steps": [_shown_step(step) for step in steps.read(rule.steps)]}
            | _shown_conditions(rule.conditions)
            for rule in policy.rules.all()
        ],
        "requirements": [
            {"reference": each.reference} | _shown_conditions(each.conditions)
            for each in policy.requirements.all()
        ],
    }


def new() -> Node:
    """An empty policy: one rule that asks the manager."""
    header = {"name": "", "description": "", "applies_to": "requisition", "priority": "100"}
    return header | {"rules": [blank("rules")], "requirements": []}


def _shown_conditions(stored: Any) -> Node:
    return {
        name: [_shown_condition(each) for each in stored.get(name, [])] for name in ("all", "any")
    }


def _shown_condition(stored: Node) -> Node:
    fact, operator, value = stored["fact"], stored["operator"], stored.get("value", True)
    if conditions.FACTS.get(fact) == conditions.YES_NO:
        holds = value is not (operator == "ne")
        return {"fact": fact, "operator": "yes" if holds else "no", "value": ""}
    if operator == "contains":
        operator = "in"
    shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return {"fact": fact, "operator": operator, "value": shown}


def _shown_step(step: steps.Step) -> Node:
    return {
        "mode": step.mode,
        "quorum": str(step.quorum or ""),
        "with_previous": "on" if step.with_previous else "",
        "sla_hours": "" if step.sla_hours is None else f"{step.sla_hours.normalize():f}",
        "approvers": [{"who": f"{each.kind}:{each.value}"} for each in step.approvers],
    }


@dataclass(frozen=True)
class Choices:
    """What can be picked, for one entity."""

    facts: list[tuple[str, str]]
    who: list[tuple[str, list[tuple[str, str]]]]
    suggestions: dict[str, list[str]] = field(default_factory=dict)


def choices(entity: Any) -> Choices:
    """Facts, people and roles to choose from, and values that facts had lately. Statements: 2."""
    facts = [(fact, conditions.label(fact).capitalize()) for fact in conditions.FACTS]
    people = (
        User.objects.filter(
            entity=entity, is_active=True, role_assignments__role__in=DECIDING_ROLES
        )
        .distinct()
        .order_by("name")
    )
    relations = [(f"{kind}:", words.capitalize()) for kind, words in steps.KIND_WORDS.items()]
    roles = [(f"role:{role.value}", f"Anybody: {role.label}") for role in Role]
    named = [(f"person:{each.email}", str(each)) for each in people]
    who = [("By relation", relations), ("By role", roles), ("By name", named)]
    return Choices(facts, who, _suggestions(entity))


def _suggestions(entity: Any) -> dict[str, list[str]]:
    """Values that facts had in the latest rounds."""
    latest = ApprovalRequest.objects.filter(entity=entity).order_by("-id")
    found: dict[str, set[str]] = {fact: set(known) for fact, known in conditions.CLOSED.items()}
    for facts in latest.values_list("facts", flat=True)[:SUGGESTED_FROM]:
        for fact, kind in conditions.FACTS.items():
            value = facts.get(fact)
            if kind == conditions.TEXT and value:
                found.setdefault(fact, set()).add(str(value))
            elif kind == conditions.LIST and isinstance(value, list):
                found.setdefault(fact, set()).update(map(str, value))
    return {fact: sorted(values) for fact, values in sorted(found.items())}


def laid_out(state: Node, errors: Iterable[FieldError] = ()) -> Node:
    """The form as its template walks it: each item with its `key`, `errors` and operators."""
    at: dict[str, list[str]] = {}
    for error in errors:
        at.setdefault(_key(error.pointer), []).append(error.detail)
    shown = {name: {"value": state[name], "errors": at.pop(name, [])} for name in HEADER}
    lists = {name: _laid_out(name, state[name], name, at) for name in TOP}
    rest = [detail for details in at.values() for detail in details]
    return shown | lists | {"errors": rest}


def _laid_out(name: str, items: list[Node], key: str, at: dict[str, list[str]]) -> list[Node]:
    rows = []
    for place, item in enumerate(items):
        here = f"{key}.{place}"
        row: Node = {
            each: {"value": item[each], "errors": at.pop(f"{here}.{each}", [])}
            for each in FIELDS[name]
        }
        for each in WITHIN.get(name, ()):
            row[each] = _laid_out(each, item[each], f"{here}.{each}", at)
            row[f"{each}_errors"] = at.pop(f"{here}.{each}", [])
        if name in ("all", "any"):
            kind = conditions.FACTS.get(item["fact"], conditions.TEXT)
            row |= {"operators": OPERATORS[kind], "is_yes_no": kind == conditions.YES_NO}
            row["is_many"] = item["operator"] in _MANY or kind == conditions.LIST
        row |= {"key": here, "number": place + 1, "errors": at.pop(here, [])}
        row |= {"is_first": place == 0, "is_last": place == len(items) - 1}
        rows.append(row)
    return rows


def _key(pointer: str) -> str:
    """`/rules/0/steps/1/approvers/0/kind` as the name of the field that shows it."""
    parts = [part for part in pointer.strip("/").split("/") if part != "conditions"]
    if len(parts) > 2 and parts[-3] == "approvers":
        parts[-1] = "who"
    return ".".join(parts)
