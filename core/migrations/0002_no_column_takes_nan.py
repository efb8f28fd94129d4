"""Columns of exact decimals made before they refused NaN by themselves learn to, for new rows.

Without a lock for long: whether old rows hold it is asked by the next migration, beside the portal
at work. SQLite learns it where a table is next rebuilt.
"""

from typing import Any

from django.db import migrations

from core.constraints import open_to_nan


def close(apps: Any, schema_editor: Any) -> None:
    quoted = schema_editor.quote_name
    for table, column in open_to_nan():
        name = quoted(f"{table}_{column}"[:56] + "_number")
        schema_editor.execute(
            f"ALTER TABLE {quoted(table)} ADD CONSTRAINT {name} "
            f"CHECK ({quoted(column)} <> 'NaN') NOT VALID"
        )


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [migrations.RunPython(close, migrations.RunPython.noop)]
