from typing import Any

import django.db.models.deletion
from django.db import migrations, models

import core.fields
from budgets import month_sums


def add_what_was_posted(apps: Any, schema_editor: Any) -> None:
    """From now on a trigger adds; what stands in the ledger is added here."""
    tables = (apps.get_model("budgets", name)._meta.db_table for name in ("LedgerEntry", "MonthSum"))
    schema_editor.execute(month_sums.added(schema_editor.connection.vendor, *tables))


class Migration(migrations.Migration):

    dependencies = [
        ('budgets', '0005_commitments_that_span_years'),
    ]

    operations = [
        migrations.CreateModel(
            name='MonthSum',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('month', models.DateField(help_text='Its first day.')),
                ('pre_encumbered', core.fields.AmountField(default=0)),
                ('encumbered', core.fields.AmountField(default=0)),
                ('spent', core.fields.AmountField(default=0)),
                ('cell', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='months_moved', to='budgets.budgetcell')),
            ],
        ),
        migrations.AddConstraint(
            model_name='monthsum',
            constraint=models.UniqueConstraint(fields=('cell', 'month'), name='month_sum_once'),
        ),
        migrations.RemoveIndex(
            model_name='ledgerentry',
            name='entries_of_cell',
        ),
        migrations.AddIndex(
            model_name='ledgerentry',
            index=models.Index(fields=['cell', 'posting_date', 'stage', 'amount', 'recorded_at'], name='entries_of_cell'),
        ),
        migrations.RunPython(add_what_was_posted, migrations.RunPython.noop),
    ]
