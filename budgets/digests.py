"""Mail about budgets: every warning that came up, in one mail to each owner, at a good time."""

from collections import defaultdict
from datetime import datetime

from accounts import calendars
from accounts.models import Entity, Role, User
from budgets.models import AlertLetter, AlertSetting, BudgetAlert, QuietWindow
from core import outbox
from core.transactions import atomic

HANDLER = "notifications.budget_alerts"


def gather_all(*, at: datetime) -> list[AlertLetter]:
    """Have mailed what waits, of every entity that does not want quiet now."""
    waiting = BudgetAlert.objects.filter(gathered_at=None).order_by()
    entities = Entity.objects.filter(pk__in=waiting.values("entity")).order_by("pk")
    return [
        letter
        for entity in entities
        if not is_quiet(entity, at)
        for letter in gather(entity=entity, at=at)
    ]


@atomic
def gather(*, entity: Entity, at: datetime) -> list[AlertLetter]:
    """One letter a person about all warnings that wait. Of two at once the second finds none.

    What ended or was acknowledged meanwhile is not mailed any more. A cost centre without an owner
    who works here is its controllers' business.
    """
    waiting = list(
        BudgetAlert.objects.select_for_update(of=("self",), no_key=True)
        .filter(entity=entity, gathered_at=None)
        .select_related("cell__cost_center__owner")
        .order_by("pk")
    )
    pks = [alert.pk for alert in waiting]
    BudgetAlert.objects.filter(pk__in=pks).update(gathered_at=at)
    standing = [each for each in waiting if each.ended_at is None and each.acknowledged_at is None]
    by_person: dict[User, list[BudgetAlert]] = defaultdict(list)
    for alert in standing:
        for person in _told(alert):
            by_person[person].append(alert)
    return [_letter(entity, person, alerts, at) for person, alerts in by_person.items()]


def _letter(entity: Entity, person: User, alerts: list[BudgetAlert], at: datetime) -> AlertLetter:
    letter = AlertLetter.objects.create(entity=entity, recipient=person, created_at=at)
    letter.alerts.set(alerts)
    arguments = {"letter": str(letter.pk)}
    outbox.enqueue(HANDLER, arguments, key=f"{HANDLER}:{letter.pk}", at=at)
    return letter


def _told(alert: BudgetAlert) -> list[User]:
    owner = alert.cell.cost_center.owner
    if owner is not None and owner.is_active:
        return [owner]
    controllers = User.objects.filter(
        entity=alert.entity_id,
        is_active=True,
        role_assignments__role=Role.CONTROLLER,
        role_assignments__entity=alert.entity_id,
    )
    return list(controllers.distinct().order_by("pk"))


def is_quiet(entity: Entity, at: datetime) -> bool:
    """Whether an entity wants no mail about budgets at a moment."""
    if QuietWindow.objects.filter(entity=entity, starts_at__lte=at, ends_at__gt=at).exists():
        return True
    setting = AlertSetting.objects.filter(entity=entity).first()
    return (setting is None or setting.in_working_time_only) and not _is_working_time(entity, at)


def _is_working_time(entity: Entity, at: datetime) -> bool:
    """An entity whose hours are no hours works always: no mail would ever go."""
    if entity.day_starts >= entity.day_ends:
        return True
    local = at.astimezone(entity.zone)
    in_hours = entity.day_starts <= local.time() < entity.day_ends
    return in_hours and calendars.is_working_day(entity, local.date())
