"""Asking pages as a person does: signed in, by GET and POST, and how many statements it takes."""

import re
from html import unescape
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def text_of(response: Any) -> str:
    """What a page says, its tags taken out and its spaces closed up."""
    plain = re.sub(
        r"<(script|style|template)\b.*?</\1>", " ", response.content.decode(), flags=re.S
    )
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", plain)).split())


def value_of(response: Any, name: str) -> str | None:
    """What stands in the input of this name."""
    for tag in re.findall(r"<input\b[^>]*>", response.content.decode()):
        if f'name="{name}"' in tag:
            found = re.search(r'value="([^"]*)"', tag)
            return unescape(found[1]) if found else ""
    return None


def statements(client: Client, path: str) -> int:
    """How many statements the page takes, once its session and caches are warm."""
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def said_by(response: Any) -> str:
    """What the page after a redirect says about the step before it."""
    return " ".join(str(message) for message in response.context["messages"])
