"""A small mail server: takes mail, and answers some addresses as a test wants it."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class MailServer:
    """What came in, and what is answered to a recipient or after a text: `{address: answer}`."""

    port: int = 0
    taken: list[tuple[str, str]] = field(default_factory=list)
    at_recipient: dict[str, str] = field(default_factory=dict)
    at_text: dict[str, str] = field(default_factory=dict)


@contextmanager
def running() -> Iterator[MailServer]:
    """A mail server on a free port of this machine, until the block ends."""
    box = MailServer()

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 mail.example")
            recipient = ""
            while line := self.rfile.readline().decode().strip():
                word, _, rest = line.partition(" ")
                if word.upper() == "RCPT":
                    recipient = rest.partition("<")[2].partition(">")[0]
                    self.say(box.at_recipient.get(recipient, "250 ok"))
                elif word.upper() == "DATA":
                    self.say("354 go on")
                    text = self.text()
                    answer = box.at_text.get(recipient, "250 taken")
                    if answer.startswith("250"):
                        box.taken.append((recipient, text))
                    self.say(answer)
                elif word.upper() == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

        def text(self) -> str:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line.decode())
            return "".join(lines)

        def say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as server:
        server.daemon_threads = True
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join(timeout=10)
