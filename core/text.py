"""Text that came from outside: which characters may enter, and how names are compared.

PostgreSQL refuses NUL and lone surrogates with an error of its own; bidirectional controls make a
name read differently from what it is. All of them are refused where the text comes in.
"""

import unicodedata
from collections.abc import Iterator
from typing import Any

from core.errors import FieldError

_LINE_BREAKS = frozenset("\t\n\r")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad")
MAX_JSON_DEPTH = 20


def fault(text: str, *, multiline: bool = True, name: bool = False) -> str:
    """Why the text cannot be accepted, as a code for machines; empty when it can.

    `multiline` lets tabs and line breaks pass; `name` also refuses characters nobody can see
    (zero width, soft hyphen), by which two names or numbers could look alike.
    """
    for character in text:
        code = ord(character)
        if code == 0:
            return "nul"
        if 0xD800 <= code <= 0xDFFF:
            return "surrogate"
        if code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
            return "noncharacter"
        if character in _BIDI:
            return "bidi"
        if name and character in _INVISIBLE:
            return "invisible"
        if unicodedata.category(character) == "Cc" and not (
            multiline and character in _LINE_BREAKS
        ):
            return "control"
    return ""


_WORDS = {
    "nul": "Contains a NUL character.",
    "surrogate": "Contains half of a character (a lone surrogate).",
    "noncharacter": "Contains a code that is no character.",
    "bidi": "Contains characters that turn the direction of writing.",
    "invisible": "Contains invisible characters.",
    "control": "Contains control characters.",
}


def check(
    text: str,
    pointer: str,
    *,
    most: int,
    required: bool = False,
    multiline: bool = False,
    name: bool = False,
) -> list[FieldError]:
    """The errors of one text field: nothing to see although required, longer than `most`, bad
    characters."""
    if required and not folded(text):
        return [FieldError(pointer, "required", "This is needed.")]
    if len(text) > most:
        return [FieldError(pointer, "max_length", f"At most {most} characters.")]
    code = fault(text, multiline=multiline, name=name)
    return [FieldError(pointer, code, _WORDS[code])] if code else []


def check_json(value: Any, pointer: str = "", *, depth: int = 0) -> Iterator[FieldError]:
    """The faults of every string (keys too) in a JSON value, and of nesting beyond the limit."""
    if depth > MAX_JSON_DEPTH:
        yield FieldError(pointer, "too_deep", f"Nested deeper than {MAX_JSON_DEPTH} levels.")
    elif isinstance(value, str):
        if code := fault(value):
            yield FieldError(pointer, code, _WORDS[code])
    elif isinstance(value, dict):
        for key, each in value.items():
            if code := fault(str(key)):
                yield FieldError(pointer, code, _WORDS[code])
            else:
                yield from check_json(each, f"{pointer}/{escaped(key)}", depth=depth + 1)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from check_json(each, f"{pointer}/{index}", depth=depth + 1)


def escaped(key: object) -> str:
    """A key as a part of a JSON pointer (RFC 6901)."""
    return str(key).replace("~", "~0").replace("/", "~1")


def folded(text: str) -> str:
    """The text as names are compared: NFKC, case folded, single spaces, nothing invisible."""
    seen = "".join(each for each in text if each not in _INVISIBLE and each not in _BIDI)
    return " ".join(unicodedata.normalize("NFKC", seen).casefold().split())
