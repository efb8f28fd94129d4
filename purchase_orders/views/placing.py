"""Where a refusal is shown: at the fields of the head or of the lines that it names."""

from collections.abc import Sequence
from typing import Any

from core.errors import DomainError, FieldError
from core.web import add_errors


def place(head: Any, lines: Sequence[Any], refusal: DomainError) -> None:
    """`/lines/0/quantity` goes to the first of `lines`; what names no field of them, to the top.

    `lines` are the forms whose inputs were handed to the service, in that order.
    """
    rest: list[FieldError] = []
    for error in refusal.errors:
        parts = error.pointer.strip("/").split("/")
        index = int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else -1
        if parts[0] == "lines" and 0 <= index < len(lines):
            name = parts[2] if len(parts) > 2 else ""
            form = lines[index]
            form.add_error(name if name in form.fields else None, error.detail)
        else:
            rest.append(error)
    if rest or not refusal.errors:
        add_errors(head, type(refusal)(refusal.detail, errors=rest))
