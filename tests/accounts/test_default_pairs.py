"""An entity that was there before duties were kept apart starts with the default pairs."""

from importlib import import_module

import pytest
from django.apps import apps

from accounts import duties
from accounts.models import DutyPair

pytestmark = pytest.mark.django_db
migration = import_module("accounts.migrations.0004_default_duty_pairs")


def test_the_migration_gives_what_a_new_entity_has_and_touches_no_entity_that_has_pairs(org):
    DutyPair.objects.filter(entity=org.entity).exclude(first="approve").delete()
    kept = set(DutyPair.objects.filter(entity=org.entity).values_list("pk", flat=True))
    migration.keep_apart(apps, None)
    assert set(DutyPair.objects.filter(entity=org.entity).values_list("pk", flat=True)) == kept
    given = DutyPair.objects.filter(entity=org.uk).order_by("first", "second")
    assert list(given.values_list("first", "second", "at_grant")) == duties.default_pairs()
