"""The embedded broker: rings as files in a folder, each of them there whole or not at all."""

from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps

_binding = Lock()


class Channel(filesystem.Channel):
    """Kombu's channel creates a message under its name and then fills it: a worker that looks in
    between finds it empty and dies of it. Here it is written aside and then renamed.

    Its threads share what is bound: one that found another's binding half made would send into
    nothing. Here they bind one after the other.
    """

    def queue_bind(self, *args: Any, **kwargs: Any) -> None:
        with _binding:
            super().queue_bind(*args, **kwargs)

    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:
        name = f"{round(monotonic() * 1000)}_{uuid4()}.{queue}.msg"
        whole = Path(self.data_folder_out) / name
        aside = whole.with_suffix(".part")  # no reader asks for this ending
        try:
            aside.write_bytes(str_to_bytes(dumps(payload)))
            aside.replace(whole)
        except OSError as error:
            raise ChannelError(f"Cannot add {name} to {self.data_folder_out}") from error


class Transport(filesystem.Transport):
    Channel = Channel


def install() -> None:
    """Have `filesystem://` mean this broker."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:{Transport.__name__}"
