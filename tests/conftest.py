"""What a run stands on: which database, which browser. People and documents: factories.py."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import settings
from playwright.sync_api import BrowserContext, Page

from core import append_only, told

pytest_plugins = ["tests.fixtures", "tests.telling", "tests.invariants.fixtures"]

# Playwright's loop runs in this thread from the first browser test to the end of the run; Django
# would take the ORM for being called from it, also in fixtures and in the tests that follow.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
# Every run tries the same examples; HYPOTHESIS_PROFILE=explore tries others.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "same")
RESULTS = Path(os.environ.get("TEST_RESULTS") or Path(__file__).parent.parent / "test-results")
ON_DATABASE = ("django_db", "postgres", "faults", "browser")
WIDTHS = (360, 1280)
SCHEMES = ("light", "dark")


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Concurrency and fault tests prove nothing on SQLite; bin/test runs them on PostgreSQL.

    What asks no database says the same beside either.
    """
    for item in items:
        if not any(map(item.get_closest_marker, ON_DATABASE)) and "db" not in item.fixturenames:
            item.add_marker(pytest.mark.once)
    if connection.vendor == "postgresql":
        return
    reason = pytest.mark.skip(reason="needs PostgreSQL, where bin/test runs it too")
    for item in items:
        if item.get_closest_marker("postgres") or item.get_closest_marker("faults"):
            item.add_marker(reason)


@pytest.fixture(scope="session", autouse=True)
def flushable_tables() -> Iterator[None]:
    """Transactional tests empty every table when they end, append-only ones too.

    Their triggers are dropped with that flush; its post_migrate puts them back, as after migrate.
    """
    trigger = "{0}_delete" if connection.vendor == "sqlite" else "{0}_truncate ON {0}"
    # on the class: under Playwright's loop this thread has another connection than before it
    operations = type(connection.ops)
    flush = operations.execute_sql_flush

    def lifted(self: Any, statements: list[str]) -> None:
        drops = [f"DROP TRIGGER IF EXISTS {trigger.format(t)}" for t in append_only.tables()]
        drops += [each for t in told.tables() for each in told.dropping(connection.vendor, t)]
        if connection.vendor == "postgresql":
            # knox leaves the table of the token model that ours replaces, unknown to Django.
            statements = [each.replace(";", " CASCADE;") for each in statements]
        flush(self, [*drops, *statements])

    operations.execute_sql_flush = lifted
    yield
    operations.execute_sql_flush = flush


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's own Chromium, silenced: it must call nobody but the portal."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.fail("Chromium is missing: sudo apt-get install chromium")
    return {
        **browser_type_launch_args,
        "executable_path": chromium,
        "args": [
            "--no-sandbox",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-default-apps",
            "--disable-dev-shm-usage",
            "--disable-extensions",
            "--disable-gpu",
            "--disable-sync",
            "--no-first-run",
        ],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 900},
        "locale": "en-GB",
        "timezone_id": "UTC",
        "reduced_motion": "reduce",
    }


@pytest.fixture
def clean_page(
    context: BrowserContext,
) -> Iterator[tuple[Page, list[str]]]:
    """A page and the list of its faults so far: console errors, failed requests, exceptions."""
    faults: list[str] = []
    page = context.new_page()
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda r: faults.append(f"{r.method} {r.url}: {r.failure}"))
    page.on("response", lambda r: faults.append(f"{r.status} {r.url}") if r.status >= 500 else None)
    yield page, faults
    page.close()


@pytest.fixture(scope="session")
def shot() -> Callable[..., None]:
    """`shot(page, "inbox")` keeps the page in both widths and both colour schemes, and returns it
    to how it was; fails when it scrolls sideways at 360 px."""
    RESULTS.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str, *, full_page: bool = True) -> None:
        before = page.viewport_size
        sideways = []
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                page.wait_for_timeout(50)
                page.screenshot(path=RESULTS / f"{name}-{width}-{scheme}.png", full_page=full_page)
            if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                sideways.append(f"{name} scrolls sideways at {width} px")
        page.emulate_media(color_scheme="light")
        if before:
            page.set_viewport_size(before)
        assert not sideways, "; ".join(sideways)

    return take
