"""docs/lifecycle.md says what the code does, and semantics of the states hold in general."""

from pathlib import Path

import pytest
from django.conf import settings
from django_fsm import FSMFieldMixin

from accounts.permissions import words_of
from core import lifecycle

PAGE = Path(settings.BASE_DIR) / "docs" / "lifecycle.md"
DOCUMENTS = list(lifecycle.documents())


def transitions(model):
    for field in model._meta.fields:
        if isinstance(field, FSMFieldMixin):
            yield from field.get_all_transitions(model)


def test_the_page_equals_the_code():
    written = PAGE.read_text(encoding="utf-8")
    assert written == lifecycle.text(words_of), "run: manage.py lifecycle"


@pytest.mark.parametrize("model", DOCUMENTS, ids=lambda model: model.document_type)
def test_states_are_protected_and_edges_known(model):
    field = next(each for each in model._meta.fields if isinstance(each, FSMFieldMixin))
    states = {value for value, _ in field.choices}
    assert field.protected
    assert field.name == "status"
    for each in transitions(model):
        assert each.source in states, f"{each.name} begins anywhere"
        assert each.target in states


@pytest.mark.parametrize("model", DOCUMENTS, ids=lambda model: model.document_type)
def test_every_transition_says_what_it_does(model):
    silent = {each.name for each in transitions(model) if not each.method.__doc__}
    assert not silent


def test_the_documents_of_the_rules_are_all_here():
    assert {model.document_type for model in DOCUMENTS} >= {
        "requisition",
        "order",
        "receipt",
        "invoice",
        "match_exception",
        "approval_request",
        "approval",
        "vendor",
    }
