"""What the benchmark of approvals stands on, at sizes that take a moment."""

import pytest

from approvals.models import ApprovalStep
from bench import approvals, stage

SIZES = {"chains": 20, "past": 20, "waiting": 12, "times": 1, "steps": 40, "due": 10}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_every_part_measures_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approvals, "PEOPLE", 30)
    found = approvals.run(stage.build(), SIZES)
    assert [each.unit for each in found] == ["chains/s", "chains/s", "s", "ms", "ms", "s", "ms"]
    assert all(each.value > 0 for each in found)
    assert "9 reminded" in found[5].how and "1 escalated" in found[5].how
    assert ApprovalStep.objects.filter(status="active").count() == 12 + 30
