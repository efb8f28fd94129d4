"""Reading the environment: what is given but makes no sense stops the start."""

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()


def one_of(name: str, allowed: tuple[str, ...]) -> str:
    """The variable's value, the first allowed one by default; anything else stops the start."""
    value = env.str(name, default=allowed[0])
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return value


def whole(name: str, default: int, *, least: int, most: int) -> int:
    """A whole number within bounds; anything else stops the start."""
    text = env.str(name, default="") or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ImproperlyConfigured(f"{name} must be a number from {least} to {most}, not {text!r}")
    return int(text)


def switch(name: str, *, default: bool) -> bool:
    """`1`/`true`/`yes`/`on` or `0`/`false`/`no`/`off`; anything else stops the start."""
    text = env.str(name, default="").lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    if text == "":
        return default
    raise ImproperlyConfigured(f"{name} must be on or off, not {text!r}")
