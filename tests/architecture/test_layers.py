"""The house of docs/architecture.md, read from the code."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = [
    "core",
    "accounts",
    "approvals",
    "budgets",
    "vendors",
    "budgeting",
    "chargeback",
    "requisitions",
    "purchase_orders",
    "invoicing",
    "reports",
    "notifications",
    "administration",
    "po_portal",
]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
# Mail and PDF are no pages of the portal: mail programs want their styles inline, and the PDF's
# style sheet is read by WeasyPrint alone.
PAGES = [path for path in TEMPLATES if not {"emails", "pdf"} & set(path.parts)]


def modules(*, migrations: bool = False) -> list[Path]:
    return [
        path
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        if migrations or "migrations" not in path.parts
    ]


def test_apps_import_only_what_lies_below_them() -> None:
    report = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.returncode == 0, report.stdout + report.stderr


def test_no_module_is_too_big_to_know() -> None:
    big = {
        str(path.relative_to(ROOT)): lines
        for path in modules()
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert not big


def test_no_import_is_hidden_in_a_function() -> None:
    """A hidden import is how a circle between apps begins. AppConfig.ready must import late."""
    hidden = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in modules()
        if path.name not in ("apps.py", "celery.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.match(r"\s+(from [\w.]+ )?import \w", line)
        and not _guarded_for_typing(path, number)
        and not line.strip().endswith("# noqa: PLC0415")
    ]
    assert not hidden


def _guarded_for_typing(path: Path, number: int) -> bool:
    above = path.read_text().splitlines()[: number - 1]
    for line in reversed(above):
        if line and not line.startswith(" "):
            return line.startswith("if TYPE_CHECKING")
    return False


def test_status_never_changes_past_its_transition() -> None:
    """An update of the column alone leaves no history row and asks for no permission."""
    wrong = [
        f"{path.relative_to(ROOT)}: {found}"
        for path in modules()
        for found in re.findall(
            r"\.update\(\s*(?:[^()]*,\s*)?(?:status|state)\s*=|bulk_update\([^)]*[\"']status[\"']",
            path.read_text(),
        )
    ]
    assert not wrong


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locks_hold_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "--index-url" not in text
    pins = re.findall(r"^[\w.\[\]-]+==", text, re.MULTILINE)
    assert len(pins) > 50
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[a-zA-Z])", text.strip()))


def test_there_are_pages_to_judge() -> None:
    assert len(PAGES) >= 10


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_carry_no_inline_script_or_style(page: Path) -> None:
    """The content security policy would drop it without a word to the user."""
    text = re.sub(r"\{#.*?#\}|\{% comment.*?endcomment %\}", "", page.read_text(), flags=re.DOTALL)
    inline = re.findall(
        r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>"
        r"|<style\b|\sstyle\s*=\s*[\"']|\son[a-z]+\s*=\s*[\"']|javascript:",
        text,
    )
    assert not inline
    foreign = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"(?:https?:)?//", text)
    assert not foreign
