"""`set_up`: an organisation from a file, once, whole or not at all."""

import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import DutyPair, Entity, RoleAssignment, TaxCode, User
from budgets.models import CostCenter, ExchangeRate, FiscalYear, GLAccount, Project
from core.models import TrailEvent
from core.trail import verify
from tests.notifications.test_letters import worked

pytestmark = pytest.mark.django_db
EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "organisation.toml"
MODELS = (
    *(Entity, User, RoleAssignment, DutyPair, FiscalYear, TaxCode),
    *(CostCenter, GLAccount, Project, ExchangeRate, TrailEvent),
)


def counts() -> list[int]:
    return [model.objects.count() for model in MODELS]


def set_up(file: Path, capsys: pytest.CaptureFixture[str]) -> str:
    call_command("set_up", file)
    return capsys.readouterr().out


def test_the_example_is_there_with_its_people_once(capsys: pytest.CaptureFixture[str]) -> None:
    said = set_up(EXAMPLE, capsys)
    assert "NL01: 1 entity, 2 fiscal_years, 12 people" in said
    assert "“Forgotten password”" in said
    entity = Entity.objects.get()
    assert entity.fallback_approver.email == "finance@example.com"
    assert CostCenter.objects.get(code="CC100").owner.email == "director@example.com"
    assert ExchangeRate.objects.get().base == "EUR"
    rita = User.objects.get(email="rita@example.com")
    assert (rita.roles, rita.delegated_order_limit) == ({"requester"}, 500)
    assert not rita.has_usable_password()
    event = TrailEvent.objects.get(type="entity.set_up")
    assert (event.actor, event.data["people"]) == (None, 12)
    assert not list(verify(str(entity.pk)))
    first = counts()
    assert set_up(EXAMPLE, capsys) == "NL01: all was there already\n"
    assert counts() == first


def test_somebody_new_chooses_a_password_and_signs_in(
    capsys: pytest.CaptureFixture[str], mailoutbox: list
) -> None:
    set_up(EXAMPLE, capsys)
    client = Client()
    client.post(reverse("account_reset_password"), {"email": "rita@example.com"})
    worked()
    link = re.search(r"https?://\S+/password/reset/key/\S+", mailoutbox[0].body)
    assert link is not None
    page = client.get("/" + link[0].split("/", 3)[3], follow=True)
    words = "a-long-word-of-her-own-92"
    client.post(page.redirect_chain[-1][0], {"password1": words, "password2": words})
    said = {"login": "rita@example.com", "password": words}
    assert Client().post(reverse("account_login"), said).status_code == 302


def test_what_the_file_gains_is_added_and_what_it_changes_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(EXAMPLE, capsys)
    text = EXAMPLE.read_text().replace("projects = [", 'projects = [{ code = "B", name = "B" }, ')
    grown = tmp_path / "grown.toml"
    grown.write_text(text.replace("Cloud infrastructure", "Clouds"))
    assert set_up(grown, capsys) == "NL01: 1 projects\n"
    assert GLAccount.objects.get(code="6300").name == "Cloud infrastructure"


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('country = "NL"', 'country = "NL"\ncolour = "red"', "/entity/0/colour: Unknown"),
        ('currency = "EUR"', "", "/entity/0/currency: This field cannot be blank"),
        ("[2026, 2027]", "[26]", "/entity/0/fiscal_years/0: Not a year"),
        ("[2026, 2027]", "2026", "/entity/0/fiscal_years: Not a list"),
        ('["auditor"]', '["king"]', "/entity/0/people/11/roles"),
        ("delegated_order_limit = 500", "delegated_order_limit = -5", "/entity/0/people/7/"),
        ('owner = "director@', 'owner = "nobody@', "/entity/0/cost_centers/0/owner: Nobody of"),
        ('kind = "capex"', 'kind = "gift"', "/entity/0/gl_accounts/2/kind"),
        ("rate = 0.9210", "rate = 0", "/entity/0/rates/0"),
        ("[[entity]]", "[[company]]", "must hold [[entity]] tables"),
        ("[[entity]]", "[[entity", "cannot be read"),
    ],
)
def test_a_wrong_file_adds_nothing_and_says_where(
    tmp_path: Path, old: str, new: str, place: str
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(EXAMPLE.read_text().replace(old, new, 1))
    before = counts()
    with pytest.raises(CommandError, match=re.escape(place)):
        call_command("set_up", file)
    assert counts() == before
