"""What people may write beside a decision."""

from core import text
from core.errors import FieldError, Invalid

MOST = 2000


def require_comment(comment: str) -> None:
    """Raise Invalid for a comment that is too long or holds characters that may not enter."""
    errors = text.check(comment, "/comment", most=MOST, multiline=True)
    if errors:
        raise Invalid(errors=errors)


def require_words(words: str, pointer: str, missing: str) -> None:
    """Raise Invalid with `missing` at the field where nothing was written, or for bad text."""
    if not words.strip():
        raise Invalid(missing, errors=[FieldError(pointer, "required", missing)])
    errors = text.check(words, pointer, most=MOST, multiline=True)
    if errors:
        raise Invalid(errors=errors)
