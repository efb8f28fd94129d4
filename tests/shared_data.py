"""Documents with known figures that lie beside the repository and are never copied into it."""

import json
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def folder(name: str) -> Path:
    """A folder of the shared data; the test is skipped, with the reason, where it is absent."""
    path = SHARED / name
    if not path.is_dir():
        pytest.skip(f"../shared/data/{name} is not here; it lies beside the repository")
    return path


def ground_truth(name: str, *, documents: tuple[str, ...], syntax: str = "UBL") -> list[dict]:
    """Ground-truth rows of a folder, of these document types; none where the folder is absent."""
    path = SHARED / name / "ground-truth.json"
    if not path.is_file():
        return []
    rows = json.loads(path.read_text("utf-8"))["documents"]
    return [r for r in rows if r["syntax"] == syntax and r["document"] in documents]
