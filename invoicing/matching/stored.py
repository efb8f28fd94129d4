"""A stored judgement's input as it was: replayed, it leads to the same outcome."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from .types import MatchInput


def restored(inputs: Mapping[str, Any]) -> MatchInput:
    """The input that a run stored as JSON. What an older run does not name has its default."""
    found: MatchInput = _made(MatchInput, inputs)
    return found


def _made(kind: Any, value: Any) -> Any:
    if get_origin(kind) is UnionType:  # something or None
        kind = get_args(kind)[0]
    if value is None:
        return None
    if get_origin(kind) is tuple:
        return tuple(_made(get_args(kind)[0], each) for each in value)
    if is_dataclass(kind):
        make: Any = kind
        members = _members(make)
        return make(
            **{name: _made(members[name], value[name]) for name in members if name in value}
        )
    if kind is Decimal:
        return Decimal(value)
    return date.fromisoformat(value) if kind is date else value


@cache
def _members(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
