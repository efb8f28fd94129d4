"""What stands in the repository and its history is fit for strangers."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Written apart, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b")
MACHINE = re.compile(r"(?<![\w.])/(?:wo" + r"rk|ro" + r"ot|ho" + r"me/\w+)/")
CONFLICT = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)
SUBJECT = re.compile(r"^[a-z_]+(?:, [a-z_]+)*: [A-Z][^\n]*\.$")
MOST_BYTES = 1_500_000


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("needs a git checkout: an unpacked archive has no history to read")
    return done.stdout


def tracked() -> list[Path]:
    return [ROOT / name for name in git("ls-files", "-z").split("\0") if name]


def own_texts() -> list[tuple[Path, str]]:
    """Our own text files; vendored ones and locks are others' words."""
    found = []
    for path in tracked():
        if "vendor" in path.parts[len(ROOT.parts) : -1] or path.suffix == ".lock":
            continue
        try:
            found.append((path, path.read_text(encoding="utf-8")))
        except (UnicodeDecodeError, FileNotFoundError):
            continue
    return found


def test_nothing_is_left_unfinished_or_names_a_machine() -> None:
    texts = own_texts()
    assert len(texts) > 100
    wrong = [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path, text in texts
        for pattern in (UNFINISHED, MACHINE, CONFLICT)
        if (found := pattern.search(text))
    ]
    assert not wrong


def test_no_file_is_heavy_or_written_by_a_run() -> None:
    heavy = [path for path in tracked() if path.exists() and path.stat().st_size > MOST_BYTES]
    assert not heavy
    made = [p for p in tracked() if p.suffix in {".sqlite3", ".pyc", ".eml", ".log"}]
    assert not [path for path in made if "tests" not in path.parts]


def test_commit_subjects_name_the_area_and_the_deed() -> None:
    subjects = git("log", "--no-merges", "-n", "20", "--format=%s").splitlines()
    wrong = [subject for subject in subjects if not SUBJECT.match(subject) or len(subject) > 100]
    assert not wrong
