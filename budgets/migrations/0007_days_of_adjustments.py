from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.db import migrations, models
from django.db.models.functions import TruncDate

LEFT = "Left by earlier periods, for "
YEAR_ENDS = ("year_end.rolled", "year_end.reversed")
MANY = 1_000


def _lift(schema_editor: Any, table: str) -> None:
    """Let a table that only grows be filled; every migrate protects it again when it ends."""
    names = (f"{table}_update", f"{table}_delete")
    if schema_editor.connection.vendor == "postgresql":
        names = (f"{table}_rows ON {table}",)
    for name in names:
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}")


def fill(apps: Any, schema_editor: Any) -> None:
    """The day of the posting that an adjustment went with; else the day on which it was recorded,
    at the latest the last of its fiscal year."""
    Adjustment, Entity, Cell = (
        apps.get_model(name)
        for name in ("budgets.BudgetAdjustment", "accounts.Entity", "budgets.BudgetCell")
    )
    _lift(schema_editor, Adjustment._meta.db_table)
    for entity in Entity.objects.all():
        recorded = TruncDate("recorded_at", tzinfo=ZoneInfo(entity.time_zone))
        Adjustment.objects.filter(cell__entity=entity).update(effective_on=recorded)
    for year in apps.get_model("budgets.FiscalYear").objects.all():
        late = Adjustment.objects.filter(
            cell__in=Cell.objects.filter(fiscal_year=year), effective_on__gt=year.ends_on
        )
        late.update(effective_on=year.ends_on)
    _follow_postings(Adjustment, apps.get_model("budgets.LedgerEntry"))


def _follow_postings(Adjustment: Any, Entry: Any) -> None:
    """What earlier periods left went with a posting of the same moment; what travelled with a year
    end has its entries' moment and reason as well."""
    days: dict[tuple[Any, ...], date] = {}
    carried = Adjustment.objects.filter(reason__startswith=LEFT)
    for each in carried.filter(amount__gt=0).order_by("pk").iterator(MANY):
        number = each.reason.removeprefix(LEFT)
        same = Entry.objects.filter(cell_id=each.cell_id, recorded_at=each.recorded_at)
        entry = same.filter(document_number=number).first()
        if entry is not None:
            days[each.recorded_at, each.reason] = entry.posting_date
    for (moment, reason), day in days.items():
        same = carried.filter(recorded_at=moment, reason=reason)
        same.exclude(effective_on=day).update(effective_on=day)
    rolled = Entry.objects.filter(event__in=YEAR_ENDS).order_by()
    names = ("cell_id", "recorded_at", "reason", "posting_date")
    for cell, moment, reason, day in rolled.values_list(*names).distinct().iterator(MANY):
        travelled = Adjustment.objects.filter(cell_id=cell, recorded_at=moment, reason=reason)
        travelled.update(effective_on=day)
    overdrawn = Adjustment.objects.exclude(overdraft=0).order_by("pk")
    for each in overdrawn.iterator(MANY):
        entry = Entry.objects.filter(cell_id=each.cell_id, recorded_at=each.recorded_at).first()
        if entry is not None:
            Adjustment.objects.filter(pk=each.pk).update(effective_on=entry.posting_date)


class Migration(migrations.Migration):

    dependencies = [
        ('budgets', '0006_month_sums'),
    ]

    operations = [
        migrations.AddField(
            model_name='budgetadjustment',
            name='effective_on',
            field=models.DateField(help_text='From this day on it counts.', null=True),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='budgetadjustment',
            name='effective_on',
            field=models.DateField(help_text='From this day on it counts.'),
        ),
    ]
