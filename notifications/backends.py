"""Mail into a folder: what the demo sends can be read there, and on its mail page."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage
from django.utils import timezone


class FolderBackend(BaseEmailBackend):
    """One .eml file per message, named by its time, complete from the moment it is there."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            data = message.message().as_bytes()
            name = f"{timezone.now():%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
            part = folder / f"{name}.part"
            part.write_bytes(data)
            part.replace(folder / f"{name}.eml")
        return len(email_messages)
