"""Words kept so that a copy of the database alone does not tell them: bank accounts, above all.

`seal` encrypts (Fernet: AES-128-CBC with HMAC-SHA256, time-stamped) under the first of the keys in
SEALING_KEYS and writes down which one it was, so that the others only open what is older. `index`
is a keyed digest under a key of its own: equal words have equal ones, and nobody without the key
can try words out. ADR 27 says what is sealed and how keys are changed.
"""

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

SEPARATOR = ":"
LEAST_INDEX_KEY = 40  # characters


class SealBroken(Exception):
    """Sealed words that no key opens, or that somebody altered. Says nothing of what they hold."""


def seal(words: str) -> str:
    """Words sealed under the present key, as `key id:token`. Never twice the same."""
    name = _present()
    return SEPARATOR.join(
        (name, _fernet(settings.SEALING_KEYS[name]).encrypt(_raw(words)).decode())
    )


def unseal(sealed: str) -> str:
    """What was sealed. Raises SealBroken."""
    name, token = _parts(sealed)
    try:
        return _fernet(settings.SEALING_KEYS[name]).decrypt(token).decode()
    except InvalidToken:
        raise SealBroken(f"What was sealed under key {name} does not open.") from None


def is_current(sealed: str) -> bool:
    """Whether the present key seals it."""
    return _parts(sealed)[0] == _present()


def reseal(sealed: str) -> str:
    """The same words under the present key, with the moment they were first sealed.

    Raises SealBroken.
    """
    name, token = _parts(sealed)
    present = _present()
    keys = MultiFernet([_fernet(settings.SEALING_KEYS[each]) for each in (present, name)])
    try:
        return SEPARATOR.join((present, keys.rotate(token).decode()))
    except InvalidToken:
        raise SealBroken(f"What was sealed under key {name} does not open.") from None


def index(words: str) -> str:
    """A keyed digest (HMAC-SHA256, hexadecimal) by which equal words are found."""
    key = settings.SEALING_INDEX_KEY.encode()
    return hmac.new(key, _raw(words), hashlib.sha256).hexdigest()


def read_keys(text: str) -> dict[str, str]:
    """Keys as the environment gives them: `id:key,id:key`, the present one first."""
    keys = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, _, key = part.partition(SEPARATOR)
        keys[name.strip()] = key.strip() if name.strip() not in keys else ""
    return keys


def key_problems(keys: Mapping[str, str], index_key: str) -> list[str]:
    """What is wrong with keys, in words for an operator that repeat none of them."""
    problems = []
    if not keys:
        problems.append("SEALING_KEYS must hold a key, as id:key")
    for name, key in keys.items():
        if not (name.isascii() and name.isalnum() and len(name) <= 16):
            problems.append("SEALING_KEYS: a key's id is 1 to 16 letters and digits")
        elif not _is_key(key):
            problems.append(
                f"SEALING_KEYS: key {name} is given twice or is not 32 bytes in URL-safe base64"
            )
    if len(index_key) < LEAST_INDEX_KEY:
        problems.append(f"SEALING_INDEX_KEY must have at least {LEAST_INDEX_KEY} characters")
    if index_key in keys.values():
        problems.append("SEALING_INDEX_KEY must not be one of SEALING_KEYS")
    return problems


def _is_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def _raw(words: str) -> bytes:
    return words.encode()


def _present() -> str:
    return next(iter(settings.SEALING_KEYS))


def _parts(sealed: str) -> tuple[str, bytes]:
    name, _, token = sealed.partition(SEPARATOR)
    if name not in settings.SEALING_KEYS:
        raise SealBroken("It was sealed under a key that is not here.")
    return name, token.encode()


@lru_cache(maxsize=8)
def _fernet(key: str) -> Fernet:
    return Fernet(key)
