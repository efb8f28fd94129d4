"""Migrations make models anew all the time: none of these is told of classes made later."""

from django.db import models
from django.db.migrations.state import ModelState, ProjectState
from django.db.models.signals import class_prepared
from django_fsm import FSMField, can_proceed

from core.states import StateField
from purchase_orders.models import PurchaseOrder


def made_by_a_migration(field: type) -> type:
    fields = [("id", models.AutoField(primary_key=True)), ("status", field(default="draft"))]
    state = ProjectState()
    state.add_model(ModelState("core", "Made", fields))
    return state.apps.get_model("core", "Made")


def test_a_migration_leaves_nobody_listening():
    before = len(class_prepared.receivers)
    held = [made_by_a_migration(StateField)]
    assert len(class_prepared.receivers) == before
    held.append(made_by_a_migration(FSMField))
    assert len(class_prepared.receivers) > before


def test_documents_know_their_transitions():
    assert can_proceed(PurchaseOrder().submit)
    assert not can_proceed(PurchaseOrder().resume)
