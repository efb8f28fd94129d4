"""The checks of the migration before, asked of the old rows: it reads them and stops nobody."""

from typing import Any

from django.db import migrations

from core.constraints import unproven


def prove(apps: Any, schema_editor: Any) -> None:
    quoted = schema_editor.quote_name
    for table, name in unproven():
        schema_editor.execute(f"ALTER TABLE {quoted(table)} VALIDATE CONSTRAINT {quoted(name)}")


class Migration(migrations.Migration):
    dependencies = [("core", "0002_no_column_takes_nan")]

    operations = [migrations.RunPython(prove, migrations.RunPython.noop)]
