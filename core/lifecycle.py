"""The state tables of all documents as text, read from the code, for docs/lifecycle.md."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps
from django.db import models
from django_fsm import FSMFieldMixin

from core.documents import Document

HEAD = """# The life of every document

Made by `manage.py lifecycle` from the states and transitions in the code; a test holds the two
together. What a table does not list is refused. Who may do it is checked on the transition, so
buttons, API and services share one truth.
"""


def text(who: Callable[[Any], str]) -> str:
    """The whole page. `who` names in words whom a transition's permission lets pass."""
    return "\n".join([HEAD, *(_section(model, who) for model in documents())])


def documents() -> Iterator[type[Document]]:
    """The models of documents that have states, in the order of their apps, top to bottom."""
    for model in apps.get_models():
        if issubclass(model, Document) and any(_state_fields(model)):
            yield model


def _state_fields(model: type[models.Model]) -> Iterator[Any]:
    return (field for field in model._meta.fields if isinstance(field, FSMFieldMixin))


def _section(model: type[Document], who: Callable[[Any], str]) -> str:
    lines = [f"## {str(model._meta.verbose_name).capitalize()}", ""]
    for field in _state_fields(model):
        names = [str(value) for value, _ in field.choices]
        first = str(field.default)
        lines += [f"States: {', '.join(f'`{name}`' for name in names)}; begins as `{first}`.", ""]
        lines += ["| from | verb | to | what | who |", "|---|---|---|---|---|"]
        lines += sorted(_rows(model, field, who), key=lambda row: _place(row, names))
        lines.append("")
    return "\n".join(lines)


def _rows(model: type[Document], field: Any, who: Callable[[Any], str]) -> Iterator[str]:
    for each in field.get_all_transitions(model):
        what = inspect.getdoc(each.method) or ""
        first_sentence = what.split("\n\n")[0].replace("\n", " ").rstrip(".")
        yield (
            f"| `{each.source}` | {each.name.replace('_', ' ')} | `{each.target}` "
            f"| {first_sentence} | {who(each.permission)} |"
        )


def _place(row: str, names: list[str]) -> tuple[int, str]:
    source = row.split("`")[1]
    return (names.index(source) if source in names else -1, row)
