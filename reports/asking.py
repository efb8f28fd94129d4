"""What a report is asked: filters in the words of the API, read once for pages, API and mails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from accounts.models import Entity, Role, User
from budgets.models import CostCenter, GLAccount
from budgets.models.cells import SEE_BUDGETS
from core import text
from core.api.filtering import day_of
from core.errors import DomainError, Missing
from reports.figures import Scope

WHOLE_ENTITY = SEE_BUDGETS
OVERSIGHT = (Role.CONTROLLER, Role.AUDITOR, Role.ADMINISTRATOR)
OVERSEEN = ("segregation-of-duties", "emergency-review", "approval-bottlenecks")
UNDIVIDED = (*OVERSEEN, "accruals", "open-orders-aging")  # no cost centre divides them
YEARS = range(1900, 3000)  # beyond them a day before or after may not exist
CODING = ("cost_center", "gl_account", "project")


class BadFilter(DomainError):
    slug = "invalid-filter"
    status = 400
    title = "A filter cannot be read."


class UnknownFilter(BadFilter):
    slug = "unknown-filter"
    title = "There is no such filter here."


class Unreadable(BadFilter):
    slug = "malformed"


class NoSight(DomainError):
    """Somebody without a part in budgets asked for a report."""

    slug = "not-allowed"
    status = 403
    title = "Reports are for those who answer for budgets."


@dataclass(frozen=True)
class Question:
    """What was asked for. `today` is the day the report stands on: `as_of`, or the present one."""

    user: User
    entity: Entity
    since: date | None
    as_of: date | None
    known_on: date | None
    today: date
    fiscal_year: int
    filters: Mapping[str, str]
    group_by: Sequence[str]
    order: str = ""
    kind: str | None = None

    @property
    def scope(self) -> Scope:
        return Scope(
            entity=self.entity,
            fiscal_year=self.fiscal_year,
            as_of=self.as_of,
            known_on=self.known_on,
            kind=self.kind,
            **self.filters,
        )


def read(
    asked: Mapping[str, Sequence[str]], *, takes: Sequence[str], user: User, now: datetime
) -> Question:
    """The question that query parameters ask. `takes` are the filters that the report knows.

    Raises UnknownFilter, BadFilter, Unreadable, NoSight for somebody of no entity.
    """
    for name, values in asked.items():
        if name not in ("as_of", *takes):
            raise UnknownFilter(f"There is no filter {name[:64]!r} here.")
        if any(text.fault(value, multiline=False) for value in values):
            raise Unreadable(f"{name} holds characters that are not accepted.")
    said = {name: values[-1] for name, values in asked.items() if values}
    if user.entity is None:
        raise NoSight()
    entity = user.entity
    as_of, known_on, since = (_day(said, name) for name in ("as_of", "recorded_at", "since"))
    days = [day for day in (as_of, known_on) if day is not None]
    today = min(days) if days else entity.day_of(now)
    return Question(
        user=user,
        entity=entity,
        since=since,
        as_of=as_of,
        known_on=known_on,
        today=today,
        fiscal_year=_year(said, entity, today),
        filters={name: said[name] for name in CODING if name in said},
        group_by=[part for value in asked.get("group_by", ()) for part in value.split(",")],
        order=said.get("order", ""),
        kind=_kind(said),
    )


def require(name: str, *, user: User, cost_center: str | None) -> None:
    """Whether a person may read a report over the API or by mail.

    The whole entity for those who see all its budgets (`BudgetCell.visible_to`), whom the pages are
    for; who only owns a cost centre sees one own at a time, of the reports that a cost centre
    divides. Raises NoSight, and Missing for a cost centre that is another's or unknown.
    """
    if name in OVERSEEN and not user.has_role(*OVERSIGHT):
        raise NoSight("This report is for those who oversee the entity.")
    if user.has_role(*WHOLE_ENTITY):
        return
    if name in UNDIVIDED:
        raise NoSight("This report covers the whole entity.")
    owned = CostCenter.objects.visible_to(user).filter(owner=user)
    if not owned.exists():
        raise NoSight()
    if cost_center is None:
        raise NoSight("Ask for one of your own cost centres by cost_center.")
    if not owned.filter(code=cost_center).exists():
        raise Missing()


def may_read(name: str, *, user: User, filters: Mapping[str, str]) -> bool:
    """The same as a yes or no, for a person who works here."""
    try:
        require(name, user=user, cost_center=filters.get("cost_center"))
    except DomainError:
        return False
    return user.is_active


def _day(said: Mapping[str, str], name: str) -> date | None:
    if name not in said:
        return None
    try:
        day = day_of(said[name])
    except ValueError as error:
        raise BadFilter(f"{name} {error}") from None
    if day.year not in YEARS:
        raise BadFilter(f"{name} must be a day of {YEARS[0]} to {YEARS[-1]}.")
    return day


def _year(said: Mapping[str, str], entity: Entity, day: date) -> int:
    if "fiscal_year" not in said:
        return entity.fiscal_year_of(day)
    given = said["fiscal_year"]
    if not given.isascii() or not given.isdigit() or len(given) != 4 or int(given) not in YEARS:
        raise BadFilter("fiscal_year must be a year such as 2026.")
    return int(given)


def _kind(said: Mapping[str, str]) -> str | None:
    kind = said.get("kind")
    if kind is not None and kind not in GLAccount.Kind.values:
        raise BadFilter(f"kind must be one of {', '.join(GLAccount.Kind.values)}.")
    return kind
