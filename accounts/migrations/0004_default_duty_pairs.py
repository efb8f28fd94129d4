from itertools import combinations

from django.db import migrations

DUTIES = (
    *("request", "approve", "order", "receive"),
    *("enter_invoice", "resolve", "vendor_bank", "release"),
)
TOLERATED = {("order", "request"), ("receive", "request")}
NEVER_TOGETHER = {
    ("order", "receive"),
    ("enter_invoice", "order"),
    ("enter_invoice", "receive"),
    ("enter_invoice", "vendor_bank"),
    ("release", "vendor_bank"),
    ("order", "vendor_bank"),
    ("order", "release"),
    ("receive", "release"),
}


def keep_apart(apps, schema_editor):
    """An entity that exists already starts with what a new one has: until now no buyer could
    receive the own order either."""
    entity_model, pair_model = (apps.get_model("accounts", name) for name in ("Entity", "DutyPair"))
    for entity in entity_model.objects.all():
        if pair_model.objects.filter(entity=entity).exists():
            continue
        pairs = [tuple(sorted(each)) for each in combinations(DUTIES, 2)]
        pair_model.objects.bulk_create(
            pair_model(
                entity=entity, first=first, second=second, at_grant=(first, second) in NEVER_TOGETHER
            )
            for first, second in pairs
            if (first, second) not in TOLERATED
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_people_in_the_trail")]
    operations = [migrations.RunPython(keep_apart, migrations.RunPython.noop)]
