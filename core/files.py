"""Files kept under the digest of their bytes: written once, never changed, served by name."""

import hashlib
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import get_ident

from django.conf import settings

from core.errors import DomainError
from core.models import StoredFile


class FileDamaged(RuntimeError):
    """The stored bytes no longer have the digest they are filed under."""


class NoRoom(DomainError):
    """The disk takes nothing: full, read-only or away. What is stored already can be read."""

    slug = "storage-unavailable"
    status = 503
    title = "The file could not be kept just now. Nothing was changed; please try again later."


def store(data: bytes, *, content_type: str, at: datetime) -> StoredFile:
    """Keep bytes and return their row. The same bytes are kept once. Raises NoRoom.

    The file is in place before its row can commit, so no row is ever without its file.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    path = _path(sha256)
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}-{get_ident()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(path)
        except OSError as fault:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise NoRoom from fault
    row, _ = StoredFile.objects.get_or_create(
        sha256=sha256,
        defaults={"size": len(data), "content_type": content_type, "created_at": at},
    )
    return row


def read(file: StoredFile) -> bytes:
    """The bytes of a stored file. Raises FileDamaged when they do not match their digest."""
    data = _path(file.sha256).read_bytes()
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise FileDamaged(file.sha256)
    return data


def _path(sha256: str) -> Path:
    return Path(settings.MEDIA_ROOT) / sha256[:2] / sha256[2:]
