"""Reading the environment: what is given but makes no sense stops the start."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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


def database(name: str, *, file: Path) -> dict[str, Any]:
    """The database of a `postgres://` address, SQLite in `file` without one, whatever its name."""
    if not env.str(name, default=""):
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file)}
    try:
        if urlsplit(env.str(name)).scheme not in ("postgres", "postgresql", "sqlite"):
            raise ValueError
        found: dict[str, Any] = env.db_url(name)
    except ValueError as fault:
        raise ImproperlyConfigured(
            f"{name} must be postgres://user:password@host:port/name, or empty for SQLite"
        ) from fault
    return found


def folder(name: str, default: Path) -> Path:
    """A folder that is made where it is missing; one that cannot be stops the start."""
    path = Path(env.str(name, default="") or default).resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise ImproperlyConfigured(f"{name}: {path} cannot be made: {fault.strerror}") from fault
    return path


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
