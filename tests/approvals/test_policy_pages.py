"""Policies in the browser: the form keeps what was typed, and says at the field what is wrong."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from approvals import policy_editor, services
from approvals.inputs import RequirementInput, RuleInput
from approvals.models import ApprovalPolicy
from tests.factories import NOW, Organisation, step

pytestmark = pytest.mark.django_db


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def typed(state: dict[str, Any]) -> dict[str, str]:
    """The form of a state as a browser posts it."""
    posted: dict[str, str] = {}

    def walk(key: str, value: Any) -> None:
        if isinstance(value, list):
            for place, item in enumerate(value):
                walk(f"{key}.{place}", item)
        elif isinstance(value, dict):
            for name, each in value.items():
                walk(f"{key}.{name}" if key else name, each)
        elif value or not key.endswith("with_previous"):
            posted[key] = value

    walk("", state)
    return posted


@pytest.fixture
def draft(org: Organisation) -> ApprovalPolicy:
    return services.draft_policy(
        entity=org.entity,
        name="Data",
        applies_to="requisition",
        description="Whatever touches personal data.",
        priority=5,
        rules=[
            RuleInput(
                "Personal data",
                {
                    "all": [
                        {"fact": "personal_data", "operator": "is_true", "value": True},
                        {"fact": "amount", "operator": "gte", "value": "500"},
                    ],
                    "any": [
                        {"fact": "service_type", "operator": "in", "value": ["saas", "iaas"]},
                        {"fact": "cost_centers", "operator": "in", "value": ["CC100"]},
                    ],
                },
                [
                    step(("manager", None)),
                    {
                        "mode": "quorum",
                        "quorum": 1,
                        "with_previous": True,
                        "sla_hours": "4",
                        "approvers": [
                            {"kind": "person", "value": org.dora.email},
                            {"kind": "person", "value": org.sven.email},
                        ],
                    },
                ],
            )
        ],
        requirements=[RequirementInput("dpia", {"all": []})],
        actor=org.ada,
        at=NOW,
    )


def test_a_stored_policy_goes_through_the_form_unchanged(draft: ApprovalPolicy) -> None:
    shown = policy_editor.state_of(draft)
    again = policy_editor.read(typed(shown))
    assert again == shown
    said = policy_editor.stated(again)
    stored = draft.rules.get()
    assert said["rules"][0].conditions == stored.conditions
    kept = [{**each, "quorum": each["quorum"] or 0} for each in said["rules"][0].steps]
    assert kept == stored.steps
    assert said["requirements"][0].reference == "dpia"


@pytest.mark.parametrize(
    ("order", "place", "count"),
    [
        ("add rules", ("rules",), 2),
        ("add rules.0.all", ("rules", 0, "all"), 3),
        ("add rules.0.any", ("rules", 0, "any"), 3),
        ("add rules.0.steps", ("rules", 0, "steps"), 3),
        ("add rules.0.steps.1.approvers", ("rules", 0, "steps", 1, "approvers"), 3),
        ("add requirements", ("requirements",), 2),
        ("drop rules.0", ("rules",), 0),
        ("drop rules.0.all.1", ("rules", 0, "all"), 1),
        ("drop rules.0.steps.1.approvers.0", ("rules", 0, "steps", 1, "approvers"), 1),
        ("drop rules.7", ("rules",), 1),
        (f"drop rules.{'9' * 5000}", ("rules",), 1),
        ("drop rules.０", ("rules",), 1),
        ("add rules.7.all", ("rules",), 1),
        ("add name", ("rules",), 1),
        ("up rules.0", ("rules",), 1),
        ("nonsense", ("rules",), 1),
        ("drop rules.0.all.x", ("rules", 0, "all"), 2),
    ],
)
def test_buttons_change_the_form_and_nothing_else(
    draft: ApprovalPolicy, order: str, place: tuple[Any, ...], count: int
) -> None:
    state = policy_editor.state_of(draft)
    policy_editor.change(state, order)
    found: Any = state
    for part in place:
        found = found[part]
    assert len(found) == count


def test_rules_change_places(draft: ApprovalPolicy) -> None:
    state = policy_editor.state_of(draft)
    policy_editor.change(state, "add rules")
    policy_editor.change(state, "up rules.1")
    assert [each["name"] for each in state["rules"]] == ["", "Personal data"]
    policy_editor.change(state, "down rules.0")
    assert [each["name"] for each in state["rules"]] == ["Personal data", ""]


def test_a_button_keeps_what_was_typed(org: Organisation, draft: ApprovalPolicy) -> None:
    state = policy_editor.state_of(draft)
    state["rules"][0]["name"] = "Half typed"
    posted = typed(state) | {"change": "add rules.0.all", "version": str(draft.version)}
    response = signed_in(org.ada).post(reverse("approvals:policy_edit", args=[draft.pk]), posted)
    page = response.content.decode()
    assert response.status_code == 200
    assert 'value="Half typed"' in page
    assert "rules.0.all.2.fact" in page
    draft.refresh_from_db()
    assert draft.rules.get().name == "Personal data"


def test_a_policy_is_drafted_and_changed(org: Organisation) -> None:
    client = signed_in(org.ada)
    state = policy_editor.new() | {"name": "Cloud"}
    state["rules"][0]["name"] = "All of it"
    response = client.post(reverse("approvals:policy_new"), typed(state))
    made = ApprovalPolicy.objects.get(name="Cloud")
    assert response.headers["Location"] == reverse("approvals:policy", args=[made.pk])
    state["description"] = "Now with words"
    posted = typed(state) | {"version": str(made.version)}
    client.post(reverse("approvals:policy_edit", args=[made.pk]), posted)
    made.refresh_from_db()
    assert (made.description, made.status) == ("Now with words", "draft")


def test_what_is_wrong_is_said_at_its_field(org: Organisation) -> None:
    state = policy_editor.new() | {"name": "", "priority": "soon"}
    policy_editor.change(state, "add rules.0.all")
    state["rules"][0]["all"][0]["value"] = "much"
    state["rules"][0]["steps"][0] |= {"mode": "quorum", "quorum": "9", "sla_hours": "-1"}
    response = signed_in(org.ada).post(reverse("approvals:policy_new"), typed(state))
    form = response.context["form"]
    rule = form["rules"][0]
    assert response.status_code == 422
    assert form["name"]["errors"] and form["priority"]["errors"]
    assert rule["name"]["errors"] and rule["all"][0]["value"]["errors"]
    assert rule["steps"][0]["quorum"]["errors"] and rule["steps"][0]["sla_hours"]["errors"]
    assert form["errors"] == []
    assert not ApprovalPolicy.objects.filter(status="draft").exists()


def test_a_change_by_somebody_else_is_not_overwritten(
    org: Organisation, draft: ApprovalPolicy
) -> None:
    posted = typed(policy_editor.state_of(draft)) | {"version": str(draft.version - 1)}
    response = signed_in(org.ada).post(reverse("approvals:policy_edit", args=[draft.pk]), posted)
    assert response.status_code in (409, 412)


@pytest.mark.parametrize("who", ["rita", "axel", "dora", "finn"])
def test_policies_are_for_those_who_look_after_them(
    org: Organisation, draft: ApprovalPolicy, who: str
) -> None:
    client = signed_in(getattr(org, who))
    for name, args in (("policies", []), ("policy", [draft.pk]), ("policy_new", [])):
        assert client.get(reverse(f"approvals:{name}", args=args)).status_code == 403


def test_another_entitys_policy_is_not_found(org: Organisation, draft: ApprovalPolicy) -> None:
    client = signed_in(org.nils)
    for name in ("policy", "policy_edit", "policy_simulation"):
        assert client.get(reverse(f"approvals:{name}", args=[draft.pk])).status_code == 404


def test_who_worked_on_it_does_not_put_it_into_force(
    org: Organisation, draft: ApprovalPolicy
) -> None:
    address = reverse("approvals:policy_perform", args=[draft.pk, "activate"])
    signed_in(org.ada).post(address)
    draft.refresh_from_db()
    assert draft.status == "draft"
    signed_in(org.cora).post(address)
    draft.refresh_from_db()
    assert (draft.status, draft.activated_by) == ("active", org.cora)


def test_a_version_in_force_is_changed_in_a_new_one(
    org: Organisation, draft: ApprovalPolicy
) -> None:
    services.activate(policy_version=draft, actor=org.cora, at=NOW)
    client = signed_in(org.ada)
    refused = client.get(reverse("approvals:policy_edit", args=[draft.pk]))
    assert refused.headers["Location"] == reverse("approvals:policy", args=[draft.pk])
    client.post(reverse("approvals:policy_perform", args=[draft.pk, "new-version"]))
    copy = ApprovalPolicy.objects.get(name="Data", policy_version=2)
    assert policy_editor.state_of(copy) == policy_editor.state_of(draft)
    client.post(reverse("approvals:policy_perform", args=[copy.pk, "discard"]))
    assert not ApprovalPolicy.objects.filter(pk=copy.pk).exists()
    assert client.post(f"/approvals/policies/{draft.pk}/bend/").status_code == 404


def test_pages_show_rules_in_words(org: Organisation, draft: ApprovalPolicy) -> None:
    client = signed_in(org.olga)
    page = client.get(reverse("approvals:policy", args=[draft.pk])).content.decode()
    assert "personal data and amount" in page.lower()
    assert client.get(reverse("approvals:policies")).status_code == 200
    simulated = client.get(
        reverse("approvals:policy_simulation", args=[draft.pk]),
        {"since": "2026-03-09", "until": "2026-03-01"},
    )
    assert simulated.status_code == 200
    odd = client.get(
        reverse("approvals:policy_simulation", args=[draft.pk]),
        {"since": "2026-13-99", "until": "x"},
    )
    assert odd.status_code == 200
