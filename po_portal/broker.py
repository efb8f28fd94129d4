"""The embedded broker: rings as files in a folder, each of them there whole or not at all."""

from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Kombu's channel creates a message under its name and then fills it: a worker that looks in
    between finds it empty and dies of it. Here it is written aside and then renamed."""

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
