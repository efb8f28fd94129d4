"""What people do about warnings: take note of one, set the levels, and say when to be quiet."""

from collections.abc import Iterable
from datetime import datetime

from accounts.models import Entity, Role, User
from budgets.models import AlertSetting, BudgetAlert, BudgetCell, BudgetWatch, QuietWindow
from budgets.trail import told, told_of_mail
from core.errors import FieldError, NotAllowed, RuleBroken
from core.transactions import atomic

MOST_LEVELS = 6
MOST_PERCENT = 200


@atomic
def acknowledge(*, alert: BudgetAlert, actor: User, at: datetime) -> BudgetAlert:
    """Say that somebody saw it. The first to do so stands. Raises NotAllowed.

    The owner of the cost centre or a controller of the entity may.
    """
    alert = (
        BudgetAlert.objects.select_for_update(of=("self",), no_key=True)
        .select_related(
            "cell__entity",
            "cell__cost_center",
            "cell__gl_account",
            "cell__project",
            "cell__fiscal_year",
        )
        .get(pk=alert.pk)
    )
    _require_answerable(alert.cell, actor)
    if alert.acknowledged_at is None:
        alert.acknowledged_at, alert.acknowledged_by = at, actor
        alert.save(update_fields=["acknowledged_at", "acknowledged_by"])
        data = {"alert": str(alert.pk), "level": alert.level}
        told("budget.alert_acknowledged", alert.cell, actor=actor, at=at, data=data)
    return alert


@atomic
def set_levels(
    *, cell: BudgetCell, levels: Iterable[int], actor: User | None, at: datetime
) -> BudgetWatch:
    """Set at which percentages a budget warns; none at all is allowed, the burn rate still warns.

    Raises NotAllowed for all but its owner, a controller and the portal itself, and RuleBroken.
    """
    wanted = sorted(set(levels))
    if actor is not None:
        _require_answerable(cell, actor)
    if len(wanted) > MOST_LEVELS or any(not 1 <= each <= MOST_PERCENT for each in wanted):
        detail = f"At most {MOST_LEVELS} percentages from 1 to {MOST_PERCENT}."
        raise RuleBroken(detail, errors=[FieldError("/levels", "invalid", detail)])
    BudgetWatch.objects.bulk_create([BudgetWatch(cell=cell)], ignore_conflicts=True)
    watch = BudgetWatch.objects.select_for_update(no_key=True).get(cell=cell)
    before, watch.levels = watch.levels, wanted
    watch.save(update_fields=["levels"])
    if before != wanted:
        changes = [{"field": "warn_levels", "old": _words(before), "new": _words(wanted)}]
        told("budget.levels_set", cell, actor=actor, at=at, changes=changes)
    return watch


@atomic
def add_quiet_window(
    *,
    entity: Entity,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    actor: User,
    at: datetime,
) -> QuietWindow:
    """Keep mail about budgets back from one moment to another; it goes when the time is over.

    A controller may. Raises NotAllowed, RuleBroken with pointers.
    """
    _require_controller(entity, actor)
    errors = []
    if ends_at <= starts_at:
        errors.append(FieldError("/ends_at", "invalid", "It must end after it starts."))
    if not reason.strip():
        errors.append(FieldError("/reason", "required", "Say why no mail is wanted."))
    if errors:
        raise RuleBroken("The quiet time was not added.", errors=errors)
    window = QuietWindow.objects.create(
        entity=entity,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason.strip()[:200],
        set_by=actor,
    )
    times = {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
    told_of_mail("quiet_window.set", window, actor=actor, at=at, reason=window.reason, data=times)
    return window


@atomic
def remove_quiet_window(*, window: QuietWindow, actor: User, at: datetime) -> None:
    """End a quiet time before it is over, or take it back. Raises NotAllowed."""
    _require_controller(window.entity, actor)
    told_of_mail("quiet_window.ended", window, actor=actor, at=at, reason=window.reason)
    window.delete()


@atomic
def set_working_time_only(*, entity: Entity, wanted: bool, actor: User, at: datetime) -> None:
    """Say whether mail about budgets goes in working hours only. Raises NotAllowed."""
    _require_controller(entity, actor)
    AlertSetting.objects.bulk_create([AlertSetting(entity=entity)], ignore_conflicts=True)
    setting = AlertSetting.objects.select_for_update(no_key=True).get(entity=entity)
    before, setting.in_working_time_only = setting.in_working_time_only, wanted
    if before != wanted:
        setting.save(update_fields=["in_working_time_only"])
        changes = [{"field": "in_working_time_only", "old": _word(before), "new": _word(wanted)}]
        told_of_mail("alert_setting.changed", setting, actor=actor, at=at, changes=changes)


def may_answer(cell: BudgetCell, person: User) -> bool:
    """Whether a person answers for a budget: its owner, or a controller of the entity."""
    if not person.is_active or person.entity_id != cell.entity_id:
        return False
    return cell.cost_center.owner_id == person.pk or person.has_role(Role.CONTROLLER)


def _require_answerable(cell: BudgetCell, actor: User) -> None:
    if not may_answer(cell, actor):
        raise NotAllowed("Only the budget's owner or a controller does that.")


def _require_controller(entity: Entity, actor: User) -> None:
    if not (actor.is_active and actor.entity_id == entity.pk and actor.has_role(Role.CONTROLLER)):
        raise NotAllowed("Only a controller sets when no mail is wanted.")


def _words(levels: list[int]) -> str:
    return ", ".join(f"{each} %" for each in levels) or "none"


def _word(wanted: bool) -> str:
    return "yes" if wanted else "no"
